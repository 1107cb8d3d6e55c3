import { Anchor, Text, VisuallyHidden } from '@mantine/core'
import { IconClock } from '@tabler/icons-react'

import { useList } from '~/api/list'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import type { Campaign } from '../draft/fields'
import { sharedWords } from '../shared-words'
import { words } from '../words'
import { RunBar, type Run } from './RunBar'

/** Every time that the campaign was sent. */
export function Runs({
  campaign,
  shown,
  onShow,
}: {
  campaign: Campaign
  shown?: number
  onShow: (id: number) => void
}) {
  const t = useWords(words)
  const s = useWords(sharedWords)
  const f = useFormat()
  const list = useList('/api/v1/campaigns/{id}/runs', { path: { id: campaign.id } }, { refetchInterval: 10_000 })
  const n = (name: 'recipients' | 'sent' | 'failed' | 'skipped') => ({
    accessor: name,
    title: <Explained formula={s(`formula.${name}`)}>{t(`run.${name}`)}</Explained>,
    textAlign: 'right' as const,
    width: 110,
    render: (r: Run) => f.number(r[name]),
  })
  return (
    <List<Run>
      label={t('run.tabs.runs')}
      list={list}
      id={(r) => r.id}
      minWidth={640}
      onRowClick={(r) => onShow(r.id)}
      empty={
        <Empty icon={IconClock} title={t('run.noRuns')}>
          {t('run.noRunsText')}
        </Empty>
      }
      columns={[
        {
          accessor: 'started_at',
          title: t('run.run'),
          render: (r) => (
            <Anchor
              component="button"
              type="button"
              size="sm"
              fw={r.id === shown ? 600 : 400}
              onClick={() => onShow(r.id)}
              aria-current={r.id === shown || undefined}
            >
              {f.dateTime(r.started_at)}
            </Anchor>
          ),
        },
        {
          accessor: 'finished_at',
          title: <Explained formula={t('run.tookFormula')}>{t('run.took')}</Explained>,
          width: 120,
          render: (r) =>
            r.finished_at ? (
              f.duration((new Date(r.finished_at).getTime() - new Date(r.started_at).getTime()) / 1000)
            ) : (
              <Text size="sm" c="dimmed">
                …
              </Text>
            ),
        },
        n('recipients'),
        n('sent'),
        n('failed'),
        n('skipped'),
        {
          accessor: 'bar',
          title: <VisuallyHidden>{t('columns.progress')}</VisuallyHidden>,
          width: 140,
          render: (r) => <RunBar run={r} small />,
        },
      ]}
    />
  )
}
