import { expect, test } from 'vitest'

import { contactSearch, filterCount, listQuery, listSearch } from './search'

test('what does not fit is left out of an address', () => {
  expect(listSearch({ q: 42, consent: 'subscribed', segment: '7', suppressed: 'maybe', sort: '__proto__' })).toEqual({
    q: '42',
    topic: undefined,
    consent: undefined, // of no topic
    segment: undefined,
    suppressed: undefined,
    ordered: undefined,
    country: undefined,
    sort: undefined,
  })
  expect(listSearch({ topic: 'news', consent: 'never_asked', segment: 7, ordered: 'no' })).toMatchObject({
    topic: 'news',
    consent: 'never_asked',
    segment: 7,
    ordered: 'no',
  })
  expect(listSearch({ topic: 'news' }).consent).toBe('subscribed')
  expect(contactSearch({ tab: 'orders', kind: 'mail' })).toEqual({ tab: 'orders', kind: 'mail' })
  expect(contactSearch({ tab: 'x', kind: {} })).toEqual({})
})

test('the search as the API takes it', () => {
  expect(listQuery({ q: 'edith', country: 'Iceland' })).toEqual({ query: 'edith', country: 'Iceland', sort: 'newest' })
})

test('consent counts with its topic, search and order do not count', () => {
  expect(filterCount({ q: 'x', sort: 'name', topic: 'news', consent: 'pending', ordered: 'yes' })).toBe(2)
})
