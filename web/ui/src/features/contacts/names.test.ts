import { expect, test } from 'vitest'

import { localTime } from './local'
import { nameOf } from './names'

test('a contact is called by name, address or number', () => {
  const c = { external_id: 'C-1', email: 'e@example.com', first_name: ' Edith ', last_name: '' }
  expect(nameOf(c)).toBe('Edith')
  expect(nameOf({ ...c, first_name: ' ' })).toBe('e@example.com')
  expect(nameOf({ ...c, first_name: '', email: '' })).toBe('C-1')
})

test('the time there; a zone that does not exist has none', () => {
  const noon = new Date('2026-01-15T12:00:00Z')
  expect(localTime('de', 'Asia/Tokyo', noon)).toContain('21:00')
  expect(localTime('en', 'Mars/Base', noon)).toBe('')
  expect(localTime('en', '', noon)).toBe('')
})
