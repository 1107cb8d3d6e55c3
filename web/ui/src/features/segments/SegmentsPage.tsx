import { ActionIcon, Anchor, Button, Menu, Skeleton, Text, VisuallyHidden } from '@mantine/core'
import { IconDots, IconFilter, IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'

import { $api, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { explain } from '~/api/problem'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { useCount, useSeen } from './estimate'
import { usesSaid } from './names'
import { useRemove } from './useRemove'
import { words } from './words'

type Segment = Schemas['Segment']

export function SegmentsPage() {
  const t = useWords(words)
  const say = useWords(common)
  const { i18n } = useTranslation()
  const navigate = useNavigate()
  const { q = '' } = useSearch({ from: '/shell/segments' })
  const list = useList('/api/v1/segments', {}, { limit: 200 })
  const [remove, dialog] = useRemove()
  const { hasNextPage, isFetching, isError, fetchNextPage } = list

  // The API has no search by name. Segments are few: all are read for it.
  useEffect(() => {
    if (q && hasNextPage && !isFetching && !isError) void fetchNextPage()
  }, [q, hasNextPage, isFetching, isError, fetchNextPage])
  const found = useMemo(() => {
    const wanted = q.toLocaleLowerCase()
    return list.items.filter((s) => s.name.toLocaleLowerCase().includes(wanted))
  }, [list.items, q])

  const create = (
    <Button component={Link} to="/segments/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {t('list.new')}
    </Button>
  )
  return (
    <Page title={t('list.title')} lead={t('list.lead')} actions={create}>
      {(list.items.length > 0 || q) && (
        <div>
          <SearchInput
            label={t('list.search')}
            value={q}
            onSearch={(text) => void navigate({ to: '/segments', search: text ? { q: text } : {}, replace: true })}
            maw={{ xs: 320 }}
          />
        </div>
      )}
      <List<Segment>
        label={t('list.title')}
        list={{ ...list, items: found }}
        id={(s) => s.id}
        filtered={q !== ''}
        nothing={<Empty icon={IconFilter} title={t('list.nothing')} />}
        empty={
          <Empty icon={IconFilter} title={t('list.empty')} action={create}>
            {t('list.emptyText')}
          </Empty>
        }
        onRowClick={(s) => void navigate({ to: '/segments/$id', params: { id: String(s.id) } })}
        minWidth={640}
        columns={[
          {
            accessor: 'name',
            title: t('list.name'),
            render: (s) => (
              <div>
                <Anchor component={Link} to={`/segments/${s.id}`} size="sm" fw={500}>
                  {s.name}
                </Anchor>
                <Text size="xs" c="dimmed" lineClamp={2} maw={560}>
                  {i18n.language === 'de' ? s.sentence.de : s.sentence.en}
                </Text>
              </div>
            ),
          },
          {
            accessor: 'count',
            title: t('list.count'),
            textAlign: 'right',
            width: 110,
            render: (s) => <Count of={s} />,
          },
          { accessor: 'uses', title: t('list.uses'), width: 170, render: (s) => <UsedBy of={s} /> },
          {
            accessor: 'updated_at',
            title: t('list.updated'),
            width: 140,
            render: (s) => <Time at={s.updated_at} relative />,
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            width: 56,
            render: (s) => (
              <Menu position="bottom-end" shadow="md">
                <Menu.Target>
                  <ActionIcon variant="subtle" color="gray" aria-label={t('list.actions', { name: s.name })}>
                    <IconDots size={16} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => void navigate({ to: '/segments/$id', params: { id: String(s.id) } })}>
                    {t('list.open')}
                  </Menu.Item>
                  <Menu.Item color="var(--mantine-color-error)" onClick={() => void remove(s)}>
                    {say('delete')}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            ),
          },
        ]}
      />
      {dialog}
    </Page>
  )
}

/** Counted when the row is seen, few at a time. */
function Count({ of }: { of: Segment }) {
  const t = useWords(words)
  const f = useFormat()
  const [seen, ref] = useSeen()
  const count = useCount(of.rule, seen)
  return (
    <div ref={ref}>
      {count.data !== undefined ? (
        <Explained formula={t('countFormula')}>{f.number(count.data)}</Explained>
      ) : count.error ? (
        <Explained formula={explain(count.error)}>–</Explained>
      ) : (
        <Skeleton height={12} width={48} ml="auto" />
      )}
    </div>
  )
}

function UsedBy({ of }: { of: Segment }) {
  const t = useWords(words)
  const [seen, ref] = useSeen()
  const uses = $api.useQuery(
    'get',
    '/api/v1/segments/{id}/uses',
    { params: { path: { id: of.id } } },
    { enabled: seen, staleTime: 60_000 },
  )
  const list = uses.data?.items ?? []
  return (
    <div ref={ref}>
      {uses.data ? (
        list.length > 0 ? (
          usesSaid(t, list)
        ) : (
          <Text span size="sm" c="dimmed">
            {t('list.unused')}
          </Text>
        )
      ) : uses.error ? (
        <Explained formula={explain(uses.error)}>–</Explained>
      ) : (
        <Skeleton height={12} width={80} />
      )}
    </div>
  )
}
