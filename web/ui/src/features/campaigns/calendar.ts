/** A month as a calendar shows it: whole weeks, Monday first. */
import { dayOf, momentOf } from './draft/schedule'

/** Days are "2026-03-14", months "2026-03". */
export function addMonths(month: string, n: number): string {
  const [y, m] = month.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(y, m - 1 + n, 1)).toISOString().slice(0, 7)
}

export function weeksOf(month: string): string[][] {
  const first = new Date(`${month}-01T00:00:00Z`)
  const start = new Date(first)
  start.setUTCDate(1 - ((first.getUTCDay() + 6) % 7))
  const weeks: string[][] = []
  for (const day = start; weeks.length === 0 || day.toISOString().slice(0, 7) === month;) {
    const week: string[] = []
    for (let i = 0; i < 7; i++) {
      week.push(day.toISOString().slice(0, 10))
      day.setUTCDate(day.getUTCDate() + 1)
    }
    weeks.push(week)
  }
  return weeks
}

/** The moments between which the days of a month's weeks lie, in a zone. */
export function periodOf(month: string, zone: string): { from: string; until: string } {
  const weeks = weeksOf(month)
  const last = new Date(`${weeks.at(-1)![6]}T00:00:00Z`)
  last.setUTCDate(last.getUTCDate() + 1)
  return {
    from: momentOf(`${weeks[0]![0]} 00:00`, zone)!.toISOString(),
    until: momentOf(`${last.toISOString().slice(0, 10)} 00:00`, zone)!.toISOString(),
  }
}

export function byDay<T extends { at: string }>(list: T[], zone: string): Map<string, T[]> {
  const days = new Map<string, T[]>()
  for (const item of list) {
    const day = dayOf(item.at, zone)
    days.set(day, [...(days.get(day) ?? []), item])
  }
  return days
}
