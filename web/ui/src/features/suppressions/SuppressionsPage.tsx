import { Anchor, Button, Chip, Group, Text, VisuallyHidden } from '@mantine/core'
import { IconMailOff } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { $api, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { CauseBadge, causes, type Cause } from './cause'
import type { SuppressionSearch } from './routes'
import { SuppressionForm } from './SuppressionForm'
import { useLift } from './useLift'
import { words } from './words'

type Row = Schemas['ContactSuppressionRow']

export function SuppressionsPage() {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const lift = useLift()
  const search = useSearch({ from: '/shell/suppressions' })
  const navigate = useNavigate({ from: '/suppressions' })
  const set = (patch: Partial<SuppressionSearch>) =>
    void navigate({ search: (s) => ({ ...s, ...patch }), replace: true })
  const [adding, setAdding] = useState(false)
  const list = useList('/api/v1/suppressions', {
    query: { query: search.q, cause: search.cause, sort: 'newest' },
  })
  const counts = $api.useQuery('get', '/api/v1/suppression-counts').data
  const all = counts && causes.reduce((sum, cause) => sum + counts[cause], 0)
  const add = <Button onClick={() => setAdding(true)}>{t('add')}</Button>
  return (
    <Page title={t('title')} lead={t('lead')} actions={add}>
      <Group gap="sm">
        <SearchInput label={t('search')} value={search.q ?? ''} onSearch={(q) => set({ q: q || undefined })} />
        <Chip.Group value={search.cause ?? ''} onChange={(v) => set({ cause: (v as Cause) || undefined })}>
          <Group gap={6} role="group" aria-label={t('filter')}>
            <Chip value="" size="xs">
              {all === undefined ? say('all') : t('all', { n: f.number(all) })}
            </Chip>
            {causes.map((cause) => (
              <Chip key={cause} value={cause} size="xs">
                {counts ? t('of', { cause: t(`causes.${cause}`), n: f.number(counts[cause]) }) : t(`causes.${cause}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Group>
      <List<Row>
        label={t('title')}
        list={list}
        id={(row) => row.email}
        minWidth={700}
        filtered={!!search.q || !!search.cause}
        nothing={<Empty title={t('nothing')}>{t('nothingText')}</Empty>}
        empty={
          <Empty icon={IconMailOff} title={t('empty')} action={add}>
            {t('emptyText')}
          </Empty>
        }
        columns={[
          {
            accessor: 'email',
            title: t('address'),
            render: (row) => (
              <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
                {row.email}
              </Text>
            ),
          },
          {
            accessor: 'cause',
            title: t('cause'),
            width: 140,
            render: (row) => <CauseBadge cause={row.cause} />,
          },
          {
            accessor: 'detail',
            title: t('detail'),
            render: (row) => (
              <Text size="sm" c="dimmed" lineClamp={2} title={row.detail} style={{ overflowWrap: 'anywhere' }}>
                {row.detail}
              </Text>
            ),
          },
          { accessor: 'created_at', title: t('since'), render: (row) => <Time at={row.created_at} /> },
          {
            accessor: 'contacts',
            title: <Explained formula={t('contactsFormula')}>{t('contacts')}</Explained>,
            textAlign: 'right',
            render: (row) =>
              row.contacts ? (
                <Anchor
                  component={Link}
                  to={'/contacts' as string}
                  search={{ q: row.email } as never}
                  size="sm"
                  aria-label={`${f.number(row.contacts)}: ${t('show', { email: row.email })}`}
                >
                  {f.number(row.contacts)}
                </Anchor>
              ) : (
                '0'
              ),
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            width: 104,
            render: (row) => (
              <Button
                size="compact-sm"
                variant="subtle"
                aria-label={t('liftWhich', { email: row.email })}
                onClick={() => void lift(row)}
              >
                {t('lift')}
              </Button>
            ),
          },
        ]}
      />
      {adding && <SuppressionForm onClose={() => setAdding(false)} />}
    </Page>
  )
}
