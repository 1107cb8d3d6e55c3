import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { client } from '~/api/client'

/** The revision is part of the question: another one is asked about anew. */
function look(id: number, revision: number, remote: boolean) {
  return {
    queryKey: ['checklist', id, revision, remote],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const { data } = await client.GET('/api/v1/campaigns/{id}/checklist', {
        params: { path: { id }, query: { remote } },
        signal,
      })
      return data!
    },
    placeholderData: keepPreviousData,
  }
}

/** What is found about a revision of a draft: by the database at once, by the DNS and the links a little later. */
export function useChecklist(id: number, revision: number) {
  const local = useQuery({ ...look(id, revision, false), staleTime: 30_000 })
  const remote = useQuery({ ...look(id, revision, true), staleTime: 5 * 60_000, refetchOnWindowFocus: false })
  const items = useMemo(() => [...(local.data?.items ?? []), ...(remote.data?.items ?? [])], [local.data, remote.data])
  return {
    items,
    lookedAt: local.data?.looked_at ?? 0,
    all: local.data?.all ?? false,
    known: local.data !== undefined,
    looking: local.data === undefined || local.isFetching,
    asking: remote.isFetching,
    error: local.error,
    again: () => {
      void local.refetch()
      void remote.refetch()
    },
  }
}

export type ChecklistState = ReturnType<typeof useChecklist>
