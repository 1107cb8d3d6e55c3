import { expect, test } from 'vitest'

import type { Schemas } from '~/api/client'

import { codeLanguage, insertables, member, search } from './reference'

const reference: Schemas['TemplateVariables'] = {
  variables: [
    {
      name: 'contact.first_name',
      type: 'text',
      group: 'contact',
      available: 'where_known',
      example: 'Maria',
      description: 'First name',
      insert: '{{ contact.first_name }}',
    },
    {
      name: 'event.name',
      type: 'text',
      group: 'event',
      available: 'event_journey',
      example: 'left a cart',
      description: 'Its name',
      insert: '{{ event.name }}',
    },
    {
      name: 'unsubscribe_url',
      type: 'link',
      group: 'mail',
      available: 'always',
      example: 'https://x.example',
      description: 'The link',
      insert: '<a href="{{ unsubscribe_url }}">x</a>',
    },
  ],
  filters: [
    {
      name: 'append',
      group: 'texts',
      use: 'append: "x"',
      example: '{{ "a" | append: "b" }}',
      result: 'ab',
      description: 'Adds a text behind',
    },
  ],
  tags: [{ name: 'if', use: '{% if a == b %}…{% endif %}', description: 'Only where it is so' }],
  in_use: { attributes: ['loyalty', 'shoe size'], events: [{ name: 'left a cart', properties: ['url'] }] },
}

test('names that are no identifiers stand in brackets', () => {
  expect(member('contact.attributes', 'loyalty')).toBe('contact.attributes.loyalty')
  expect(member('contact.attributes', 'größe_2')).toBe('contact.attributes.größe_2')
  expect(member('contact.attributes', 'shoe size')).toBe('contact.attributes["shoe size"]')
  expect(member('contact.attributes', '2nd')).toBe('contact.attributes["2nd"]')
})

test('what the shop sends stands behind what is always there', () => {
  const all = insertables(reference, 'en', 'of the shop')
  expect(all.map((i) => i.name)).toEqual([
    'contact.first_name',
    'contact.attributes.loyalty',
    'contact.attributes["shoe size"]',
    'event.name',
    'event.properties.url',
    'unsubscribe_url',
    'append: "x"',
    '{% if a == b %}',
  ])
  expect(insertables(reference, 'de', '')[0]!.description).toBe('Vorname')
})

test('a search looks at names and meanings', () => {
  const all = insertables(reference, 'en', 'of the shop')
  expect(search(all, 'FIRST name').map((i) => i.name)).toEqual(['contact.first_name'])
  expect(search(all, 'left cart of the shop').map((i) => i.name)).toEqual(['event.properties.url'])
  expect(search(all, 'nothing like it')).toEqual([])
})

test('an editor offers what can be typed', () => {
  const language = codeLanguage(insertables(reference, 'en', ''), 'mjml')
  if (language.name !== 'liquid') throw new Error('another language')
  expect(language.variables.map((v) => v.label)).toContain('contact.attributes.loyalty')
  expect(language.variables.map((v) => v.label)).not.toContain('contact.attributes["shoe size"]')
  expect(language.filters[0]).toMatchObject({ label: 'append', apply: 'append: ' })
  expect(language.tags[0]!.label).toBe('if')
  expect(language.elements).toContain('mj-section')
})
