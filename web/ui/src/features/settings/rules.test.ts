import { afterEach, expect, test } from 'vitest'

import { setLanguage } from '~/i18n'

import { bodyOf, sentences, validate, valuesOf } from './rules'

const off = valuesOf({ frequency_cap: null, quiet_hours: null, timezone: 'UTC' }, 'Europe/Berlin')
const on = { ...off, capOn: true, quietOn: true }
afterEach(() => setLanguage('en'))

test('what is off is left out', () => {
  expect(bodyOf(off)).toEqual({ timezone: 'Europe/Berlin' })
  expect(bodyOf({ ...on, mails: '2' })).toEqual({
    frequency_cap: { mails: 2, days: 7 },
    quiet_hours: { from: '22:00', to: '08:00' },
    timezone: 'Europe/Berlin',
  })
})

test('rules that are set keep their zone', () => {
  const rules = { frequency_cap: { mails: 1, days: 1 }, quiet_hours: null, timezone: 'UTC' }
  expect(valuesOf(rules, 'Europe/Berlin')).toMatchObject({ capOn: true, mails: 1, quietOn: false, timezone: 'UTC' })
})

test('only what is on is checked', () => {
  expect(validate.mails('', off)).toBeNull()
  expect(validate.mails('', on)).toBe('Between 1 and 1,000.')
  expect(validate.mails(1001, on)).toBeTruthy()
  expect(validate.days(1.5, on)).toBeTruthy()
  expect(validate.days(366, on)).toBeNull()
  expect(validate.from('24:00', on)).toBeTruthy()
  expect(validate.from('', off)).toBeNull()
  expect(validate.to('22:00', on)).toBe('Must differ from the beginning.')
  expect(validate.to('08:00', on)).toBeNull()
})

test('in words, in both languages', () => {
  expect(sentences(off)).toEqual(['A contact may get any number of mails.', 'Mails go out at any time of the day.'])
  expect(sentences({ ...on, mails: 1, days: 1 })[0]).toBe('Within any 1 day a contact gets at most 1 marketing mail.')
  setLanguage('de')
  expect(sentences(on)).toEqual([
    'Innerhalb von 7 Tagen bekommt ein Kontakt höchstens 3 Marketing-Mails.',
    'Zwischen 22:00 und 08:00 auf der eigenen Uhr wird niemandem geschrieben; wo sie nicht bekannt ist, gilt Europe/Berlin.',
  ])
})
