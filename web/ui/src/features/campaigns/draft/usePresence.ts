import { useEffect, useState } from 'react'

import { client } from '~/api/client'

const every = 15_000

/** Says that this page has a campaign open, and returns the names of who has besides. */
export function usePresence(id: number): string[] {
  const [others, setOthers] = useState<string[]>([])
  useEffect(() => {
    const tab = crypto.randomUUID()
    const params = { path: { id } }
    let over = false
    const here = async () => {
      if (document.visibilityState === 'hidden') return
      try {
        const { data } = await client.POST('/api/v1/campaigns/{id}/presence', { params, body: { tab } })
        if (!over) setOthers([...new Set((data?.editors ?? []).map((e) => e.name))])
      } catch {
        // It is a courtesy: what cannot be saved says so itself.
      }
    }
    void here()
    const timer = setInterval(() => void here(), every)
    document.addEventListener('visibilitychange', here)
    return () => {
      over = true
      clearInterval(timer)
      document.removeEventListener('visibilitychange', here)
      void client
        .DELETE('/api/v1/campaigns/{id}/presence/{tab}', { params: { path: { id, tab } }, keepalive: true })
        .catch(() => undefined)
    }
  }, [id])
  return others
}
