import { useQueries } from '@tanstack/react-query'

import { $api } from '~/api/client'
import { useWords } from '~/i18n'

import { words } from '../words'

/** Segments to choose from, those that are chosen among them whatever their age. */
export function useSegments(chosen: number[]) {
  const t = useWords(words)
  const list = $api.useQuery('get', '/api/v1/segments', { params: { query: { limit: 200 } } }, { staleTime: 30_000 })
  const found = list.data?.items ?? []
  const missing = list.data ? [...new Set(chosen)].filter((id) => !found.some((s) => s.id === id)) : []
  const others = useQueries({
    queries: missing.map((id) =>
      $api.queryOptions(
        'get',
        '/api/v1/segments/{id}',
        { params: { path: { id } } },
        { staleTime: 30_000, retry: false },
      ),
    ),
  })
  const options = [
    ...missing.map((id, i) => ({ value: String(id), label: others[i]?.data?.name ?? t('audience.gone', { id }) })),
    ...found.map((s) => ({ value: String(s.id), label: s.name })),
  ]
  return {
    options,
    none: list.data !== undefined && found.length === 0,
    name: (id: number) => options.find((o) => o.value === String(id))?.label ?? String(id),
  }
}
