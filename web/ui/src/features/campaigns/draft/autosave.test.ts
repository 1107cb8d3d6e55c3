import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Problem } from '~/api/problem'

import { Autosave, type Stored } from './autosave'
import { bodyOf, changed, differences, fieldAt, fieldsOf, merged, unfit, type Field, type Fields } from './fields'

const start: Fields = {
  name: 'Spring',
  template_id: 1,
  sender_name: 'Shop',
  sender_address: 'news@shop.example',
  topic: 'news',
  relay: 'default',
  include: [1],
  exclude: [],
  schedule: null,
  in_doubt: 'hold',
}
const version = (revision: number, fields: Partial<Fields> = {}, by = 'Me'): Stored => ({
  fields: { ...start, ...fields },
  revision,
  by,
  at: '2026-05-04T09:00:00Z',
})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A server that keeps one draft. */
function server() {
  const s = {
    now: version(1),
    saves: [] as { fields: Fields; revision: number }[],
    fails: undefined as Problem | undefined,
    slow: undefined as Promise<void> | undefined,
    save: async (fields: Fields, revision: number) => {
      await s.slow
      if (s.fails) throw s.fails
      s.saves.push({ fields, revision })
      if (revision !== s.now.revision) throw new Problem(409, { detail: 'changed', state: 'draft' })
      s.now = version(revision + 1, fields)
      return s.now
    },
  }
  return s
}

function open(s: ReturnType<typeof server>, unsaved?: Fields) {
  return new Autosave(
    s.now,
    { save: s.save, present: () => s.now, unfit: (f) => Object.keys(unfit(f)) as Field[] },
    unsaved,
  )
}

test('it is saved once typing has paused', async () => {
  const s = server()
  const draft = open(s)
  draft.change({ name: 'Sp' })
  await vi.advanceTimersByTimeAsync(500)
  draft.change({ name: 'Summer' })
  expect(draft.get().phase).toBe('changed')
  await vi.advanceTimersByTimeAsync(700)
  expect(s.saves).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(200)
  expect(s.saves.map((x) => x.fields.name)).toEqual(['Summer'])
  expect(draft.get().phase).toBe('saved')
  expect(draft.get().stored.revision).toBe(2)
  draft.change({ name: 'Summer ' }) // a space at the end is no change
  await vi.advanceTimersByTimeAsync(2000)
  expect(s.saves).toHaveLength(1)
})

test('what is typed while a save is under way is saved after it', async () => {
  const s = server()
  let answer = () => {}
  s.slow = new Promise((resolve) => (answer = resolve))
  const draft = open(s)
  draft.change({ name: 'A' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(draft.get().phase).toBe('saving')
  draft.change({ name: 'AB', topic: 'offers' })
  answer()
  s.slow = undefined
  await vi.advanceTimersByTimeAsync(2000)
  expect(s.saves.map((x) => [x.fields.name, x.revision])).toEqual([
    ['A', 1],
    ['AB', 2],
  ])
  expect(draft.get().phase).toBe('saved')
})

test('without a server it waits, tries again by itself, and keeps what was typed', async () => {
  const s = server()
  const draft = open(s)
  s.fails = new Problem(0)
  draft.change({ name: 'A' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(draft.get().phase).toBe('waiting')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(draft.get().phase).toBe('waiting')
  expect(draft.unsaved).toBe(true)
  s.fails = undefined
  await vi.advanceTimersByTimeAsync(30_000)
  expect(draft.get().phase).toBe('saved')
  expect(s.now.fields.name).toBe('A')
})

test('a save whose answer was lost is no conflict with oneself', async () => {
  for (const tell of [false, true]) {
    const s = server()
    const draft = open(s)
    draft.change({ name: 'A' })
    s.fails = new Problem(0)
    await vi.advanceTimersByTimeAsync(1000)
    s.now = version(2, { name: 'A' }) // it had arrived
    s.fails = undefined
    draft.change({ name: 'AB' })
    if (tell) draft.told(s.now)
    await vi.advanceTimersByTimeAsync(3000)
    expect(draft.get().phase).toBe('saved')
    expect(s.now.fields.name).toBe('AB')
    expect(s.now.revision).toBe(3)
  }
})

test('what is refused stays, and is tried again after the next change', async () => {
  const s = server()
  const draft = open(s)
  s.fails = new Problem(422, { errors: [{ location: 'topic', message: 'is not a topic' }] })
  draft.change({ topic: 'no topic!' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(draft.get().phase).toBe('refused')
  expect(draft.get().problem?.fields).toEqual({ topic: 'is not a topic' })
  expect(draft.get().fields.topic).toBe('no topic!')
  s.fails = undefined
  draft.change({ topic: 'offers' })
  expect(draft.get().problem).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1000)
  expect(draft.get().phase).toBe('saved')
})

test('a field that is not finished does not keep the others from being saved', async () => {
  const s = server()
  const draft = open(s)
  draft.change({ sender_address: 'news@', topic: 'offers' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(s.now.fields.sender_address).toBe('news@shop.example')
  expect(s.now.fields.topic).toBe('offers')
  expect(draft.get().held).toEqual(['sender_address'])
  expect(draft.get().fields.sender_address).toBe('news@')
  expect(draft.unsaved).toBe(true)
  expect(await draft.flush()).toBe(false)
  draft.change({ sender_address: 'news@other.example' })
  expect(await draft.flush()).toBe(true)
  expect(s.now.fields.sender_address).toBe('news@other.example')
})

test('who comes second sees both versions and chooses', async () => {
  const s = server()
  const draft = open(s)
  draft.change({ name: 'Mine', topic: 'offers' })
  s.now = version(2, { name: 'Theirs', include: [7] }, 'Anna')
  await vi.advanceTimersByTimeAsync(1000)
  const state = draft.get()
  expect(state.phase).toBe('conflict')
  expect(state.theirs?.by).toBe('Anna')
  expect(differences(state.stored.fields, state.fields, state.theirs!.fields)).toEqual([
    { field: 'name', by: 'both' },
    { field: 'include', by: 'them' },
    { field: 'topic', by: 'me' },
  ])
  // Nothing is sent meanwhile, whatever is typed.
  draft.change({ topic: 'sale' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(s.saves).toHaveLength(1)
  expect(await draft.flush()).toBe(false)

  const chosen = merged(draft.get().fields, state.theirs!.fields, ['topic'])
  expect(await draft.resolve(chosen)).toBe(true)
  expect(s.now.fields).toEqual({ ...start, name: 'Theirs', include: [7], topic: 'sale' })
  expect(draft.get().stored.revision).toBe(3)
})

test('another version is taken where nothing is typed, and is a conflict where something is', async () => {
  const s = server()
  const draft = open(s)
  draft.told(version(2, { name: 'Theirs' }, 'Anna'))
  expect(draft.get().fields.name).toBe('Theirs')
  expect(draft.get().phase).toBe('saved')
  draft.told(version(1, { name: 'old' }))
  expect(draft.get().fields.name).toBe('Theirs')
  draft.change({ topic: 'offers' })
  draft.told(version(3, { name: 'Again' }, 'Anna'))
  expect(draft.get().phase).toBe('conflict')
  draft.told(version(4, { name: 'And again' }, 'Ben'))
  expect(draft.get().theirs?.revision).toBe(4)
})

test('a draft that was started or deleted meanwhile ends', async () => {
  for (const problem of [new Problem(404), new Problem(409, { state: 'running' })]) {
    const s = server()
    s.fails = problem
    const draft = new Autosave(s.now, { save: s.save, present: () => undefined })
    draft.change({ name: 'A' })
    await vi.advanceTimersByTimeAsync(1000)
    expect(draft.get().phase).toBe('ended')
    expect(draft.get().fields.name).toBe('A')
    draft.change({ name: 'B' })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(draft.get().phase).toBe('ended')
  }
})

test('what an earlier page could not save is saved by the next', async () => {
  const s = server()
  const draft = open(s, { ...start, name: 'from before' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(s.now.fields.name).toBe('from before')
  draft.close()
  draft.change({ name: 'closed' })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(s.saves).toHaveLength(1)
})

test('fields and the API', () => {
  const campaign = {
    ...({} as ReturnType<typeof JSON.parse>),
    name: 'n',
    template_id: 0,
    sender: { name: '', address: '' },
    topic: '',
    relay: 'default',
    audience: { include: null, exclude: [3] },
    schedule: { cron: '0 9 * * 1' },
    in_doubt: 'resend',
  }
  const f = fieldsOf(campaign)
  expect(f.schedule).toEqual({ cron: '0 9 * * 1', timezone: 'UTC' })
  expect(bodyOf(f)).toMatchObject({ audience: { include: [], exclude: [3] }, in_doubt: 'resend' })
  expect('schedule' in bodyOf({ ...f, schedule: null })).toBe(false)
  expect(changed(f, { ...f, schedule: { at: '2026-05-04T09:00:00Z' }, exclude: [] })).toEqual(['exclude', 'schedule'])
  expect(fieldAt('audience.include[2]')).toBe('include')
  expect(fieldAt('schedule.cron')).toBe('schedule')
  expect(fieldAt('names')).toBeUndefined()
  expect(unfit({ ...start, name: ' ', sender_address: 'a@b' })).toEqual({ name: 'missing', sender_address: 'address' })
  expect(unfit({ ...start, sender_address: '' })).toEqual({})
})
