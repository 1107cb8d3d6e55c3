import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData } from '@tanstack/react-query'

import { $api } from '~/api/client'

import type { Fields } from './fields'

/** Who would get it, counted anew while the audience changes. */
export function useEstimate({ topic, include, exclude }: Pick<Fields, 'topic' | 'include' | 'exclude'>) {
  const now = JSON.stringify({ topic, include, exclude })
  const [asked] = useDebouncedValue(now, 250)
  const body = JSON.parse(asked) as Pick<Fields, 'topic' | 'include' | 'exclude'>
  // A request that is not waited for any more ends in the database, too.
  const query = $api.useQuery(
    'post',
    '/api/v1/campaigns/estimate',
    { body: { topic: body.topic, audience: { include: body.include, exclude: body.exclude } } },
    { enabled: body.topic !== '', placeholderData: keepPreviousData, staleTime: 15_000, refetchInterval: 60_000 },
  )
  return {
    topic,
    data: topic ? query.data : undefined,
    error: query.error,
    updating: topic !== '' && (query.isFetching || asked !== now),
    retry: () => void query.refetch(),
  }
}

export type EstimateState = ReturnType<typeof useEstimate>
