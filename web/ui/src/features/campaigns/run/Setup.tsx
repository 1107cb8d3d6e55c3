import { Anchor, Table } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { $api } from '~/api/client'
import { useMay } from '~/app/session'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import type { Campaign } from '../draft/fields'
import { useSegments } from '../draft/useSegments'
import { words } from '../words'

/** What was set when it was started. */
export function Setup({ campaign: c }: { campaign: Campaign }) {
  const t = useWords(words)
  const f = useFormat()
  const may = useMay('marketer')
  const template = $api.useQuery(
    'get',
    '/api/v1/templates/{id}',
    { params: { path: { id: c.template_id } } },
    { enabled: may && c.template_id > 0 },
  )
  const rows: [string, React.ReactNode][] = [
    [t('setup.audience'), may ? <Audience key="a" campaign={c} /> : audienceIds(c)],
    [t('setup.topic'), c.topic],
    [
      t('setup.template'),
      may ? (
        <Anchor key="t" component={Link} to={`/templates/${c.template_id}`} size="sm">
          {template.data?.name ?? c.template_id}
        </Anchor>
      ) : (
        c.template_id
      ),
    ],
    [t('setup.sender'), c.sender.name ? `${c.sender.name} <${c.sender.address}>` : c.sender.address],
    [t('setup.relay'), c.relay],
    [
      t('setup.when'),
      c.schedule?.at
        ? f.exact(c.schedule.at)
        : c.schedule?.cron
          ? `${c.schedule.cron} (${c.schedule.timezone || 'UTC'})`
          : t('setup.whenNow'),
    ],
    [t('setup.inDoubt'), t(`content.${c.in_doubt}`)],
  ]
  return (
    <Table verticalSpacing={6} maw={720} variant="vertical" layout="fixed">
      <Table.Tbody>
        {rows.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w={160}>{name}</Table.Th>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function audienceIds(c: Campaign): string {
  const list = (ids: number[] | null) => (ids ?? []).join(', ')
  return [list(c.audience.include) || c.topic, list(c.audience.exclude) && `− ${list(c.audience.exclude)}`]
    .filter(Boolean)
    .join(' ')
}

function Audience({ campaign: c }: { campaign: Campaign }) {
  const t = useWords(words)
  const f = useFormat()
  const include = c.audience.include ?? []
  const exclude = c.audience.exclude ?? []
  const segments = useSegments([...include, ...exclude])
  const parts = [
    include.length
      ? t('setup.included', { names: f.list(include.map(segments.name)) })
      : t('setup.everyone', { topic: c.topic }),
    exclude.length ? t('setup.excluded', { names: f.list(exclude.map(segments.name)) }) : '',
  ]
  return <>{parts.filter(Boolean).join(', ')}</>
}
