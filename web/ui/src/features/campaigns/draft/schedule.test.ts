import { expect, test } from 'vitest'

import { civilOf, dayOf, momentOf, rhythmOf, specOf, zones, type Rhythm } from './schedule'

test('a time in a zone is a moment', () => {
  const cases: [string, string, string][] = [
    ['2026-03-14 09:00', 'Europe/Berlin', '2026-03-14T08:00:00.000Z'],
    ['2026-07-14 09:00', 'Europe/Berlin', '2026-07-14T07:00:00.000Z'],
    ['2026-07-14 09:00', 'UTC', '2026-07-14T09:00:00.000Z'],
    ['2026-03-14 09:00', 'Asia/Kathmandu', '2026-03-14T03:15:00.000Z'],
    ['2026-01-01 00:30', 'Pacific/Kiritimati', '2025-12-31T10:30:00.000Z'],
    // Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
    ['2026-03-29 01:59', 'Europe/Berlin', '2026-03-29T00:59:00.000Z'],
    ['2026-03-29 02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    ['2026-03-29 03:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'],
    ['2026-10-25 02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25 03:00', 'Europe/Berlin', '2026-10-25T02:00:00.000Z'],
    ['2026-03-08 02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
    ['2026-11-01 01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
  ]
  for (const [civil, zone, want] of cases)
    expect(momentOf(civil, zone)?.toISOString(), `${civil} in ${zone}`).toBe(want)
  expect(momentOf('tomorrow', 'UTC')).toBeUndefined()
})

test('and back, all year round', () => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
    let repeated = 0
    for (let t = Date.UTC(2026, 0, 1); t < Date.UTC(2027, 0, 1); t += 5 * 3_600_000) {
      const back = momentOf(civilOf(new Date(t), zone), zone)!.getTime()
      if (back !== t) repeated++
    }
    expect(repeated, zone).toBeLessThanOrEqual(1) // in what autumn repeats
  }
  expect(civilOf('2026-03-14T08:00:00Z', 'Europe/Berlin')).toBe('2026-03-14 09:00:00')
  expect(dayOf('2026-03-14T23:30:00Z', 'Europe/Berlin')).toBe('2026-03-15')
})

test('cron specs that the form knows', () => {
  const cases: [string, Rhythm, string?][] = [
    ['0 9 * * *', { kind: 'daily', time: '09:00' }],
    ['30 7 * * 1,3', { kind: 'weekly', time: '07:30', days: [1, 3] }],
    ['30 7 * * MON-FRI', { kind: 'weekly', time: '07:30', days: [1, 2, 3, 4, 5] }, '30 7 * * 1,2,3,4,5'],
    ['5 23 * * sun', { kind: 'weekly', time: '23:05', days: [0] }, '5 23 * * 0'],
    ['0 0 31 * *', { kind: 'monthly', time: '00:00', day: 31 }],
    [' 0  9 * * * ', { kind: 'daily', time: '09:00' }, '0 9 * * *'],
  ]
  for (const [spec, want, again] of cases) {
    expect(rhythmOf(spec), spec).toEqual(want)
    expect(specOf(rhythmOf(spec)), spec).toBe(again ?? spec)
  }
  for (const spec of [
    '@daily',
    '*/5 * * * *',
    '0 9 1 * 1',
    '0 9 * 3 *',
    '0 9 * * 1#2',
    '0 9 * * 5-1',
    '0 9 1,15 * *',
    '60 9 * * *',
    '',
    'x',
  ])
    expect(rhythmOf(spec), spec).toEqual({ kind: 'raw', spec })
  expect(specOf({ kind: 'weekly', time: '09:00', days: [] })).toBe('0 9 * * *')
})

test('zones', () => expect(zones).toContain('UTC'))
