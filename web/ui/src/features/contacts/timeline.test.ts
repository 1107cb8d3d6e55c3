import { afterEach, expect, test } from 'vitest'

import { setLanguage } from '~/i18n'
import { formatter } from '~/i18n/format'

import { sentence, type Entry } from './timeline'
import { timelineWords } from './timelineWords'

const f = formatter('en', 'UTC')
const at = '2026-03-01T10:00:00Z'
const told = (e: Omit<Entry, 'at'>) => sentence(timelineWords.t, f, { at, ...e } as Entry)
const whole = (e: Omit<Entry, 'at'>) => {
  const s = told(e)
  return s.before + (s.link?.label ?? '') + s.after
}
const mail = { message_id: 1, name: 'Spring', topic: 'news', state: 'sent', reason: '', detail: '', sent_at: at }
const step = {
  journey_id: 3,
  journey: 'Welcome',
  version: 1,
  enrolment_id: 9,
  step: 'wait-a-day',
  what: 'waited',
  why: 'the wait is over',
}

afterEach(() => setLanguage('en'))

test('each kind is one sentence', () => {
  expect(whole({ kind: 'order', order: { order_id: '17', status: 'paid', currency: 'EUR', total: 59 } })).toBe(
    'Placed order 17 for €59.00; it is paid.',
  )
  expect(told({ kind: 'event', event: { name: 'cart', properties: { n: 2, sku: 'A' } } })).toMatchObject({
    before: 'The event “cart” happened.',
    notes: ['n: 2 · sku: A'],
  })
  expect(whole({ kind: 'consent', consent: { topic: 'news', state: 'subscribed', source: 'import' } })).toBe(
    'Subscribed to “news” (source: import).',
  )
  expect(told({ kind: 'suppression', suppression: { cause: 'bounce', detail: '550 no such user' } })).toMatchObject({
    before: 'The address was suppressed: it does not exist.',
    notes: ['550 no such user'],
  })
  expect(whole({ kind: 'step', step })).toBe('In the journey Welcome, the wait at “wait-a-day” was over.')
  expect(whole({ kind: 'step', step: { ...step, what: 'path 2', why: 'by lot' } })).toBe(
    'In the journey Welcome, took path 2 at “wait-a-day”, by lot.',
  )
  expect(whole({ kind: 'step', step: { ...step, step: '', what: 'exited', why: 'goal_met' } })).toBe(
    'Left the journey Welcome: its goal was met.',
  )
})

test('mails lead to what sent them, and say why not', () => {
  expect(told({ kind: 'mail', mail: { ...mail, campaign_id: 5 } }).link).toEqual({
    to: '/campaigns/5',
    label: 'Spring',
  })
  expect(told({ kind: 'mail', mail: { ...mail, journey_id: 6 } }).link).toEqual({ to: '/journeys/6', label: 'Spring' })
  expect(whole({ kind: 'mail', mail: { ...mail, state: 'skipped', reason: 'capped' } })).toBe(
    'Did not get a mail of Spring: had as many mails lately as the sending rules allow.',
  )
  setLanguage('de')
  expect(whole({ kind: 'mail', mail: { ...mail, state: 'skipped', reason: 'no_consent' } })).toBe(
    'Bekam keine Mail von Spring: hat das Thema nie abonniert.',
  )
})

test('what this version does not know is shown as it is', () => {
  expect(whole({ kind: 'mail', mail: { ...mail, state: 'bounced', reason: 'x' } })).toBe('A mail of Spring: bounced.')
  for (const reason of ['new_reason', 'constructor', '__proto__', '{{link}}', '$t(noReason)'])
    expect(whole({ kind: 'mail', mail: { ...mail, state: 'failed', reason } })).toContain(reason.replaceAll('_', ' '))
  expect(whole({ kind: 'step', step: { ...step, what: 'toString' } })).toContain('toString')
})

test('a name cannot move the link', () => {
  const s = told({ kind: 'step', step: { ...step, step: '\uE000', journey: '{{step}} $t(event)' } })
  expect(s.link?.label).toBe('{{step}} $t(event)')
  expect(s.before).toBe('In the journey ')
})
