/** The server's reasons are no sentences of their own: this makes one of a reason. */
export function sentence(s: string): string {
  if (!s) return s
  const whole = s[0]!.toUpperCase() + s.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}
