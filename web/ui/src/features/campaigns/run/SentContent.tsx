import { Stack, Text } from '@mantine/core'
import { useState } from 'react'

import { $api } from '~/api/client'
import { useWords } from '~/i18n'

import { ContentPreview } from '../draft/ContentPreview'
import type { Campaign } from '../draft/fields'
import { words } from '../words'

/** The mail as the run sent it, or as it would be sent. */
export function SentContent({ campaign, run }: { campaign: Campaign; run: number | undefined }) {
  const t = useWords(words)
  const [as, setAs] = useState<string>()
  const report = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/report',
    { params: { path: { id: campaign.id }, query: { run } } },
    { enabled: run !== undefined && run !== campaign.run?.id },
  )
  const of = campaign.run?.id === run ? campaign.run : report.data?.run
  const id = of?.template_id ?? campaign.template_id
  const template = $api.useQuery('get', '/api/v1/templates/{id}', { params: { path: { id } } }, { enabled: id > 0 })
  if (run !== undefined && !of) return null
  return (
    <Stack gap="sm">
      {of && template.data && (
        <Text size="sm" c="dimmed">
          {t('run.contentOf', { version: of.template_version, name: template.data.name })}
        </Text>
      )}
      <ContentPreview template={id} version={of?.template_version} sender={campaign.sender} as={as} onAs={setAs} />
    </Stack>
  )
}
