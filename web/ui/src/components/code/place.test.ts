import { Text } from '@codemirror/state'
import { expect, test } from 'vitest'

import { rangeOf, type Mark } from './place'

const mark = (line: number, column: number, length: number): Mark => ({
  severity: 'error',
  line,
  column,
  length,
  message: 'x',
})
const doc = Text.of(['Hi {{ x }}', '😀é {{ köpt }}', ''])
const at = (m: Mark) => {
  const range = rangeOf(doc, m)
  return range && doc.sliceString(range.from, range.to)
}

test('what is underlined is what the API means, whatever characters stand before it', () => {
  expect(at(mark(1, 7, 1))).toBe('x')
  expect(at(mark(2, 7, 4))).toBe('köpt')
  expect(at(mark(2, 1, 1))).toBe('😀')
})

test('a mark stays inside of a text that has changed meanwhile', () => {
  expect(at(mark(1, 9, 100))).toBe('}}')
  expect(at(mark(1, 100, 5))).toBe('')
  expect(at(mark(99, 1, 5))).toBe('')
})

test('a whole line, and the text as a whole', () => {
  expect(at(mark(2, 0, 0))).toBe('😀é {{ köpt }}')
  expect(rangeOf(doc, mark(0, 0, 0))).toBeUndefined()
  expect(at(mark(1, 4, 0))).toBe('')
})
