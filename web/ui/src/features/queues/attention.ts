import { since, type Overview, type QueueName } from './show'

/** Something that a person should look at. */
export type Attention =
  | { kind: 'redis' | 'noWorker' | 'noScheduler'; grave: true }
  | { kind: 'lost'; grave: false; count: number; seconds: number; to: 'workers' }
  | { kind: 'lag'; grave: true; seconds: number; to: 'schedulers' }
  | { kind: 'sweepError'; grave: true; error: string; to: 'schedulers' }
  | { kind: 'stuck'; grave: true; queue: QueueName; waiting: number; to: 'queues' }
  | { kind: 'paused'; grave: false; queue: QueueName; at: string; to: 'queues' }
  | { kind: 'relay'; grave: true; name: string; reason: string; to: 'relays' }
  | { kind: 'dead'; grave: false; queue: QueueName; count: number; to: 'tasks' }
  | { kind: 'unknown'; grave: false; count: number; to: 'unknown' }

/** After how many seconds without a sweep, or with the oldest task unmoved, it is no coincidence any more. */
const patience = 30

/** What needs attention, the gravest first; nothing where all is well. */
export function attentionOf(o: Overview): Attention[] {
  const list: Attention[] = []
  if (o.redis !== 'ok') {
    list.push({ kind: 'redis', grave: true })
  } else {
    const workers = o.workers ?? []
    const lost = workers.filter((w) => w.lost)
    if (workers.length === lost.length) list.push({ kind: 'noWorker', grave: true })
    if (lost.length > 0)
      list.push({
        kind: 'lost',
        grave: false,
        count: lost.length,
        seconds: Math.min(...lost.map((w) => since(o.at, w.seen_at))),
        to: 'workers',
      })
    const sweeping = (o.schedulers ?? []).filter((s) => !s.lost)
    const error = sweeping.find((s) => s.error)?.error
    if (sweeping.length === 0) list.push({ kind: 'noScheduler', grave: true })
    else if (o.scheduler_lag_seconds === null || o.scheduler_lag_seconds > patience)
      list.push(
        error
          ? { kind: 'sweepError', grave: true, error, to: 'schedulers' }
          : { kind: 'lag', grave: true, seconds: o.scheduler_lag_seconds ?? 0, to: 'schedulers' },
      )
  }
  for (const r of o.relays ?? []) {
    if (r.state === 'open' || r.state === 'half-open')
      list.push({ kind: 'relay', grave: true, name: r.name, reason: r.reason ?? '', to: 'relays' })
  }
  for (const q of o.queues ?? []) {
    if (q.paused_since) list.push({ kind: 'paused', grave: false, queue: q.name, at: q.paused_since, to: 'queues' })
    else if (o.redis === 'ok' && q.waiting > 0 && q.drain_seconds === null && q.oldest_seconds > patience)
      list.push({ kind: 'stuck', grave: true, queue: q.name, waiting: q.waiting, to: 'queues' })
    if (q.archived > 0) list.push({ kind: 'dead', grave: false, queue: q.name, count: q.archived, to: 'tasks' })
  }
  if (o.unknown > 0) list.push({ kind: 'unknown', grave: false, count: o.unknown, to: 'unknown' })
  return list.sort((a, b) => Number(b.grave) - Number(a.grave))
}
