import { expect, test } from 'vitest'

import { addDays, bars, perDay } from './days'
import { sample } from './sample'
import { quoted } from './yaml'

test('days without mails are there, too', () => {
  expect(addDays('2026-02-28', 1)).toBe('2026-03-01')
  expect(addDays('2026-01-01', -1)).toBe('2025-12-31')
  const days = perDay({ '2026-02-28': 3, '2026-03-02': 1, '2026-05-01': 9 }, '2026-02-27', '2026-03-02')
  expect(days.map((d) => d.mails)).toEqual([0, 3, 0, 1])
  expect(perDay({}, '2026-03-02', '2026-03-01')).toEqual([])
})

test('bars lose no mail', () => {
  const days = perDay({ '2026-01-01': 2, '2026-01-09': 5 }, '2026-01-01', '2026-01-10')
  expect(bars(days, 4)).toEqual([
    { day: '2026-01-01', mails: 2 },
    { day: '2026-01-04', mails: 0 },
    { day: '2026-01-07', mails: 5 },
    { day: '2026-01-10', mails: 0 },
  ])
  expect(bars(days, 100)).toEqual(days)
})

test('names in a definition are quoted where YAML would read something else', () => {
  expect(quoted('Coffee, hot: now')).toBe('"Coffee, hot: now"')
  expect(quoted('Thanks (new)')).toBe('Thanks (new)')
  expect(quoted('no')).toBe('"no"')
  expect(quoted('2026')).toBe('"2026"')
  expect(sample({ template: 'a: b', topic: 'news', sender: 'x@shop.example' })).toContain('template: "a: b"')
  expect(sample({})).not.toContain('send')
})
