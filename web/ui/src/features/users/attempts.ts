import { useEffect, useState } from 'react'

import { Problem } from '~/api/problem'

/** The seconds that an answer 429 says to wait; 0: it is another problem. */
export function waitOf(error: unknown): number {
  if (!(error instanceof Problem) || error.status !== 429) return 0
  const wait = (error.document as { retry_after?: unknown } | undefined)?.retry_after
  return typeof wait === 'number' && wait > 0 ? wait : 1
}

/** Counts down after too many failures: how many seconds are left, and how to begin. */
export function useWait(): { left: number; over: boolean; begin: (seconds: number) => void } {
  const [until, setUntil] = useState(0)
  const [now, setNow] = useState(0)
  useEffect(() => {
    if (!until) return
    const timer = setInterval(() => {
      setNow(Date.now())
      if (Date.now() >= until) clearInterval(timer)
    }, 250)
    return () => clearInterval(timer)
  }, [until])
  const left = until ? Math.max(0, Math.ceil((until - now) / 1000)) : 0
  return {
    left,
    over: until > 0 && left === 0,
    begin: (seconds) => {
      setNow(Date.now())
      setUntil(seconds > 0 ? Date.now() + seconds * 1000 : 0)
    },
  }
}
