/** All time zones that the browser knows, and the one that is set already, for a Select. */
export function zones(present: string): { value: string; label: string }[] {
  const known = Intl.supportedValuesOf('timeZone')
  const names = new Set(['UTC', ...known, ...(present ? [present] : [])])
  return [...names].map((name) => ({ value: name, label: name.replaceAll('_', ' ') }))
}
