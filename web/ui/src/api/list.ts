import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { client, type paths } from './client'
import type { Problem } from './problem'

type Answer<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer A } } } }
}
  ? A
  : never
type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? Q : never
type Path<P extends keyof paths> = paths[P] extends { get: { parameters: { path: infer X } } } ? X : undefined

/** The lists of the API: {items, next_cursor}. */
export type ListPath = {
  [P in keyof paths]: Answer<P> extends { items: unknown; next_cursor: string } ? P : never
}[keyof paths]

export type ItemOf<P extends ListPath> = Answer<P> extends { items: (infer I)[] | null } ? I : never

/**
 * A list, page by page, as it is scrolled. While a filter changes the rows before stay.
 *
 *     const list = useList('/api/v1/contacts', { query: { query: search } })
 *     <List list={list} … />
 */
export function useList<P extends ListPath>(
  path: P,
  params: { query?: Omit<NonNullable<Query<P>>, 'cursor'>; path?: Path<P> } = {},
  options: {
    limit?: number
    enabled?: boolean
    /** ms, or what they are while these items are shown; undefined: not by itself. */
    refetchInterval?: number | ((items: ItemOf<P>[]) => number | undefined)
  } = {},
) {
  const { limit = 50, refetchInterval: every, ...rest } = options
  const query = useInfiniteQuery<
    { items: ItemOf<P>[] | null; next_cursor: string },
    Problem,
    ItemOf<P>[],
    unknown[],
    string
  >({
    queryKey: ['list', path, params, limit],
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const get = client.GET as unknown as (path: string, init: unknown) => Promise<{ data: never }>
      const { data } = await get(path, {
        params: { path: params.path, query: { ...params.query, limit, ...(pageParam ? { cursor: pageParam } : {}) } },
        signal,
      })
      return data
    },
    getNextPageParam: (page) => page.next_cursor || undefined,
    select: all,
    placeholderData: keepPreviousData,
    refetchInterval: typeof every === 'function' ? ({ state }) => state.data && every(all(state.data)) : every,
    ...rest,
  })
  const items = useMemo(() => query.data ?? [], [query.data])
  return { ...query, items }
}

const all = <I>(data: { pages: { items: I[] | null }[] }) => data.pages.flatMap((page) => page.items ?? [])

export type ListQuery<I> = Pick<
  ReturnType<typeof useList>,
  'isPending' | 'isFetching' | 'isFetchingNextPage' | 'hasNextPage' | 'fetchNextPage' | 'isError' | 'error' | 'refetch'
> & { items: I[] }
