import { expect, test } from 'vitest'

import { formatter } from '~/i18n/format'

import { attentionOf } from './attention'
import { searchOf } from './search'
import { dayPoints, latencyPoints, mailPoints, summary, taskPoints, type Minute } from './series'
import { about, perSecond, reason, since, span, type Overview, type Queue } from './show'
import { firstWithTrouble } from './trouble'

const at = '2026-03-14T09:26:53Z'
const before = (seconds: number) => new Date(Date.parse(at) - seconds * 1000).toISOString()

function queue(over: Partial<Queue>): Queue {
  return {
    name: 'bulk',
    unit: 'mails',
    paused_since: null,
    pending: 0,
    active: 0,
    retry: 0,
    archived: 0,
    oldest_seconds: 0,
    oldest_row_seconds: null,
    waiting: 0,
    deferred: 0,
    held: 0,
    rate: 0,
    sent_rate: 0,
    tasks_rate: 0,
    drain_seconds: 0,
    done_today: 0,
    lost_today: 0,
    failed: 0,
    latency: null,
    ...over,
  }
}

const worker = (over = {}) => ({
  id: 'w',
  host: 'h',
  pid: 1,
  command: 'worker',
  version: '1',
  started_at: before(3600),
  seen_at: before(1),
  lost: false,
  slots: [],
  work: [],
  ...over,
})
const scheduler = (over = {}) => ({
  ...worker(),
  command: 'scheduler',
  every_seconds: 2,
  finished_at: before(1),
  took_seconds: 0.1,
  sweeps: 9,
  ...over,
})
const relay = (over = {}) => ({
  name: 'default',
  host: 'smtp.example.com',
  port: 25,
  state: 'closed' as const,
  since: null,
  until: null,
  in_use: 0,
  idle: 0,
  limit: 8,
  rate_per_second: 0,
  rate: 0,
  accepted: 0,
  deferred: 0,
  failed: 0,
  workers: [],
  test: null,
  ...over,
})

function overview(over: Partial<Overview>): Overview {
  return {
    at,
    redis: 'ok',
    queues: [queue({})],
    workers: [worker()],
    schedulers: [scheduler()],
    scheduler_lag_seconds: 1,
    repairs: [],
    knocks_failed: 0,
    relays: [relay()],
    unknown: 0,
    ...over,
  }
}

test('what needs attention, the gravest first', () => {
  const kinds = (over: Partial<Overview>) => attentionOf(overview(over)).map((a) => a.kind)
  expect(kinds({})).toEqual([])
  expect(kinds({ redis: 'unreachable', workers: [], schedulers: [], scheduler_lag_seconds: null })).toEqual(['redis'])
  expect(kinds({ workers: [] })).toEqual(['noWorker'])
  expect(kinds({ workers: [worker({ lost: true })] })).toEqual(['noWorker', 'lost'])
  expect(kinds({ workers: [worker(), worker({ lost: true, seen_at: before(75) })] })).toEqual(['lost'])
  expect(kinds({ schedulers: [], scheduler_lag_seconds: null })).toEqual(['noScheduler'])
  expect(kinds({ schedulers: [scheduler({ lost: true })], scheduler_lag_seconds: 90 })).toEqual(['noScheduler'])
  expect(kinds({ scheduler_lag_seconds: 31 })).toEqual(['lag'])
  expect(kinds({ schedulers: [scheduler({ error: 'disk full' })], scheduler_lag_seconds: 31 })).toEqual(['sweepError'])
  expect(kinds({ schedulers: [scheduler({ error: 'disk full' })] })).toEqual([]) // the next one went well in time
  expect(kinds({ relays: [relay({ state: 'open', reason: 'relay_unreachable' })] })).toEqual(['relay'])
  expect(kinds({ unknown: 2, queues: [queue({ archived: 1, paused_since: at })] })).toEqual([
    'paused',
    'dead',
    'unknown',
  ])
  expect(kinds({ unknown: 1, queues: [queue({ waiting: 5, drain_seconds: null, oldest_seconds: 40 })] })).toEqual([
    'stuck',
    'unknown',
  ])
  // It has only just begun, or somebody wants it so.
  expect(kinds({ queues: [queue({ waiting: 5, drain_seconds: null, oldest_seconds: 3 })] })).toEqual([])
  expect(kinds({ queues: [queue({ waiting: 5, drain_seconds: null, oldest_seconds: 40, paused_since: at })] })).toEqual(
    ['paused'],
  )
  const lost = attentionOf(
    overview({
      workers: [worker(), worker({ lost: true, seen_at: before(75) }), worker({ lost: true, seen_at: before(20) })],
    }),
  )
  expect(lost).toEqual([{ kind: 'lost', grave: false, count: 2, seconds: 20, to: 'workers' }])
})

test('the tasks that are shown first are those in trouble', () => {
  expect(firstWithTrouble([])).toEqual({ queue: 'bulk', state: 'retry' })
  expect(firstWithTrouble([queue({ retry: 1 }), queue({ name: 'events', archived: 2 })])).toEqual({
    queue: 'events',
    state: 'archived',
  })
  expect(firstWithTrouble([queue({}), queue({ name: 'control', retry: 1 })])).toEqual({
    queue: 'control',
    state: 'retry',
  })
})

test('numbers and lengths of time', () => {
  const en = formatter('en', 'UTC')
  const de = formatter('de', 'UTC')
  expect([0, 0.0004, 0.04, 0.9494].map((s) => span(en, s))).toEqual(['0 sec', '< 1 ms', '40 ms', '949 ms'])
  expect([1.25, 75, 7261, -3].map((s) => span(en, s))).toEqual(['1.3 sec', '1 min 15 sec', '2 hr 1 min', '0 sec'])
  expect([0, 0.001, 0.123, 12.34, 1234.5].map((n) => perSecond(en, n))).toEqual([
    '0',
    '< 0.01',
    '0.12',
    '12.3',
    '1,235',
  ])
  expect(perSecond(de, 12.34)).toBe('12,3')
  expect(since(at, before(12))).toBe(12)
  expect(since(before(12), at)).toBe(0)
})

test('what a task is about, and why something failed', () => {
  expect(about({ type: 'campaign:chunk', row: 12 })).toBe('chunk 12')
  expect(about({ type: 'relay:test', row: 0, name: 'default' })).toBe('relay default')
  expect(about({ type: 'trigger:eval', row: 0 })).toBe('what happened')
  expect(about({ type: 'of:others', row: 3 })).toBe('row 3')
  expect(reason('login_failed')).toBe('the login is refused')
  expect(reason('something_new')).toBe('something_new')
  expect(reason(undefined)).toBe('')
})

test('the address says what is shown, and nothing that is not there', () => {
  expect(searchOf({ queue: 'events', state: 'archived', history: 'control', more: 1 })).toEqual({
    queue: 'events',
    state: 'archived',
    history: 'control',
  })
  expect(searchOf({ queue: 'mail', state: 7, history: null })).toEqual({})
})

test('points of charts', () => {
  const minute = (over: Partial<Minute>): Minute => ({
    at,
    tasks: 0,
    failed: 0,
    rows: 0,
    mails: {},
    p50_seconds: null,
    p95_seconds: null,
    ...over,
  })
  const minutes = [
    minute({ at: '1', tasks: 2, failed: 1, mails: { sent: 40, failed: 2 }, p50_seconds: 0.1, p95_seconds: 2 }),
    minute({ at: '2' }),
  ]
  const when = (t: string) => t
  expect(mailPoints(minutes, when)).toEqual([
    { when: '1', sent: 40, deferred: 0, failed: 2, skipped: 0, unknown: 0 },
    { when: '2', sent: 0, deferred: 0, failed: 0, skipped: 0, unknown: 0 },
  ])
  expect(taskPoints(minutes, when)[0]).toEqual({ when: '1', done: 2, failed: 1 })
  expect(latencyPoints(minutes, when)).toEqual([
    { when: '1', p50: 0.1, p95: 2 },
    { when: '2', p50: null, p95: null }, // a gap
  ])
  expect(dayPoints([{ date: '2026-03-14', done: 10, lost: 3 }], when)).toEqual([
    { when: '2026-03-14', done: 7, lost: 3 },
  ])
  expect(summary(mailPoints(minutes, when), ['sent', 'failed'])).toEqual({ total: 42, most: 42, when: '1' })
  expect(summary(latencyPoints(minutes, when), ['p95'])).toEqual({ total: 2, most: 2, when: '1' })
  expect(summary(mailPoints([minute({})], when), ['sent'])).toBeUndefined()
})
