import { Anchor, Button, Stack, Text } from '@mantine/core'
import { IconTableImport, IconUpload } from '@tabler/icons-react'
import { Link, useNavigate } from '@tanstack/react-router'

import { useList } from '~/api/list'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from './imports.module.css'
import { counts, isOpen, phase, share, type Import } from './state'
import { StateBadge } from './StateBadge'
import { words } from './words'

export function ImportsPage() {
  const t = useWords(words)
  const navigate = useNavigate()
  const list = useList(
    '/api/v1/imports',
    {},
    { refetchInterval: (items) => (items.some((i) => isOpen(i.state)) ? 2000 : undefined) },
  )
  const begin = (
    <Button component={Link} to={'/imports/new' as string} leftSection={<IconUpload size={16} aria-hidden />}>
      {t('new')}
    </Button>
  )
  return (
    <Page title={t('title')} lead={t('lead')} actions={begin}>
      <List<Import>
        label={t('title')}
        list={list}
        id={(row) => row.id}
        onRowClick={(row) => void navigate({ to: '/imports/$id', params: { id: String(row.id) } as never })}
        minWidth={760}
        empty={
          <Empty icon={IconTableImport} title={t('empty.title')} action={begin}>
            {t('empty.text')}
          </Empty>
        }
        columns={[
          {
            accessor: 'file_name',
            title: t('columns.file'),
            render: (row) => (
              <div className={classes.wrap}>
                <Anchor component={Link} to={`/imports/${row.id}`} fw={500} size="sm">
                  {row.file_name || t('noName')}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {t(`kinds.${row.kind}`)}
                </Text>
              </div>
            ),
          },
          {
            accessor: 'state',
            title: t('columns.state'),
            width: 130,
            render: (row) => <StateBadge state={row.state} />,
          },
          { accessor: 'result', title: t('columns.result'), width: 260, render: (row) => <Result of={row} /> },
          {
            accessor: 'created_by',
            title: t('columns.by'),
            width: 140,
            render: (row) => (
              <Text size="sm" className={classes.wrap}>
                {row.created_by}
              </Text>
            ),
          },
          {
            accessor: 'created_at',
            title: t('columns.when'),
            width: 140,
            render: (row) => (
              <Text size="sm" c="dimmed" component="div">
                <Time at={row.created_at} relative />
              </Text>
            ),
          },
        ]}
      />
    </Page>
  )
}

function Result({ of: i }: { of: Import }) {
  const t = useWords(words)
  const f = useFormat()
  const at = phase(i)
  const done = counts(i).map(({ of, count }) => t(`result.${of}`, { count }))
  if (at === 'reading') done.unshift(t('result.read', { percent: f.percent(share(i) ?? 0) }))
  if (at === 'writing' && done.length === 0) done.push(t('result.written', { count: i.settled }))
  return (
    <Stack gap={0}>
      <Text size="sm">{done.join(', ') || '–'}</Text>
      {i.rejected > 0 && (
        <Text size="xs" c="var(--mantine-color-error)">
          {t('result.rejected', { count: i.rejected })}
        </Text>
      )}
      {i.state === 'failed' && (
        <Text size="xs" c="dimmed" lineClamp={2} className={classes.wrap}>
          {i.reason}
        </Text>
      )}
    </Stack>
  )
}
