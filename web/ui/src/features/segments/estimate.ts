/** Whom a rule selects, asked of the server a few at a time. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState, useCallback } from 'react'

import { client } from '~/api/client'
import { Problem } from '~/api/problem'

const atOnce = 2 // a list must not keep the database busy
const waiting: (() => void)[] = []
let running = 0

async function inTurn<R>(signal: AbortSignal, ask: () => Promise<R>): Promise<R> {
  if (running >= atOnce) await new Promise<void>((go) => waiting.push(go))
  running++
  try {
    signal.throwIfAborted()
    return await ask()
  } finally {
    running--
    waiting.shift()?.()
  }
}

async function estimate(rule: unknown, signal: AbortSignal) {
  return (await client.POST('/api/v1/segments/estimate', { body: { rule }, signal })).data!
}

const again = (failures: number, error: Error) => error instanceof Problem && error.temporary && failures < 2

/** The estimate of a rule that is being written, as JSON; the one before stays until the new one is there. */
export function useEstimate(rule: string, enabled: boolean) {
  return useQuery({
    queryKey: ['estimate', rule],
    queryFn: ({ signal }) => estimate(JSON.parse(rule), signal),
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: again,
  })
}

/** The count of a row, asked when the row is seen. */
export function useCount(rule: unknown, enabled: boolean) {
  return useQuery({
    queryKey: ['estimate', JSON.stringify(rule), 'count'],
    queryFn: ({ signal }) => inTurn(signal, async () => (await estimate(rule, signal)).count),
    enabled,
    staleTime: 5 * 60_000,
    refetchOnWindowFocus: false,
    retry: again,
  })
}

/** Whether an element has been on the screen. */
export function useSeen(): [seen: boolean, ref: (element: Element | null) => (() => void) | undefined] {
  const [seen, setSeen] = useState(typeof IntersectionObserver === 'undefined')
  const ref = useCallback((element: Element | null) => {
    if (!element || typeof IntersectionObserver === 'undefined') return
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return
      setSeen(true)
      observer.disconnect()
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [seen, ref]
}
