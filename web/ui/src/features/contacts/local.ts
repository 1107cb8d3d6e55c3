/** What the clock says in a zone now, with the weekday; '' where there is no such zone. */
export function localTime(language: string, timeZone: string, now: Date): string {
  if (!timeZone) return ''
  try {
    return new Intl.DateTimeFormat(language, { weekday: 'short', hour: '2-digit', minute: '2-digit', timeZone }).format(
      now,
    )
  } catch {
    return ''
  }
}
