import { expect, test } from 'vitest'

import { addMonths, byDay, periodOf, weeksOf } from './calendar'

test('a month is whole weeks from Monday on', () => {
  const march = weeksOf('2026-03') // the 1st is a Sunday
  expect(march.map((w) => w[0])).toEqual([
    '2026-02-23',
    '2026-03-02',
    '2026-03-09',
    '2026-03-16',
    '2026-03-23',
    '2026-03-30',
  ])
  expect(march.at(-1)![6]).toBe('2026-04-05')
  expect(weeksOf('2027-02')).toHaveLength(4) // begins on a Monday and has 28 days
  for (let m = '2026-01'; m < '2030-01'; m = addMonths(m, 1)) {
    const days = weeksOf(m).flat()
    expect(new Set(days).size).toBe(days.length)
    expect(days).toContain(`${m}-01`)
    expect(days.filter((d) => d.startsWith(m)).length).toBe(
      new Date(Date.UTC(+m.slice(0, 4), +m.slice(5), 0)).getUTCDate(),
    )
  }
})

test('months before and after', () => {
  expect(addMonths('2026-12', 1)).toBe('2027-01')
  expect(addMonths('2026-01', -1)).toBe('2025-12')
})

test('days are those of the zone', () => {
  expect(periodOf('2026-03', 'Europe/Berlin')).toEqual({
    from: '2026-02-22T23:00:00.000Z',
    until: '2026-04-05T22:00:00.000Z',
  })
  const days = byDay([{ at: '2026-03-14T23:30:00Z' }, { at: '2026-03-15T08:00:00Z' }], 'Europe/Berlin')
  expect(days.get('2026-03-15')).toHaveLength(2)
})
