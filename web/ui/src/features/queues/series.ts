import type { Schemas } from '~/api/client'

export type Minute = Schemas['QueueMinute']
export type Day = Schemas['QueueDay']

export const outcomes = ['sent', 'deferred', 'failed', 'skipped', 'unknown'] as const

/** A point of a chart: when, and numbers by the name of their series. */
export type Point = { when: string } & Record<string, number | string | null>

/** Mails by outcome. */
export function mailPoints(minutes: Minute[], when: (at: string) => string): Point[] {
  return minutes.map((m) => ({ when: when(m.at), ...Object.fromEntries(outcomes.map((o) => [o, m.mails[o] ?? 0])) }))
}

export function taskPoints(minutes: Minute[], when: (at: string) => string): Point[] {
  return minutes.map((m) => ({ when: when(m.at), done: m.tasks, failed: m.failed }))
}

/** Minutes in which nothing was sent have no latency: a gap, not zero. */
export function latencyPoints(minutes: Minute[], when: (at: string) => string): Point[] {
  return minutes.map((m) => ({ when: when(m.at), p50: m.p50_seconds, p95: m.p95_seconds }))
}

/** asynq counts a task whose worker died among those that it did. */
export function dayPoints(days: Day[], when: (date: string) => string): Point[] {
  return days.map((d) => ({ when: when(d.date), done: Math.max(0, d.done - d.lost), lost: d.lost }))
}

/** What a chart says in one sentence, for those who do not see it; undefined: nothing happened. */
export function summary(points: Point[], series: readonly string[]) {
  let total = 0
  let most = 0
  let when = ''
  for (const p of points) {
    const sum = series.reduce((n, s) => n + (Number(p[s]) || 0), 0)
    total += sum
    if (sum > most) {
      most = sum
      when = p.when
    }
  }
  return total > 0 ? { total, most, when } : undefined
}
