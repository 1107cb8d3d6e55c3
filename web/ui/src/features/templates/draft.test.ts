import { afterEach, expect, test } from 'vitest'

import { draftOf, forget, keep, kept, same, sourceOf } from './draft'

afterEach(() => localStorage.clear())

const html = { name: 'T', subject: 'S', preheader: 'p', html: '<p>x</p>', mjml: '', text: '' }

test('a template that is opened and not touched is the same', () => {
  for (const t of [
    html,
    { ...html, html: '', mjml: '<mjml>' },
    { ...html, html: '', text: 'x' },
    { ...html, text: 'own' },
  ]) {
    const d = draftOf(t)
    expect(sourceOf(d)).toEqual({
      subject: t.subject,
      preheader: t.preheader,
      html: t.html,
      mjml: t.mjml,
      text: t.text,
    })
    expect(same(d, draftOf(t))).toBe(true)
    expect(same({ ...d, subject: 'other' }, draftOf(t))).toBe(false)
    expect(same({ ...d, name: 'other' }, draftOf(t))).toBe(false)
  }
})

test('only the kind that is chosen is saved, and the other is not lost', () => {
  const d = { ...draftOf(html), kind: 'mjml' as const, mjml: '<mjml>' }
  expect(sourceOf(d)).toMatchObject({ html: '', mjml: '<mjml>', text: '' })
  expect(sourceOf({ ...d, kind: 'html' })).toMatchObject({ html: '<p>x</p>', mjml: '' })
})

test('a plain text that is made of the body is not sent', () => {
  const d = { ...draftOf(html), text: 'written before', ownText: false }
  expect(sourceOf(d).text).toBe('')
  expect(sourceOf({ ...d, ownText: true }).text).toBe('written before')
  expect(sourceOf({ ...d, kind: 'text' }).text).toBe('written before')
})

test('what was not saved is found again, and what is no backup is not', () => {
  const d = draftOf(html)
  expect(kept(7)).toBeUndefined()
  keep(7, d, 3, new Date('2026-03-14T09:26:00Z'))
  expect(kept(7)).toEqual({ draft: d, version: 3, at: '2026-03-14T09:26:00.000Z' })
  expect(kept(8)).toBeUndefined()
  forget(7)
  expect(kept(7)).toBeUndefined()
  localStorage.setItem('template-draft-7', '{broken')
  expect(kept(7)).toBeUndefined()
  localStorage.setItem('template-draft-7', '{}')
  expect(kept(7)).toBeUndefined()
})
