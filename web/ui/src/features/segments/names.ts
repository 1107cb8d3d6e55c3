/** What fields, operators and uses are called. */
import type { KeyOf, Translate } from '~/i18n'
import type { Schemas } from '~/api/client'

import type { Leaf, ValueType } from './rule'
import { words } from './words'

export type T = Translate<KeyOf<typeof words>>
type Key = KeyOf<typeof words>

/** A field by its whole name: "Number of orders", "Attribute level". */
export function fieldName(t: T, field: string): string {
  const known = field.replace('.', ',')
  const key = `fields.${known}`
  if (/^(attributes|consent|event|properties)\./.test(field)) {
    const at = field.indexOf('.')
    return t(`fields.${field.slice(0, at)}` as Key, { name: field.slice(at + 1) })
  }
  const said = t(key as Key)
  return said === key ? field : said
}

const symbols: Record<string, string> = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' }

/** An operator in the words that go with a field. */
export function operatorName(t: T, operator: string, field: Schemas['SegmentField'], as?: ValueType): string {
  const key = symbols[operator] ?? operator
  const family = familyOf(operator, field, as)
  const path = `operators.${family}.${key}`
  const said = t(path as Key)
  if (said !== path) return said
  const plain = t(`operators.text.${key}` as Key)
  return plain === `operators.text.${key}` ? operator : plain
}

function familyOf(operator: string, { kind, name }: Schemas['SegmentField'], as?: ValueType): string {
  const exists = operator === 'null' || operator === 'not_null'
  switch (kind) {
    case 'whole':
    case 'number':
      return 'number'
    case 'time':
      return exists ? 'placed' : 'time'
    case 'consent':
      return 'consent'
    case 'products':
    case 'categories':
      return name.startsWith('order.') ? 'holds' : 'goods'
    case 'none':
      return 'event'
    case 'any':
      return exists ? 'text' : as === 'number' ? 'number' : as === 'date' ? 'time' : 'text'
  }
  return 'text'
}

/** As what an attribute is compared where nothing was said yet: as it mostly is. */
export function likelyType(field: string, attributes: Schemas['SegmentAttribute'][]): ValueType {
  const name = field.slice(field.indexOf('.') + 1)
  const seen = field.startsWith('attributes.') ? attributes.find((a) => a.name === name)?.types?.[0] : undefined
  if (seen === 'number' || seen === 'boolean') return seen
  return seen === 'day' ? 'date' : 'text'
}

/** A condition on a field that was just chosen. */
export function leafFor(name: string, field: Schemas['SegmentField'], attributes: Schemas['SegmentAttribute'][]): Leaf {
  const as = field.kind === 'any' ? likelyType(name, attributes) : undefined
  const first = (field.operators ?? [])[0] ?? ''
  const operator = field.kind === 'time' || as === 'date' ? '>=' : first
  return { field: name, operator, value: { list: as === 'boolean' ? [true] : [], ...(as ? { as } : {}) } }
}

/** What changing the rule means for one use. */
export function consequence(t: T, use: Schemas['SegmentUse']): string {
  if (use.kind === 'journey') return t(use.status === 'live' ? 'uses.journeyLive' : 'uses.journeyIdle')
  if (!use.keeps) return t('uses.ended')
  if (use.status === 'running' || use.status === 'paused') return t('uses.begun')
  return t(use.as === 'exclude' ? 'uses.excluded' : 'uses.draft')
}

/** "2 campaigns, 1 journey". */
export function usesSaid(t: T, list: Schemas['SegmentUse'][]): string {
  const of = (kind: string) => list.filter((u) => u.kind === kind).length
  const parts = [
    of('campaign') > 0 && t('campaigns', { count: of('campaign') }),
    of('journey') > 0 && t('journeys', { count: of('journey') }),
  ]
  return parts.filter(Boolean).join(', ')
}
