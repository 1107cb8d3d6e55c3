import { afterEach, expect, test } from 'vitest'

import { defineWords, setLanguage } from '.'

const words = defineWords(
  'words-test',
  {
    title: 'Title',
    people_one: '{{count, number}} person',
    people_other: '{{count, number}} people',
    deep: { name: 'Hello {{name}}' },
  },
  {
    title: 'Titel',
    people_one: '{{count, number}} Person',
    people_other: '{{count, number}} Personen',
    deep: { name: 'Hallo {{name}}' },
  },
)
afterEach(() => setLanguage('en'))

test('both languages, numbers and names', () => {
  expect(words.t('people', { count: 1 })).toBe('1 person')
  expect(words.t('people', { count: 1234 })).toBe('1,234 people')
  setLanguage('de')
  expect(words.t('people', { count: 1234 })).toBe('1.234 Personen')
  expect(words.t('deep.name', { name: '<b>Zoë</b>' })).toBe('Hallo <b>Zoë</b>') // React escapes
  expect(document.documentElement.lang).toBe('de')
})
