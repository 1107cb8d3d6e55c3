import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { errorsAt, gapsOf, isTree, ruleOf, treeOf, type Leaf, type Tree } from './rule'

const doc = readFileSync('../../docs/rules.md', 'utf8')

/** Every rule that docs/rules.md shows. */
const documented = [...doc.matchAll(/```json\n([\s\S]*?)```/g)]
  .map(([, json]) => JSON.parse(json!) as Record<string, unknown>)
  .map((json) => json.rule ?? json)

const text = ['=', '!=', '<', '<=', '>', '>=', 'contains', 'does_not_contain', 'begins_with', 'does_not_begin_with']
const compare = ['=', '!=', '<', '<=', '>', '>=']
const windows = [
  {},
  { within_days: 7 },
  { from: '2011-01-01' },
  { to: { days_ago: 3 } },
  { from: '2011-01-01T10:00:00.5+01:00', to: { days_ago: 0 } },
  { from: 'trigger' },
]
const conditions: Record<string, unknown>[] = [
  ...['email', 'external_id', 'attributes.a.b', 'properties.x', 'order.currency'].flatMap((field) => [
    ...[...text, 'ends_with', 'does_not_end_with'].map((operator) => ({ field, operator, value: '2011-10-01' })),
    ...['in', 'not_in'].map((operator) => ({ field, operator, value: ['a', 'ä', 'true'] })),
    ...['between', 'not_between'].map((operator) => ({ field, operator, value: ['a', 'b'] })),
    { field, operator: 'in', value: ['only one'] },
    { field, operator: 'null' },
    { field, operator: 'not_null' },
  ]),
  ...['orders.count', 'orders.sum', 'order.total', 'order.number', 'attributes.n'].flatMap((field) => [
    ...compare.map((operator) => ({ field, operator, value: -0.5 })),
    { field, operator: '=', value: 0 },
    ...['between', 'not_between'].map((operator) => ({ field, operator, value: [0, 12.25] })),
  ]),
  { field: 'attributes.n', operator: 'not_in', value: [1, 2.5] },
  { field: 'attributes.b', operator: '!=', value: false },
  { field: 'attributes.d', operator: 'between', value: [{ days_ago: 0 }, { days_ahead: 14 }] },
  ...['created_at', 'orders.first', 'orders.last'].flatMap((field) => [
    ...compare.flatMap((operator) =>
      ['2011-12-09', '2011-12-09T13:50:00.5+01:00', { days_ago: 30 }].map((value) => ({ field, operator, value })),
    ),
    { field, operator: 'not_between', value: ['2011-12-09', { days_ago: 1 }] },
  ]),
  { field: 'orders.first', operator: 'null', currency: 'EUR' },
  { field: 'consent.news', operator: 'in', value: ['subscribed', 'pending'] },
  { field: 'consent.news', operator: '=', value: 'unsubscribed' },
  { field: 'order.status', operator: 'not_in', value: ['paid'] },
  ...windows.flatMap((w) => [
    { field: 'orders.sum', operator: '>=', value: 500, ...w, currency: 'EUR' },
    { field: 'bought.product', operator: 'bought', value: '85123A', ...w },
    { field: 'bought.product', operator: 'not_bought', value: ['85123A'], ...w, times: 2 },
    { field: 'bought.category', operator: 'bought', value: ['a', 'b'], ...w, times: 1 },
    { field: 'event.left cart', operator: 'did', ...w, times: 3 },
    { field: 'event.a.b', operator: 'did_not', ...w },
  ]),
  { field: 'order.product', operator: 'bought', value: ['a', 'b'], quantity: 2 },
  { field: 'order.category', operator: 'not_bought', value: 'a' },
  { field: 'later.version', operator: 'odd', value: 'x', unheard: { of: 1 } },
]

/** What react-querybuilder does to a tree: it adds ids. */
function withIds(node: Leaf | Tree): Leaf | Tree {
  return {
    ...node,
    id: 'x',
    ...(isTree(node) ? { rules: node.rules.map((r) => withIds(r as Leaf | Tree)) } : {}),
  } as Tree
}

describe('a rule is the same after it was edited', () => {
  test('docs/rules.md shows rules', () => expect(documented.length).toBeGreaterThan(10))
  test.each(documented.map((rule, i) => [i, rule]))('documented %i', (_, rule) => {
    expect(ruleOf(withIds(treeOf(rule)) as Tree)).toEqual(rule)
  })
  test.each(conditions.map((c) => [JSON.stringify(c), c]))('%s', (_, condition) => {
    expect(ruleOf(withIds(treeOf(condition)) as Tree)).toEqual(condition)
    const nested = {
      combinator: 'or',
      not: true,
      rules: [
        condition,
        { combinator: 'and', not: false, rules: [condition, { combinator: 'or', rules: [condition] }] },
      ],
    }
    expect(ruleOf(withIds(treeOf(nested)) as Tree)).toEqual(nested)
  })
  test('everybody', () => {
    const everybody = { combinator: 'and', rules: [] }
    expect(ruleOf(treeOf(everybody))).toEqual(everybody)
  })
  test("react-querybuilder's own words are read", () => {
    expect(
      ruleOf(treeOf({ id: '1', field: 'email', operator: 'doesNotContain', value: 'x', valueSource: 'value' })),
    ).toEqual({ field: 'email', operator: 'does_not_contain', value: 'x' })
  })
  test('a condition that got company is a group', () => {
    const tree = treeOf({ field: 'email', operator: 'null' })
    tree.rules.push({ field: 'phone', operator: 'null', value: { list: [] } })
    expect(ruleOf(tree)).toEqual({
      combinator: 'and',
      rules: [
        { field: 'email', operator: 'null' },
        { field: 'phone', operator: 'null' },
      ],
    })
  })
})

test('another operator keeps what was entered', () => {
  const tree = treeOf({ field: 'country', operator: 'in', value: ['Norway', 'Iceland'] })
  const leaf = tree.rules[0] as Leaf
  leaf.operator = '='
  expect(ruleOf(tree)).toEqual({ field: 'country', operator: '=', value: 'Norway' })
  leaf.operator = 'in'
  expect(ruleOf(tree)).toEqual({ field: 'country', operator: 'in', value: ['Norway', 'Iceland'] })
})

test('the type of an attribute is that of its value', () => {
  const as = (operator: string, value: unknown) =>
    (treeOf({ field: 'attributes.x', operator, value }).rules[0] as Leaf).value.as
  expect(as('=', 'a')).toBe('text')
  expect(as('=', 1)).toBe('number')
  expect(as('in', [1])).toBe('number')
  expect(as('=', false)).toBe('boolean')
  expect(as('<', '2011-10-01')).toBe('date')
  expect(as('contains', '2011-10-01')).toBe('text')
  expect(as('between', [{ days_ago: 1 }, { days_ahead: 1 }])).toBe('date')
})

test('what is missing is known before the server is asked', () => {
  const fields = [
    { name: 'email', family: false, kind: 'text', operators: ['='], options: [], values: [] },
    { name: 'event.', family: true, kind: 'none', operators: ['did'], options: [], values: [] },
  ]
  const tree: Tree = {
    combinator: 'and',
    rules: [
      { field: '', operator: '', value: { list: [] } },
      { field: 'email', operator: '=', value: { list: [''] } },
      { field: 'event.', operator: 'did', value: { list: [] } },
      { combinator: 'or', rules: [] },
      { combinator: 'or', rules: [{ field: 'email', operator: 'between', value: { list: ['a'] } }] },
      { field: 'email', operator: '=', value: { list: ['a'] } },
    ],
  }
  expect(gapsOf(tree, fields)).toEqual({ 0: 'field', 1: 'value', 2: 'name', 3: 'group', '4.0': 'range' })
  expect(gapsOf({ combinator: 'and', rules: [] }, fields)).toEqual({})
  expect(gapsOf({ combinator: 'or', rules: [] }, fields)).toEqual({ '': 'group' })
})

test('an error of the server stands at its condition', () => {
  const errors = {
    rule: 'is larger than 64 KB',
    'rule.rules[1].value': 'is not a list',
    'rule.rules[1].rules[0].value[2]': 'is empty',
    'rule.rules[11]': 'is odd',
  }
  expect(errorsAt(errors, [], { group: true })).toEqual([['', 'is larger than 64 KB']])
  expect(errorsAt(errors, [1], { group: true })).toEqual([['value', 'is not a list']])
  expect(errorsAt(errors, [1, 0], { group: false })).toEqual([['value', 'is empty']])
  expect(errorsAt(errors, [11], { group: false })).toEqual([['', 'is odd']])
  expect(errorsAt({ 'rule.value': 'is empty' }, [0], { group: false, bare: true })).toEqual([['value', 'is empty']])
})
