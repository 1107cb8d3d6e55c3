import { useEffect, useRef, useState, useSyncExternalStore } from 'react'

import { $api, client, queryClient } from '~/api/client'
import type { Problem } from '~/api/problem'

import { Autosave, type Stored } from './autosave'
import { bodyOf, changed, fieldsOf, unfit, type Campaign, type Field, type Fields } from './fields'

/** What could not be saved before the page was closed, in this browser. */
interface Backup {
  base: Fields
  fields: Fields
  at: string
}

const keyOf = (id: number) => `campaign-draft-${id}`

function readBackup(id: number, stored: Fields): Backup | undefined {
  try {
    const b = JSON.parse(localStorage.getItem(keyOf(id)) ?? 'null') as Backup | null
    if (b?.fields && b.base && changed(wanted(b, stored), stored).length > 0) return b
  } catch {
    // not ours
  }
  localStorage.removeItem(keyOf(id))
  return undefined
}

/** What the backup's changes make of the present version. */
function wanted(b: Backup, stored: Fields): Fields {
  return { ...stored, ...Object.fromEntries(changed(b.fields, b.base).map((k) => [k, b.fields[k]])) }
}

export const storedOf = (c: Campaign): Stored => ({
  fields: fieldsOf(c),
  revision: c.revision,
  by: c.updated_by ?? '',
  at: c.updated_at,
})

const path = '/api/v1/campaigns/{id}' as const
export const campaignKey = (id: number) => $api.queryOptions('get', path, { params: { path: { id } } }).queryKey

/** A draft that saves itself. campaign is as the server has it, anew whenever that changes. */
export function useDraft(campaign: Campaign) {
  const { id } = campaign
  const [auto] = useState(
    () =>
      new Autosave(storedOf(campaign), {
        save: async (fields, revision) => {
          const { data } = await client.PUT(path, {
            params: { path: { id } },
            body: { ...bodyOf(fields), revision },
          })
          queryClient.setQueryData(campaignKey(id), data)
          return storedOf(data as Campaign)
        },
        present: (problem: Problem) => {
          const current = (problem.document as { current?: Campaign } | undefined)?.current
          return current?.status === 'draft' ? storedOf(current) : undefined
        },
        unfit: (fields) => Object.keys(unfit(fields)) as Field[],
      }),
  )
  const state = useSyncExternalStore(auto.subscribe, auto.get)
  const [backup, setBackup] = useState(() => readBackup(id, fieldsOf(campaign)))
  const [taken, setTaken] = useState<{ by: string; at: string }>()

  // Another version, by somebody else.
  const before = useRef(campaign)
  useEffect(() => {
    const was = before.current
    before.current = campaign
    if (campaign.status !== 'draft') return auto.end()
    const unsaved = auto.unsaved
    const known = auto.get().stored.revision
    auto.told(storedOf(campaign))
    if (!unsaved && campaign.revision > known && campaign.revision > was.revision)
      setTaken({ by: campaign.updated_by ?? '', at: campaign.updated_at })
  }, [campaign, auto])

  // What is not saved outlives the page.
  useEffect(
    () =>
      auto.subscribe(() => {
        const { fields, stored, phase } = auto.get()
        if (phase === 'ended') return
        if (!auto.unsaved) return localStorage.removeItem(keyOf(id))
        const b: Backup = { base: stored.fields, fields, at: new Date().toISOString() }
        localStorage.setItem(keyOf(id), JSON.stringify(b))
      }) as () => void,
    [auto, id],
  )
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent) => {
      if (!auto.unsaved || auto.get().phase === 'ended') return
      void auto.flush()
      event.preventDefault()
    }
    const online = () => void auto.flush()
    const hidden = () => {
      if (document.visibilityState === 'hidden') void auto.flush()
    }
    window.addEventListener('beforeunload', leaving)
    window.addEventListener('online', online)
    document.addEventListener('visibilitychange', hidden)
    return () => {
      window.removeEventListener('beforeunload', leaving)
      window.removeEventListener('online', online)
      document.removeEventListener('visibilitychange', hidden)
      void auto.flush().finally(() => auto.close())
    }
  }, [auto])

  return {
    state,
    auto,
    set: (patch: Partial<Fields>) => {
      setTaken(undefined)
      auto.change(patch)
    },
    /** Somebody else's version that was taken over, as nothing was typed here. */
    taken,
    dismissTaken: () => setTaken(undefined),
    backup,
    restore: () => {
      if (backup) auto.change(wanted(backup, auto.get().stored.fields))
      setBackup(undefined)
    },
    discard: () => {
      localStorage.removeItem(keyOf(id))
      setBackup(undefined)
    },
  }
}

export type Draft = ReturnType<typeof useDraft>
