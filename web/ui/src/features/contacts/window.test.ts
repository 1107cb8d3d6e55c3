import { expect, test } from 'vitest'

import { visibleRows } from './window'

test('the rows in the window, and some around', () => {
  expect(visibleRows(200, 800, 50, 100_000, 10)).toEqual({ start: 0, end: 22 })
  expect(visibleRows(-50_000, 800, 50, 100_000, 10)).toEqual({ start: 990, end: 1026 })
  expect(visibleRows(-5_000_000, 800, 50, 100_000, 10)).toEqual({ start: 99_990, end: 100_000 })
})

test('few rows, none, and a list that became shorter', () => {
  expect(visibleRows(0, 800, 50, 3, 10)).toEqual({ start: 0, end: 3 })
  expect(visibleRows(0, 800, 50, 0, 10)).toEqual({ start: 0, end: 0 })
  expect(visibleRows(-50_000, 800, 50, 5, 10)).toEqual({ start: 4, end: 5 })
  expect(visibleRows(5000, 800, 50, 5, 10)).toEqual({ start: 0, end: 0 })
})
