import { expect, test } from 'vitest'

import { changesOf, problemsOf, rowsOf, valueOf, type AttributeRow } from './attributes'

const row = (name: string, type: AttributeRow['type'], value: string): AttributeRow => ({ name, type, value })

test('every value comes back as it was', () => {
  const attributes = { vip: true, tier: 'gold', points: 12.5, tags: ['a', 'b'], nested: { x: null }, digits: '42' }
  const rows = rowsOf(attributes)
  expect(rows.map((r) => r.type)).toEqual(['text', 'json', 'number', 'json', 'text', 'flag'])
  expect(Object.fromEntries(rows.map((r) => [r.name, valueOf(r)]))).toEqual(attributes)
  expect(changesOf(attributes, rows)).toEqual({})
})

test('only what changed is sent, and null for what goes', () => {
  const before = { vip: true, tier: 'gold', points: 1 }
  const rows = [row('vip', 'flag', 'true'), row(' tier ', 'text', 'silver'), row('new', 'number', '1,5')]
  expect(changesOf(before, rows)).toEqual({ tier: 'silver', new: 1.5, points: null })
})

test('a text that becomes a number is a change', () => {
  expect(changesOf({ size: '42' }, [row('size', 'number', '42')])).toEqual({ size: 42 })
})

test('a name is data, whatever it is called', () => {
  const changes = changesOf({}, [row('__proto__', 'text', 'x'), row('constructor', 'text', 'y')])
  expect(JSON.stringify(changes)).toBe('{"__proto__":"x","constructor":"y"}')
  expect(({} as Record<string, unknown>).x).toBeUndefined()
})

test('problems by field', () => {
  const twice = [row('a', 'text', ''), row('a ', 'text', '')]
  expect(problemsOf(twice[0]!, twice)).toEqual({ name: 'nameTwice' })
  expect(problemsOf(row(' ', 'text', ''), [])).toEqual({ name: 'nameMissing' })
  for (const bad of ['', 'twelve', '1,2,3', 'Infinity'])
    expect(problemsOf(row('n', 'number', bad), [])).toEqual({ value: 'notNumber' })
  for (const bad of ['', '{', 'null']) expect(problemsOf(row('j', 'json', bad), [])).toEqual({ value: 'notJSON' })
  expect(problemsOf(row('j', 'json', '[1]'), [])).toEqual({})
})
