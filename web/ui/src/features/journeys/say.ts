/** Triggers, steps and rules in words, short enough for a node of the picture. */
import i18next from 'i18next'

import type { KeyOf, Translate } from '~/i18n'

import type { Definition, Rule, Step, Trigger, Way } from './definition'
import type { words } from './words'

export type T = Translate<KeyOf<typeof words>>

/** What ids stand for. */
export interface Names {
  templates: Map<number, string>
  segments: Map<number, string>
}

export const noNames: Names = { templates: new Map(), segments: new Map() }

const units = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second'] as const
const iso =
  /^-?P(?:([\d.]+)Y)?(?:([\d.]+)M)?(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/

/** An ISO 8601 duration: "14 days", "1 day, 12 hours". Its sign is left to whoever asks. */
export function durationInWords(duration: string | undefined, language = i18next.language): string {
  const parts = iso.exec(duration ?? '')
  if (!parts) return duration ?? ''
  const said = units.flatMap((unit, i) => {
    const n = parts[i + 1]
    return n === undefined
      ? []
      : [new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Number(n))]
  })
  return said.join(', ') || (duration ?? '')
}

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

function weekday(short: string): string {
  const day = weekdays.indexOf(short)
  if (day < 0) return short
  return new Intl.DateTimeFormat(i18next.language, { weekday: 'short', timeZone: 'UTC' }).format(
    new Date(Date.UTC(2023, 0, 1 + day)), // a Sunday
  )
}

const list = (items: string[], type: 'conjunction' | 'disjunction' = 'conjunction') =>
  new Intl.ListFormat(i18next.language, { type }).format(items)

const operators = {
  '=': 'is',
  '!=': 'isNot',
  '<': 'less',
  '<=': 'atMost',
  '>': 'more',
  '>=': 'atLeast',
  between: 'between',
  not_between: 'notBetween',
  in: 'oneOf',
  not_in: 'noneOf',
  contains: 'contains',
  does_not_contain: 'containsNot',
  begins_with: 'begins',
  does_not_begin_with: 'beginsNot',
  ends_with: 'ends',
  does_not_end_with: 'endsNot',
  null: 'empty',
  not_null: 'notEmpty',
  bought: 'bought',
  not_bought: 'boughtNot',
  did: 'did',
  did_not: 'didNot',
} as const

const fields = {
  'orders.count': 'orderCount',
  'orders.sum': 'orderSum',
  'orders.first': 'orderFirst',
  'orders.last': 'orderLast',
  'order.total': 'orderTotal',
  'order.quantity': 'orderQuantity',
  'order.number': 'orderNumber',
  'order.currency': 'orderCurrency',
  'order.status': 'orderStatus',
} as const

function fieldInWords(t: T, field: string): string {
  const known = fields[field as keyof typeof fields]
  if (known) return t(`fields.${known}`)
  const rest = field.slice(field.indexOf('.') + 1)
  if (field.startsWith('consent.')) return t('fields.consent', { name: rest })
  if (field.startsWith('properties.')) return t('fields.property', { name: rest })
  return field.startsWith('attributes.') ? rest : field
}

const valueInWords = (value: unknown, type?: 'disjunction') =>
  Array.isArray(value) ? list(value.map(String), type) : value === undefined ? '' : String(value)

export function ruleInWords(t: T, rule: Rule, inner = false): string {
  if ('rules' in rule) {
    const parts = rule.rules.map((r) => ruleInWords(t, r, rule.rules.length > 1))
    const said = parts.length ? parts.join(t(`rule.${rule.combinator === 'or' ? 'or' : 'and'}`)) : t('rule.all')
    if (rule.not) return t('rule.not', { rule: said })
    return inner && parts.length > 1 ? `(${said})` : said
  }
  const operator = operators[rule.operator as keyof typeof operators]
  const ordered = rule.field.startsWith('order.')
  let said: string
  if (operator === 'bought' || operator === 'boughtNot') {
    const value = valueInWords(rule.value, 'disjunction')
    said = t(`rule.${ordered ? (operator === 'bought' ? 'holds' : 'holdsNot') : operator}`, { value })
  } else if (operator === 'did' || operator === 'didNot') {
    said = t(`rule.${operator}`, { value: rule.field.replace(/^event\./, '') })
  } else {
    const range = operator === 'between' || operator === 'notBetween' || operator === 'noneOf'
    said = t(`rule.${operator ?? 'other'}`, {
      field: fieldInWords(t, rule.field),
      operator: rule.operator,
      value: valueInWords(rule.value, range ? undefined : 'disjunction'),
    })
  }
  if (rule.from === 'trigger') said = t('rule.sinceTrigger', { rule: said })
  else if (rule.from) said = t('rule.from', { rule: said, from: rule.from })
  if (rule.to) said = t('rule.to', { rule: said, to: rule.to })
  if (rule.within_days) said = t('rule.withinDays', { rule: said, count: rule.within_days })
  return said
}

/** A trigger in one line; in lists only its type, on and name are known. */
export function triggerInWords(t: T, trigger: Partial<Trigger> & { type: string }, names: Names = noNames): string {
  const { name, within, attribute } = trigger
  const time = durationInWords(within)
  switch (trigger.type) {
    case 'order':
      return t('trigger.order', { status: t(`trigger.statuses.${(trigger.on || 'placed') as 'placed'}`) })
    case 'event':
      return t('trigger.event', { name })
    case 'abandoned':
      return t(within ? 'trigger.abandonedIn' : 'trigger.abandoned', { name, time })
    case 'not_bought':
      return within && trigger.unless
        ? t('trigger.not_boughtIn', { time, rule: ruleInWords(t, trigger.unless) })
        : t('trigger.not_bought')
    case 'win_back':
      return within ? t('trigger.win_backIn', { time }) : t('trigger.win_back')
    case 'replenishment': {
      const what = [...(trigger.products ?? []), ...(trigger.categories ?? [])]
      if (!what.length) return t('trigger.replenishment')
      const interval = trigger.interval === 'learned' ? t('trigger.learned') : durationInWords(trigger.interval)
      return t('trigger.replenishmentOf', { what: list(what, 'disjunction'), interval })
    }
    case 'segment': {
      const on = trigger.on === 'left' ? 'left' : 'entered'
      const segment = trigger.segment_id === undefined ? undefined : names.segments.get(trigger.segment_id)
      return segment ? t(`trigger.${on}Of`, { name: segment }) : t(`trigger.${on}`)
    }
    case 'date': {
      if (!attribute) return t('trigger.date')
      if (!trigger.offset) return t('trigger.dateOf', { name: attribute })
      const before = trigger.offset.startsWith('-')
      return t(before ? 'trigger.dateBefore' : 'trigger.dateOffset', {
        name: attribute,
        offset: durationInWords(trigger.offset),
      })
    }
  }
  return trigger.type
}

/** What else there is to say about entering and leaving, one sentence each. */
export function entryInWords(t: T, d: Definition): string[] {
  const said: string[] = []
  if (d.trigger.where) said.push(t('trigger.where', { rule: ruleInWords(t, d.trigger.where) }))
  const key = d.entry?.key
  if (key) {
    const once = t(`trigger.once.${key}`)
    said.push(d.entry?.again_after ? t('trigger.again', { once, time: durationInWords(d.entry.again_after) }) : once)
  }
  if (d.entry?.if) said.push(t('trigger.entryIf', { rule: ruleInWords(t, d.entry.if) }))
  if (d.exit?.goal) said.push(t('trigger.goal', { rule: ruleInWords(t, d.exit.goal) }))
  if (d.exit?.on_refund) said.push(t('trigger.refund'))
  return said
}

const share = (n: number) =>
  new Intl.NumberFormat(i18next.language, { style: 'percent', maximumFractionDigits: 1 }).format(n)

/** What a step does, in one line. */
export function stepInWords(t: T, step: Step, names: Names = noNames): string {
  switch (step.type) {
    case 'send': {
      const name = step.template_id === undefined ? undefined : names.templates.get(step.template_id)
      const template = name ? t('say.template', { name }) : t('say.templateId', { id: step.template_id })
      return step.transactional ? t('say.mailOwed', { template }) : t('say.mail', { template, topic: step.topic })
    }
    case 'wait': {
      const parts: string[] = []
      if (step.for) parts.push(durationInWords(step.for))
      if (step.at) parts.push(t('say.until', { time: step.at }))
      if (step.on?.length) parts.push(t('say.on', { days: list(step.on.map(weekday), 'disjunction') }))
      return parts.join(', ')
    }
    case 'wait_until': {
      const time = durationInWords(step.timeout)
      return step.if
        ? t('say.untilRule', { rule: ruleInWords(t, step.if), time })
        : t('say.untilEvent', { event: step.event, time })
    }
    case 'branch':
      return step.if ? `${ruleInWords(t, step.if)}?` : ''
    case 'split': {
      const paths = step.paths ?? []
      const total = paths.reduce((sum, p) => sum + p.weight, 0)
      return t('say.split', {
        count: paths.length,
        shares: paths.map((p) => share(total ? p.weight / total : 0)).join(' / '),
      })
    }
    case 'update_contact': {
      const said = Object.entries(step.set ?? {}).map(([name, value]) =>
        value === null ? t('say.unset', { name }) : t('say.set', { name, value: valueInWords(value) }),
      )
      if (step.subscribe?.length) said.push(t('say.subscribe', { topics: list(step.subscribe) }))
      if (step.unsubscribe?.length) said.push(t('say.unsubscribe', { topics: list(step.unsubscribe) }))
      return said.join('; ')
    }
    case 'webhook':
      return step.url ?? ''
    case 'exit':
      return step.reason ? t('say.exitReason', { reason: step.reason }) : t('say.exit')
  }
}

/** The label of a way out of a step. */
export function wayInWords(t: T, step: Step, way: Way, portion?: number): string {
  if (step.type === 'split') {
    const n = Number(way.replace('path ', ''))
    return portion === undefined ? t('ways.path', { n }) : t('ways.share', { n, share: share(portion) })
  }
  if (step.type === 'wait_until') return t(way === 'then' ? 'ways.came' : 'ways.late')
  return t(way === 'then' ? 'ways.yes' : 'ways.no')
}

/** Why an enrolment ended or a mail was skipped, in words where the code is known. */
export function reasonInWords(t: T, code: string): string {
  const said = t(`reasons.${code as 'goal_met'}`)
  return said === `reasons.${code}` ? code : said
}
