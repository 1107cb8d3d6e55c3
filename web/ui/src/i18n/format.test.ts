import { expect, test } from 'vitest'

import { formatter } from './format'

const en = formatter('en', 'Europe/Berlin')
const de = formatter('de', 'America/New_York')

test('times are shown in the zone of who looks', () => {
  expect(en.dateTime('2026-03-29T01:30:00Z')).toContain('3:30')
  expect(de.dateTime('2026-03-14T09:00:00Z')).toContain('05:00')
})

test('numbers, shares and money', () => {
  expect(de.number(1234567)).toBe('1.234.567')
  expect(en.percent(0.123, 1)).toBe('12.3%')
  expect(en.money(12.5, 'EUR')).toBe('€12.50')
  expect(en.money(12.5, 'beads')).toBe('12.5 beads')
})

test('lengths of time have at most two units', () => {
  expect(en.duration(0)).toBe('0 sec')
  expect(en.duration(2.345)).toBe('2.3 sec')
  expect(en.duration(200)).toBe('3 min 20 sec')
  expect(en.duration(3600)).toBe('1 hr')
  expect(en.duration(90061)).toBe('1 day 1 hr')
})

test('sizes', () => {
  expect(en.bytes(0)).toBe('0 byte')
  expect(en.bytes(102_400)).toBe('102.4 kB')
  expect(en.bytes(5e12)).toBe('5,000 GB')
})

test('how long ago', () => {
  const now = new Date('2026-03-14T12:00:00Z')
  expect(en.relative('2026-03-14T11:57:00Z', now)).toBe('3 minutes ago')
  expect(en.relative('2026-03-16T12:00:00Z', now)).toBe('in 2 days')
})
