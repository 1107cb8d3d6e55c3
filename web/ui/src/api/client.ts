/**
 * The one way to the API. Its types are generated from the OpenAPI document
 * (schema.d.ts; `make api`). Whoever calls gets the data, or a Problem is thrown.
 *
 *     const campaign = $api.useQuery('get', '/api/v1/campaigns/{id}', { params: { path: { id } } })
 *     const start = $api.useMutation('post', '/api/v1/campaigns/{id}/start')
 *     const { data } = await client.GET('/api/v1/campaigns', …)
 */
import { QueryCache, QueryClient } from '@tanstack/react-query'
import createClient from 'openapi-fetch'
import createQueries from 'openapi-react-query'

import { Problem } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type { paths }

export const client = createClient<paths>({
  baseUrl: window.location.origin,
  headers: { 'X-Requested-With': 'posthorn' },
  fetch: (request) => globalThis.fetch(request),
})

client.use({
  async onResponse({ response }) {
    if (response.ok) return
    throw new Problem(response.status, await response.json().catch(() => undefined))
  },
  onError({ error }) {
    if (error instanceof Error && error.name === 'AbortError') return error
    return error instanceof Problem ? error : new Problem(0)
  },
})

export const $api = createQueries(client)

/** Whom to tell that the session has ended; see app/session.tsx. */
export const signedOut = new EventTarget()

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: tellSignedOut }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => error instanceof Problem && error.temporary && failures < 3,
      refetchOnWindowFocus: true,
    },
    mutations: { onError: tellSignedOut },
  },
})

/** To be called by a mutation that has an onError of its own. */
export function tellSignedOut(error: unknown) {
  if (error instanceof Problem && error.status === 401) signedOut.dispatchEvent(new Event('signed-out'))
}

/** Has everything that was read under this path (and below) read again where it is shown. */
export function refresh(...pathPrefixes: string[]) {
  return queryClient.invalidateQueries({
    predicate: ({ queryKey }) => pathPrefixes.some((prefix) => String(queryKey[1]).startsWith(prefix)),
  })
}
