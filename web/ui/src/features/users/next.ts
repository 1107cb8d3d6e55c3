/**
 * Where to go after the sign-in: a page of this app, below its base. Anything else that
 * stands in the address (another site, a script) is Home.
 */
export function innerPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return '/'
  const url = new URL(next, window.location.origin) // "//evil.example", "/\evil.example"
  if (url.origin !== window.location.origin) return '/'
  const path = url.pathname.replace(/^\/app(?=\/|$)/, '') || '/'
  if (/^\/(sign-in|set-up|invitation)(\/|$)/.test(path) || path.startsWith('//')) return '/'
  return path + url.search + url.hash
}
