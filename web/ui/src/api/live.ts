/**
 * Figures that move. The API's live operations tell a snapshot again whenever it
 * changes (server-sent events); useLive keeps the newest.
 *
 * A browser allows six connections to a server for all tabs together, and a stream
 * takes one: so a tab that is not seen has none. A stream that ends is opened anew,
 * at once and then at growing intervals; the shell says so when that takes longer.
 */
import { useEffect, useState, useSyncExternalStore } from 'react'

import { client, type paths, signedOut } from './client'
import { Problem } from './problem'

type Told<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { 'text/event-stream': infer T } } } }
}
  ? T
  : never

export type LivePath = { [P in keyof paths]: Told<P> extends never ? never : P }[keyof paths]
type PathParams<P extends keyof paths> = paths[P] extends { get: { parameters: { path: infer X } } } ? X : undefined
type QueryParams<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? Q : undefined

const waits = [0, 1000, 2000, 5000, 10_000, 15_000] // ms, before each attempt
const silence = 25_000 // ms without a beat: the line is dead although nobody said so
const grace = 2500 // ms that a stream may be away before anybody is told

/** Streams that are away, and since when: for the shell. */
const away = new Map<symbol, number>()
let lostSince: number | null = null
const listeners = new Set<() => void>()

function note(id: symbol, gone: boolean) {
  if (gone && !away.has(id)) away.set(id, Date.now())
  if (!gone) away.delete(id)
  const since = away.size ? Math.min(...away.values()) : null
  if (since === lostSince) return
  lostSince = since
  listeners.forEach((tell) => tell())
}

/** Since when (ms) the server cannot be reached; null: it can. */
export function useLostSince(): number | null {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell)
      return () => listeners.delete(tell)
    },
    () => lostSince,
  )
}

export interface Live<T> {
  /** The newest snapshot; undefined before the first. */
  data: T | undefined
  /** Why there is none: 404, 403. */
  problem: Problem | undefined
}

export function useLive<P extends LivePath>(
  path: P,
  params: { path?: PathParams<P>; query?: QueryParams<P> } = {},
  { enabled = true } = {},
): Live<Told<P>> {
  const url = address(path, params)
  const [told, setTold] = useState<{ url: string; data?: Told<P>; problem?: Problem }>({ url })
  useEffect(() => {
    if (!enabled) return
    return follow(url, {
      state: (data) => setTold({ url, data: data as Told<P> }),
      problem: (problem) => setTold((was) => ({ url, data: was.url === url ? was.data : undefined, problem })),
    })
  }, [url, enabled])
  return told.url === url ? { data: told.data, problem: told.problem } : { data: undefined, problem: undefined }
}

export function address(path: string, params: { path?: unknown; query?: unknown }): string {
  const values = (params.path ?? {}) as Record<string, unknown>
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])))
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries((params.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null) query.set(name, String(value))
  }
  return query.size ? `${filled}?${query}` : filled
}

interface Follower {
  state(data: unknown): void
  problem(problem: Problem): void
}

/** Opens a stream and keeps it open while the tab is seen. The result closes it for good. */
export function follow(url: string, to: Follower): () => void {
  const id = Symbol(url)
  let source: EventSource | undefined
  let attempt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let quiet: ReturnType<typeof setTimeout> | undefined
  let late: ReturnType<typeof setTimeout> | undefined

  const heard = () => {
    attempt = 0
    clearTimeout(late)
    late = undefined
    note(id, false)
    clearTimeout(quiet)
    quiet = setTimeout(again, silence)
  }
  const shut = () => {
    source?.close()
    source = undefined
    clearTimeout(timer)
    clearTimeout(quiet)
  }
  const again = () => {
    shut()
    late ??= setTimeout(() => note(id, true), grace)
    const wait = waits[Math.min(attempt++, waits.length - 1)]!
    // Not all at once when a server comes back to many tabs.
    timer = setTimeout(open, wait * (0.75 + Math.random() / 2))
  }
  const open = () => {
    shut()
    if (document.visibilityState === 'hidden') return
    source = new EventSource(url)
    source.addEventListener('open', heard)
    source.addEventListener('beat', heard)
    source.addEventListener('state', (event) => {
      heard()
      to.state(JSON.parse((event as MessageEvent<string>).data))
    })
    source.addEventListener('error', () => {
      const refused = source?.readyState === EventSource.CLOSED
      again()
      if (refused) void ask()
    })
  }
  // EventSource does not say why it was refused: a plain request does.
  const ask = async () => {
    const stop = new AbortController()
    try {
      const get = client.GET as unknown as (path: string, init: unknown) => Promise<unknown>
      await get(url, { parseAs: 'stream', signal: stop.signal })
    } catch (error) {
      if (!(error instanceof Problem) || error.temporary) return
      if (error.status === 401) signedOut.dispatchEvent(new Event('signed-out'))
      if (error.status >= 400 && error.status < 500) {
        end()
        to.problem(error)
      }
    } finally {
      stop.abort()
    }
  }
  const seen = () => {
    if (document.visibilityState === 'hidden') {
      shut()
      clearTimeout(late)
      late = undefined
      note(id, false)
    } else if (!source) {
      open()
    }
  }
  const end = () => {
    document.removeEventListener('visibilitychange', seen)
    window.removeEventListener('online', open)
    shut()
    clearTimeout(late)
    note(id, false)
  }

  document.addEventListener('visibilitychange', seen)
  window.addEventListener('online', open)
  open()
  return end
}
