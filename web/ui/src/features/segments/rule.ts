/**
 * The rule tree of the API (docs/rules.md) as react-querybuilder's tree, and back: nothing
 * is lost either way. Everything of a condition beside its field and operator lies in
 * its `value`, a Condition, so that another operator does not forget what was entered.
 */
import type { RuleGroupType, RuleType } from 'react-querybuilder'

import type { Schemas } from '~/api/client'

/** A day or moment as text, or counted from the moment at which the rule is asked. */
export type TimeValue = string | { days_ago: number } | { days_ahead: number }
export type Scalar = string | number | boolean | { days_ago: number } | { days_ahead: number }

/** As what an attribute is compared: the type of the rule's value decides. */
export type ValueType = 'text' | 'number' | 'boolean' | 'date'

export interface Condition {
  /** The values; operators that take one take the first, those that take a range the first two. */
  list: (Scalar | undefined)[]
  /** A list was given where one value would do as well. */
  many?: boolean
  as?: ValueType
  within_days?: number
  from?: TimeValue
  to?: TimeValue
  times?: number
  currency?: string
  quantity?: number
  /** What this version does not know: kept, for the server to judge. */
  rest?: Record<string, unknown>
}

export type Leaf = RuleType<string, string, Condition>
export type Tree = RuleGroupType<Leaf> & {
  /** The whole rule is a condition without a group around it. */
  bare?: boolean
}

export const isTree = (node: Leaf | Tree): node is Tree => 'rules' in node

export const optionNames = ['within_days', 'from', 'to', 'times', 'currency', 'quantity'] as const

const unary = ['null', 'not_null', 'did', 'did_not']
const ranges = ['between', 'not_between']
const lists = ['in', 'not_in']
const goods = ['bought', 'not_bought']

/** How many values an operator takes. */
export function shapeOf(operator: string): 'none' | 'one' | 'range' | 'list' | 'goods' {
  if (unary.includes(operator)) return 'none'
  if (ranges.includes(operator)) return 'range'
  if (lists.includes(operator)) return 'list'
  return goods.includes(operator) ? 'goods' : 'one'
}

export const emptyLeaf = (): Leaf => ({ field: '', operator: '', value: { list: [] } })

/** react-querybuilder's camel case, as the API reads it. */
const snake = (operator: string) => operator.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

export function treeOf(rule: unknown): Tree {
  const node = nodeOf(rule)
  return isTree(node) ? node : { combinator: 'and', rules: [node], bare: true }
}

function nodeOf(json: unknown): Leaf | Tree {
  const node = isObject(json) ? json : {}
  if ('field' in node) return leafOf(node)
  return {
    combinator: String(node.combinator ?? 'and').toLowerCase(),
    ...(typeof node.not === 'boolean' ? { not: node.not } : {}),
    rules: Array.isArray(node.rules) ? node.rules.map(nodeOf) : [],
  }
}

function leafOf(json: Record<string, unknown>): Leaf {
  const { id: _id, path: _path, valueSource: _source, field, operator, value, ...more } = json
  const op = snake(String(operator ?? ''))
  const given = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
  const list = (shapeOf(op) === 'none' ? [] : given) as Scalar[]
  const out: Condition = { list }
  if (shapeOf(op) === 'goods' && Array.isArray(value)) out.many = true
  if (isAny(String(field)) && list[0] !== undefined) out.as = typeOf(list, op)
  for (const [key, v] of Object.entries(more)) {
    if (v === null || v === undefined) continue
    if ((optionNames as readonly string[]).includes(key)) Object.assign(out, { [key]: v })
    else out.rest = { ...out.rest, [key]: v }
  }
  return { field: String(field), operator: op, value: out }
}

/** Fields whose values may be of any type. */
export const isAny = (field: string) => /^(attributes|properties)\./.test(field)

const day = /^\d{4}-\d{2}-\d{2}$/

function typeOf(list: Scalar[], operator: string): ValueType {
  const first = list[0]
  if (typeof first === 'number') return 'number'
  if (typeof first === 'boolean') return 'boolean'
  if (isObject(first)) return 'date'
  return operatorsOf('date').includes(operator) && list.every((v) => day.test(String(v))) ? 'date' : 'text'
}

const compare = ['=', '!=', '<', '<=', '>', '>=', 'between', 'not_between']

/** The operators that compare attributes with a value of a type, of all those that attributes have. */
export function operatorsOf(type: ValueType, all?: string[]): string[] {
  const known: Record<ValueType, string[]> = {
    text: all ?? [],
    number: [...compare, 'in', 'not_in'],
    boolean: ['=', '!='],
    date: compare,
  }
  const list = known[type]
  return all ? all.filter((o) => list.includes(o) || o === 'null' || o === 'not_null') : list
}

/** The tree as the API takes it. */
export function ruleOf(tree: Tree): unknown {
  const only = tree.rules[0]
  if (tree.bare && tree.rules.length === 1 && only && !isTree(only) && tree.combinator === 'and' && !tree.not)
    return jsonOf(only)
  return jsonOf(tree)
}

function jsonOf(node: Leaf | Tree): unknown {
  if (isTree(node))
    return {
      combinator: node.combinator,
      ...(node.not === undefined ? {} : { not: node.not }),
      rules: node.rules.map((r) => jsonOf(r as Leaf | Tree)),
    }
  const { list, many, as: _as, rest, ...options } = node.value
  const value = valueOf(node.operator, list, many)
  const given = Object.entries(options).filter(([, v]) => v !== undefined && v !== '')
  return {
    field: node.field,
    operator: node.operator,
    ...(value === undefined ? {} : { value }),
    ...Object.fromEntries(given),
    ...rest,
  }
}

function valueOf(operator: string, list: Condition['list'], many?: boolean): unknown {
  switch (shapeOf(operator)) {
    case 'none':
      return undefined
    case 'one':
      return list[0]
    case 'range':
      return list.slice(0, 2)
    case 'list':
      return list
    case 'goods':
      return list.length === 1 && !many ? list[0] : list
  }
}

/** What the API knows of a field by its whole name, and its kind. */
export function fieldOf(name: string, fields: Schemas['SegmentField'][]): Schemas['SegmentField'] | undefined {
  return fields.find((f) => (f.family ? name.startsWith(f.name) : name === f.name))
}

export type Gap = 'field' | 'name' | 'operator' | 'value' | 'values' | 'range' | 'group'

/** What is still to be filled in, by the place in the tree: "0", "2.1"; "" is the outermost group. */
export function gapsOf(tree: Tree, fields: Schemas['SegmentField'][]): Record<string, Gap> {
  const out: Record<string, Gap> = {}
  const walk = (node: Leaf | Tree, path: number[]) => {
    const gap = isTree(node) ? groupGap(node, path) : leafGap(node, fields)
    if (gap) out[path.join('.')] = gap
    if (isTree(node)) node.rules.forEach((r, i) => walk(r as Leaf | Tree, [...path, i]))
  }
  walk(tree, [])
  return out
}

/** Only the outermost group may be empty, where it then means everybody. */
function groupGap(tree: Tree, path: number[]): Gap | undefined {
  if (tree.rules.length > 0) return
  return path.length > 0 || tree.combinator !== 'and' || tree.not ? 'group' : undefined
}

function leafGap({ field, operator, value }: Leaf, fields: Schemas['SegmentField'][]): Gap | undefined {
  if (!field) return 'field'
  if (fieldOf(field, fields)?.family && field.endsWith('.') && field.indexOf('.') === field.length - 1) return 'name'
  if (!operator) return 'operator'
  const filled = (v: Scalar | undefined) => v !== undefined && v !== ''
  switch (shapeOf(operator)) {
    case 'none':
      return
    case 'one':
      return filled(value.list[0]) ? undefined : 'value'
    case 'range':
      return filled(value.list[0]) && filled(value.list[1]) ? undefined : 'range'
    case 'list':
    case 'goods':
      return value.list.some(filled) ? undefined : 'values'
  }
}

/** The API's name of a place in the tree: "rule.rules[0].rules[2]". */
export function locationOf(path: number[], bare = false): string {
  return bare ? 'rule' : `rule${path.map((i) => `.rules[${i}]`).join('')}`
}

/** What the server said about one node, itself and its parts but not the nodes below it: [part, message]. */
export function errorsAt(
  errors: Record<string, string>,
  path: number[],
  { group, bare }: { group: boolean; bare?: boolean },
): [part: string, message: string][] {
  const wholeIsLeaf = !!bare
  if (group && wholeIsLeaf) return []
  const at = locationOf(path, wholeIsLeaf)
  return Object.entries(errors).flatMap(([location, message]): [string, string][] => {
    if (location === at) return [['', message]]
    if (!location.startsWith(`${at}.`)) return []
    const part = location.slice(at.length + 1)
    if (part.startsWith('rules[')) return []
    return [[part.replace(/\[.*$/, ''), message]]
  })
}

/** The tree with another node at a path. */
export function replaceAt(tree: Tree, path: number[], leaf: Leaf): Tree {
  const [first, ...below] = path
  return {
    ...tree,
    rules: tree.rules.map((r, i) => {
      if (i !== first) return r
      return below.length === 0 ? { ...leaf, id: r.id } : replaceAt(r as Tree, below, leaf)
    }),
  }
}
