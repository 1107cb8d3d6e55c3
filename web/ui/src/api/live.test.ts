import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { address, follow } from './live'
import { Problem } from './problem'

class FakeSource extends EventTarget {
  static readonly CLOSED = 2
  static opened: FakeSource[] = []
  readyState = 1
  readonly url: string
  constructor(url: string) {
    super()
    this.url = url
    FakeSource.opened.push(this)
  }
  close() {
    this.readyState = 2
  }
  say(event: string, data?: unknown) {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }))
  }
  break(state: 0 | 2) {
    this.readyState = state
    this.dispatchEvent(new Event('error'))
  }
}

const newest = () => FakeSource.opened.at(-1)!
let visibility: DocumentVisibilityState = 'visible'

beforeEach(() => {
  vi.useFakeTimers()
  FakeSource.opened = []
  visibility = 'visible'
  vi.stubGlobal('EventSource', FakeSource)
  vi.spyOn(document, 'visibilityState', 'get').mockImplementation(() => visibility)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function see(v: DocumentVisibilityState) {
  visibility = v
  document.dispatchEvent(new Event('visibilitychange'))
}

test('states arrive, and a stream that breaks is opened again', async () => {
  const state = vi.fn()
  const end = follow('/live', { state, problem: vi.fn() })
  newest().say('state', { sent: 1 })
  expect(state).toHaveBeenLastCalledWith({ sent: 1 })

  newest().break(0)
  await vi.advanceTimersByTimeAsync(100)
  expect(FakeSource.opened).toHaveLength(2)
  newest().break(0) // the server is still away: the next attempt waits
  await vi.advanceTimersByTimeAsync(100)
  expect(FakeSource.opened).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(2000)
  expect(FakeSource.opened).toHaveLength(3)
  newest().say('state', { sent: 2 })
  expect(state).toHaveBeenLastCalledWith({ sent: 2 })

  end()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSource.opened).toHaveLength(3)
  expect(newest().readyState).toBe(2)
})

test('a line without a beat is given up', async () => {
  const end = follow('/live', { state: vi.fn(), problem: vi.fn() })
  newest().say('open')
  await vi.advanceTimersByTimeAsync(20_000)
  newest().say('beat', 'now')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(FakeSource.opened).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(6000)
  expect(FakeSource.opened).toHaveLength(2)
  end()
})

test('a tab that is not seen holds no connection', async () => {
  const end = follow('/live', { state: vi.fn(), problem: vi.fn() })
  see('hidden')
  expect(newest().readyState).toBe(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSource.opened).toHaveLength(1)
  see('visible')
  expect(FakeSource.opened).toHaveLength(2)
  end()
})

test('what is refused is said once and not asked for again', async () => {
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(JSON.stringify({ detail: 'no such campaign' }), { status: 404 })),
  )
  const problem = vi.fn()
  follow('/live', { state: vi.fn(), problem })
  newest().break(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(problem).toHaveBeenCalledOnce()
  expect((problem.mock.calls[0]![0] as Problem).status).toBe(404)
  expect(FakeSource.opened.length).toBeLessThanOrEqual(2)
})

test('addresses are filled in and escaped', () => {
  expect(
    address('/api/v1/contacts/{external_id}/live', {
      path: { external_id: 'a/b c' },
      query: { x: '1&2', y: undefined },
    }),
  ).toBe('/api/v1/contacts/a%2Fb%20c/live?x=1%262')
})
