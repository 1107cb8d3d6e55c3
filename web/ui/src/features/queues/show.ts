import type { Schemas } from '~/api/client'
import type { Format } from '~/i18n/format'

import { words } from './words'

export type Overview = Schemas['QueueOverview']
export type Queue = Schemas['Queue']
export type QueueName = Queue['name']
export type TaskState = 'retry' | 'archived' | 'pending' | 'active'

/** The queues, those first whose delay somebody notices first. */
export const queueNames: QueueName[] = ['triggered', 'bulk', 'events', 'control', 'webhooks']

export const sends = (queue: QueueName) => queue === 'triggered' || queue === 'bulk'

/** A length of time, also one that is shorter than a second: "40 ms", "1.2 sec", "3 min 20 sec". */
export function span(f: Format, seconds: number): string {
  const s = Math.max(0, seconds)
  if (s > 0 && s < 0.0005) return '< 1 ms'
  if (s > 0 && s < 0.95) return `${f.number(Math.round(s * 1000))} ms`
  return f.duration(s)
}

/** A number per second: as exact as one can still see moving. */
export function perSecond(f: Format, n: number): string {
  if (n > 0 && n < 0.01) return `< ${f.number(0.01)}`
  const digits = n < 1 ? 100 : n < 100 ? 10 : 1
  return f.number(Math.round(n * digits) / digits)
}

/** How long before `at` (the server's time of the look) something was. */
export function since(at: string, then: string): number {
  return Math.max(0, (Date.parse(at) - Date.parse(then)) / 1000)
}

const rowKinds = [
  'campaign_run',
  'campaign_chunk',
  'journey_chunk',
  'trigger_eval',
  'journey_step',
  'webhook_call',
  'relay_test',
] as const

/** What a task is about: "chunk 12". */
export function about(task: { type: string; row: number; name?: string }): string {
  const kind = rowKinds.find((k) => k === task.type.replace(':', '_'))
  return words.t(`rows.${kind ?? 'other'}`, { row: task.row, name: task.name })
}

const reasons = [
  'relay_unreachable',
  'relay_refused',
  'relay_busy',
  'login_failed',
  'tls_failed',
  'relaying_denied',
  'interrupted',
  'not_configured',
  'no_worker',
] as const

/** Why something failed, in words where there are some. */
export function reason(code: string | undefined): string {
  const known = reasons.find((r) => r === code)
  return known ? words.t(`reasons.${known}`) : (code ?? '')
}
