import { useMemo } from 'react'

import { $api } from '~/api/client'

import type { Names } from './say'

/** The names of templates and segments, as many as a page of each holds: others are shown by their ids. */
export function useNames(enabled = true): Names {
  const query = { params: { query: { limit: 200 } } }
  const options = { enabled, staleTime: 60_000 }
  const templates = $api.useQuery('get', '/api/v1/templates', query, options).data?.items
  const segments = $api.useQuery('get', '/api/v1/segments', query, options).data?.items
  return useMemo(
    () => ({
      templates: new Map((templates ?? []).map((t) => [t.id, t.name])),
      segments: new Map((segments ?? []).map((s) => [s.id, s.name])),
    }),
    [templates, segments],
  )
}
