import { useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useState } from 'react'

import { $api } from '~/api/client'
import { useLive } from '~/api/live'
import { useMay } from '~/app/session'
import { NotFound } from '~/app/errors'
import { Problem } from '~/api/problem'
import { Loaded } from '~/components/states'

import { DraftPage } from './draft/DraftPage'
import type { Campaign } from './draft/fields'
import { RunPage } from './run/RunPage'

/** A campaign: as a draft to be written, and from its start on as what becomes of it. */
export function CampaignPage() {
  const { id } = useParams({ from: '/shell/campaigns/$id' })
  return <Shown key={id} id={Number(id)} />
}

function Shown({ id }: { id: number }) {
  const may = useMay('marketer')
  const query = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}',
    { params: { path: { id } } },
    { staleTime: 2000, enabled: Number.isSafeInteger(id) && id > 0 },
  )
  const live = useLive('/api/v1/campaigns/{id}/progress/live', { path: { id } }, { enabled: query.data !== undefined })
  const [unsaved, setUnsaved] = useState(false)
  const [left, setLeft] = useState(false) // somebody has seen that it is no draft any more
  const { data, refetch } = query

  // Somebody else did something: what the stream says is newer than what was read.
  const told = live.data
  const news =
    data !== undefined &&
    told !== undefined &&
    (told.status !== data.status ||
      told.revision > data.revision ||
      told.status_reason !== data.status_reason ||
      told.run?.id !== data.run?.id)
  useEffect(() => {
    if (news) void refetch()
  }, [news, told, refetch])

  const onUnsaved = useCallback((is: boolean) => setUnsaved(is), [])
  const [wasDraft, setWasDraft] = useState(false)
  if (data?.status === 'draft' && !wasDraft) setWasDraft(true)

  if (
    !Number.isSafeInteger(id) ||
    id <= 0 ||
    (query.error instanceof Problem && query.error.status === 404 && !wasDraft)
  )
    return <NotFound />
  return (
    <Loaded query={query}>
      {(campaign: Campaign) =>
        may && (campaign.status === 'draft' || (wasDraft && unsaved && !left)) ? (
          <DraftPage campaign={campaign} onUnsaved={onUnsaved} onLeave={() => setLeft(true)} />
        ) : (
          <RunPage campaign={campaign} progress={told} />
        )
      }
    </Loaded>
  )
}
