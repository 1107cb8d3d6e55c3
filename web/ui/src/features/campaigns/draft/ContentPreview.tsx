import { Stack } from '@mantine/core'
import { keepPreviousData } from '@tanstack/react-query'
import { useState } from 'react'

import { $api } from '~/api/client'
import { Failed, Loading } from '~/components/states'
import { MailPreview } from '~/features/templates/MailPreview'
import { PreviewAs, type As } from '~/features/templates/PreviewAs'

interface Props {
  template: number
  /** Default: the newest. */
  version?: number
  sender?: { name?: string; address: string }
  as: string | undefined
  onAs: (contact: string | undefined) => void
}

/** The mail as one of the contacts gets it. */
export function ContentPreview({ template, version, sender, as, onAs }: Props) {
  const [who, setWho] = useState<As>(as ? { contact_external_id: as } : { sample: 'full' })
  const preview = $api.useQuery(
    'post',
    '/api/v1/templates/{id}/preview',
    { params: { path: { id: template } }, body: { ...who, ...(version ? { version } : {}) } },
    { placeholderData: keepPreviousData, staleTime: 5000 },
  )
  return (
    <Stack gap="xs">
      <PreviewAs
        value={who}
        onChange={(next) => {
          setWho(next)
          onAs(next.contact_external_id)
        }}
      />
      {preview.error ? (
        <Failed error={preview.error} retry={() => void preview.refetch()} />
      ) : preview.data ? (
        <MailPreview mail={preview.data} sender={sender} updating={preview.isFetching} />
      ) : (
        <Loading />
      )}
    </Stack>
  )
}
