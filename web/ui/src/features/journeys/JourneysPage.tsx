import { Anchor, Badge, Button, Group, Select } from '@mantine/core'
import { IconPlus, IconRoute } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import type { Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { useMay } from '~/app/session'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { underWay } from './figures'
import type { JourneyStatus } from './routes'
import { triggerInWords } from './say'
import { words } from './words'

const route = getRouteApi('/shell/journeys')

export const statusColors: Record<JourneyStatus, string> = {
  draft: 'gray',
  live: 'teal',
  paused: 'yellow',
  archived: 'gray',
}

export function JourneysPage() {
  const t = useWords(words)
  const f = useFormat()
  const may = useMay('marketer')
  const { query, status } = route.useSearch()
  const navigate = useNavigate({ from: '/journeys' })
  const list = useList(
    '/api/v1/journeys',
    { query: { query, status: status && [status] } },
    { refetchInterval: 15_000 },
  )
  const begin = may && (
    <Button component={Link} to="/journeys/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {t('new')}
    </Button>
  )
  const figure = (key: 'enrolled' | 'waiting' | 'finished' | 'exited') => ({
    accessor: key,
    title: <Explained formula={t(`formula.${key}`)}>{t(`columns.${key}`)}</Explained>,
    textAlign: 'right' as const,
    width: 98,
    render: (row: Schemas['JourneyListed']) => f.number(row.counts[key]),
  })
  return (
    <Page title={t('title')} lead={t('lead')} actions={begin}>
      <Group gap="xs">
        <SearchInput
          label={t('search')}
          value={query ?? ''}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, query: text || undefined }), replace: true })}
        />
        <Select
          aria-label={t('status')}
          value={status ?? ''}
          onChange={(v) =>
            void navigate({
              search: (s) => ({ ...s, status: (v || undefined) as JourneyStatus | undefined }),
              replace: true,
            })
          }
          data={[
            { value: '', label: t('anyStatus') },
            ...(['draft', 'live', 'paused', 'archived'] as const).map((value) => ({
              value,
              label: t(`statuses.${value}`),
            })),
          ]}
        />
      </Group>
      <List
        label={t('title')}
        list={list}
        id={(row) => row.id}
        filtered={!!query || !!status}
        onRowClick={(row) => void navigate({ to: '/journeys/$id', params: { id: String(row.id) } })}
        minWidth={980}
        empty={
          <Empty icon={IconRoute} title={t('empty.title')} action={begin}>
            {t(may ? 'empty.text' : 'empty.read')}
          </Empty>
        }
        nothing={
          <Empty icon={IconRoute} title={t('nothing.title')}>
            {t('nothing.text')}
          </Empty>
        }
        columns={[
          {
            accessor: 'name',
            title: t('columns.name'),
            render: (row) => (
              <Anchor component={Link} to={`/journeys/${row.id}`} fw={500}>
                {row.name}
              </Anchor>
            ),
          },
          {
            accessor: 'status',
            title: t('status'),
            width: 96,
            render: (row) => (
              <Badge color={statusColors[row.status as JourneyStatus]}>
                {t(`statuses.${row.status as JourneyStatus}`)}
              </Badge>
            ),
          },
          {
            accessor: 'trigger',
            title: t('columns.trigger'),
            width: 200,
            render: (row) => triggerInWords(t, row.trigger as never),
          },
          {
            accessor: 'steps',
            title: <Explained formula={t('formula.steps')}>{t('columns.steps')}</Explained>,
            textAlign: 'right',
            width: 80,
            render: (row) => f.number(row.steps),
          },
          figure('enrolled'),
          {
            accessor: 'underway',
            title: <Explained formula={t('formula.underway')}>{t('columns.underway')}</Explained>,
            textAlign: 'right',
            width: 98,
            render: (row) => f.number(underWay(row.counts)),
          },
          figure('waiting'),
          figure('finished'),
          figure('exited'),
        ]}
      />
    </Page>
  )
}
