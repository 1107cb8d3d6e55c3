import type { Schemas } from '~/api/client'
import type { KeyOf, Translate } from '~/i18n'
import type { Format } from '~/i18n/format'

import { shown } from './attributes'
import type { timelineWords } from './timelineWords'

type Words = Translate<KeyOf<typeof timelineWords>>
export type Entry = Schemas['TimelineEntry']

export interface Sentence {
  /** Before and after the link; all of it where there is none. */
  before: string
  after: string
  link?: { to: string; label: string }
  /** More in small: what the server noted, in its own words. */
  notes: string[]
}

const states = ['planned', 'sending', 'deferred', 'sent', 'failed', 'skipped', 'cancelled', 'unknown']
const whats = [
  'entered',
  'finished',
  'exited',
  'dropped',
  'waited',
  'then',
  'else',
  'updated',
  'called',
  'exit',
  'mail',
]
const place = '\uE000' // where the link stands; a code point of nobody's

/** One thing of the timeline as a sentence. */
export function sentence(t: Words, f: Format, e: Entry): Sentence {
  const say = (key: string, values?: Record<string, unknown>) =>
    t(key as KeyOf<typeof timelineWords>, { ...values, link: place })
  const known = (key: string, of: string[], value: string) => `${key}.${of.includes(value) ? value : 'other'}`
  if (e.order) {
    const { order_id: id, status, total, currency } = e.order
    const values = { id, status, total: f.money(total, currency).trim() }
    return plain(say(known('order', ['placed', 'paid', 'cancelled', 'refunded'], status), values))
  }
  if (e.event) return plain(say('event', { name: e.event.name }), ...propertiesOf(e.event.properties))
  if (e.consent)
    return plain(say(known('consent', ['subscribed', 'pending', 'unsubscribed'], e.consent.state), { ...e.consent }))
  if (e.suppression) {
    const { cause, detail } = e.suppression
    return plain(say(known('suppression', ['unsubscribe', 'complaint', 'bounce', 'manual'], cause), { cause }), detail)
  }
  if (e.step) {
    const { what, why, step, journey, journey_id } = e.step
    const path = /^path (\d+)$/.exec(what)
    const key = path ? 'step.path' : known('step', whats, what)
    const coded = Object.hasOwn(reasons(t), why)
    const text = say(key, { step, what, n: path?.[1], why: reasonText(t, why) })
    const own = ['entered', 'then', 'else'].includes(what) && !coded ? why : ''
    return linked(text, { to: `/journeys/${journey_id}`, label: journey }, own)
  }
  if (e.mail) {
    const { state, reason, detail, name, campaign_id, journey_id } = e.mail
    const text = say(known('mail', states, state), { state, why: reasonText(t, reason) })
    const to = campaign_id ? `/campaigns/${campaign_id}` : journey_id ? `/journeys/${journey_id}` : ''
    return linked(text, { to, label: name }, state === 'sent' ? '' : detail)
  }
  return plain('')
}

/** A reason of the ledger or of a journey in words; one that is not known is shown as it is. */
export function reasonText(t: Words, reason: string): string {
  if (!reason) return t('noReason')
  const known = reasons(t)
  return Object.hasOwn(known, reason) ? known[reason]! : reason.replaceAll('_', ' ')
}

function reasons(t: Words): Record<string, string> {
  return t('reasons' as never, { returnObjects: true }) as unknown as Record<string, string>
}

function plain(text: string, ...notes: string[]): Sentence {
  return { before: text.replaceAll(place, ''), after: '', notes: notes.filter(Boolean) }
}

function linked(text: string, link: { to: string; label: string }, ...notes: string[]): Sentence {
  const at = text.indexOf(place)
  return {
    before: text.slice(0, at),
    after: text.slice(at + 1).replaceAll(place, ''),
    link: { ...link, label: link.label || link.to },
    notes: notes.filter(Boolean),
  }
}

const maxProperties = 6

function propertiesOf(properties: Record<string, unknown>): string[] {
  const all = Object.entries(properties)
  const some = all.slice(0, maxProperties).map(([name, value]) => {
    const text = shown(value) ?? ''
    return `${name}: ${text.length > 120 ? `${text.slice(0, 120)}…` : text}`
  })
  return some.length ? [some.join(' · ') + (all.length > maxProperties ? ' …' : '')] : []
}
