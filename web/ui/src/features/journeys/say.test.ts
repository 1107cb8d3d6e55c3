import { afterEach, expect, test } from 'vitest'

import { setLanguage } from '~/i18n'

import type { Step } from './definition'
import { durationInWords, reasonInWords, ruleInWords, stepInWords, triggerInWords, wayInWords } from './say'
import { words } from './words'

const { t } = words
afterEach(() => setLanguage('en'))

test('durations', () => {
  expect(durationInWords('P14D')).toBe('14 days')
  expect(durationInWords('P1DT12H')).toBe('1 day, 12 hours')
  expect(durationInWords('PT30M')).toBe('30 minutes')
  expect(durationInWords('P1M')).toBe('1 month')
  expect(durationInWords('-P3D', 'de')).toBe('3 Tage')
  expect(durationInWords('soon')).toBe('soon')
})

test('rules', () => {
  expect(ruleInWords(t, { field: 'bought.category', operator: 'bought', value: 'grinders', from: 'trigger' })).toBe(
    'bought grinders since the trigger',
  )
  expect(ruleInWords(t, { field: 'order.product', operator: 'not_bought', value: ['A', 'B'] })).toBe(
    'the order does not hold A or B',
  )
  expect(
    ruleInWords(t, {
      combinator: 'and',
      rules: [
        { field: 'country', operator: '=', value: 'IS' },
        {
          combinator: 'or',
          rules: [
            { field: 'orders.count', operator: '>', value: 0, within_days: 30 },
            { field: 'event.login', operator: 'did_not' },
          ],
        },
      ],
    }),
  ).toBe('country is IS and (the number of orders is more than 0 in the last 30 days or “login” did not happen)')
  expect(ruleInWords(t, { combinator: 'and', rules: [] })).toBe('everybody')
})

test('every type of trigger, in full and in short', () => {
  expect(triggerInWords(t, { type: 'order', on: 'paid' })).toBe('When an order is paid')
  expect(triggerInWords(t, { type: 'abandoned', name: 'cart' })).toBe('When “cart” happens and no order follows')
  expect(triggerInWords(t, { type: 'win_back', within: 'P90D' })).toBe('When a customer has not ordered for 90 days')
  expect(triggerInWords(t, { type: 'date', attribute: 'birthday', offset: '-P3D' })).toBe(
    '3 days before the date in “birthday”',
  )
  expect(triggerInWords(t, { type: 'replenishment', categories: ['coffee'], interval: 'P30D' })).toBe(
    'When coffee should be used up (30 days)',
  )
  const names = { templates: new Map(), segments: new Map([[3, 'VIPs']]) }
  expect(triggerInWords(t, { type: 'segment', on: 'left', segment_id: 3 }, names)).toBe(
    'When a contact leaves the segment “VIPs”',
  )
})

test('every type of step, in both languages', () => {
  const names = { templates: new Map([[1, 'Hello']]), segments: new Map() }
  const steps: Step[] = [
    { id: 'a', type: 'send', template_id: 1, topic: 'news' },
    { id: 'b', type: 'wait', for: 'P4D', at: '09:00', on: ['mon', 'tue'] },
    { id: 'c', type: 'wait_until', event: 'clicked', timeout: 'P7D' },
    { id: 'd', type: 'branch', if: { field: 'country', operator: '=', value: 'IS' } },
    {
      id: 'e',
      type: 'split',
      paths: [
        { weight: 3, steps: [] },
        { weight: 1, steps: [] },
      ],
    },
    { id: 'f', type: 'update_contact', set: { vip: true, old: null }, subscribe: ['news'] },
    { id: 'g', type: 'webhook', url: 'https://shop.example/hook' },
    { id: 'h', type: 'exit', reason: 'has one' },
  ]
  expect(steps.map((s) => stepInWords(t, s, names))).toEqual([
    '“Hello” to news',
    '4 days, until 09:00, on Mon or Tue',
    '“clicked” happens, at most 7 days',
    'country is IS?',
    '2 ways: 75% / 25%',
    'vip = true; remove old; subscribe to news',
    'https://shop.example/hook',
    'leaves: has one',
  ])
  expect(wayInWords(t, steps[4]!, 'path 2', 0.25)).toBe('Path 2: 25%')
  expect(wayInWords(t, steps[2]!, 'else')).toBe('not in time')
  setLanguage('de')
  expect(stepInWords(t, steps[1]!)).toBe('4 Tage, bis 09:00 Uhr, an Mo oder Di')
  expect(stepInWords(t, { id: 'x', type: 'send', template_id: 9, topic: 'news' })).toBe('Vorlage 9 an news')
})

test('reasons that are not known are shown as they are', () => {
  expect(reasonInWords(t, 'goal_met')).toBe('The goal was met')
  expect(reasonInWords(t, 'something_new')).toBe('something_new')
})
