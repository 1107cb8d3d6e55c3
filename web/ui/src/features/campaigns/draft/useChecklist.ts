import { useMemo } from 'react'

import { $api } from '~/api/client'

/** What is found about a revision of a draft: by the database at once, by the DNS and the links a little later. */
export function useChecklist(id: number, revision: number) {
  const path = { id }
  // The revision is part of the question: another one is asked about anew.
  const local = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/checklist',
    { params: { path } },
    { queryKey: ['checklist', id, revision, 'local'], staleTime: 30_000, placeholderData: (before) => before },
  )
  const remote = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/checklist',
    { params: { path, query: { remote: true } } },
    {
      queryKey: ['checklist', id, revision, 'remote'],
      staleTime: 5 * 60_000,
      placeholderData: (before) => before,
      refetchOnWindowFocus: false,
    },
  )
  const items = useMemo(() => [...(local.data?.items ?? []), ...(remote.data?.items ?? [])], [local.data, remote.data])
  return {
    items,
    lookedAt: local.data?.looked_at ?? 0,
    all: local.data?.all ?? false,
    known: local.data !== undefined,
    looking: local.isFetching && (local.isPending || local.isPlaceholderData || local.isRefetching),
    asking: remote.isFetching,
    error: local.error,
    again: () => {
      void local.refetch()
      void remote.refetch()
    },
  }
}

export type ChecklistState = ReturnType<typeof useChecklist>
