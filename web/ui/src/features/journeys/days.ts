/** Days as the API counts them: YYYY-MM-DD, in UTC. */

const oneDay = 24 * 60 * 60 * 1000

export const dayOf = (at: Date) => at.toISOString().slice(0, 10)

/** So many days later (or, where negative, earlier). */
export const addDays = (day: string, n: number) => dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + n * oneDay))

/** Every day from the first to the last of a period, with its mails: also those without any. */
export function perDay(counts: Record<string, number>, from: string, to: string): { day: string; mails: number }[] {
  const days: { day: string; mails: number }[] = []
  for (let day = from; day <= to; day = addDays(day, 1)) days.push({ day, mails: counts[day] ?? 0 })
  return days
}

/** Days put together to at most so many bars, each named by its first day. */
export function bars(days: { day: string; mails: number }[], most: number): { day: string; mails: number }[] {
  const size = Math.max(1, Math.ceil(days.length / most))
  const out: { day: string; mails: number }[] = []
  for (let i = 0; i < days.length; i += size) {
    const part = days.slice(i, i + size)
    out.push({ day: part[0]!.day, mails: part.reduce((sum, d) => sum + d.mails, 0) })
  }
  return out
}
