import { expect, test } from 'vitest'

import { innerPath } from './next'

test('only pages of the app are gone to', () => {
  expect(innerPath('/campaigns/7?tab=report#top')).toBe('/campaigns/7?tab=report#top')
  expect(innerPath('/app/contacts?q=a')).toBe('/contacts?q=a')
  expect(innerPath('/app')).toBe('/')
  for (const bad of [
    undefined,
    7,
    '',
    'campaigns',
    'https://evil.example/',
    '//evil.example/app/',
    '/\\evil.example',
    '/app//evil.example',
    'javascript:alert(1)',
    '/sign-in?next=/sign-in',
    '/app/invitation#token',
  ]) {
    expect(innerPath(bad), String(bad)).toBe('/')
  }
})
