import { ActionIcon, Anchor, Button, Group, Menu, SegmentedControl, Text, VisuallyHidden } from '@mantine/core'
import { IconCalendar, IconCopy, IconDots, IconList, IconPlus, IconSend, IconTrash } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'

import { useList } from '~/api/list'
import { useMay } from '~/app/session'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useCopy, useDelete } from './actions'
import { useCreate } from './create'
import { fieldsOf, type Campaign } from './draft/fields'
import type { ListFilter, ListSearch } from './routes'
import { RunBar } from './run/RunBar'
import { sharedWords } from './shared-words'
import { StatusBadge, type Status } from './StatusBadge'
import { words } from './words'

const Calendar = lazy(() => import('./Calendar'))

const statuses: Record<ListFilter, Status[]> = {
  all: [],
  open: ['scheduled', 'running', 'paused'],
  drafts: ['draft'],
  ended: ['finished', 'cancelled', 'failed'],
}

export function CampaignsPage() {
  const t = useWords(words)
  const search = useSearch({ from: '/shell/campaigns' })
  const navigate = useNavigate({ from: '/campaigns' })
  const create = useCreate()
  const may = useMay('marketer')
  const set = (patch: Partial<ListSearch>) => void navigate({ search: (s) => ({ ...s, ...patch }), replace: true })
  const make = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => void create()}>
      {t('new')}
    </Button>
  )
  return (
    <Page title={t('title')} lead={t('lead')} actions={may && make}>
      <Group justify="space-between" gap="sm">
        <SegmentedControl
          size="xs"
          aria-label={t('view.label')}
          value={search.view ?? 'list'}
          onChange={(v) => set({ view: v === 'calendar' ? 'calendar' : undefined })}
          data={[
            { value: 'list', label: <Labelled icon={IconList} text={t('view.list')} /> },
            { value: 'calendar', label: <Labelled icon={IconCalendar} text={t('view.calendar')} /> },
          ]}
        />
        {!search.view && (
          <Group gap="sm">
            <SegmentedControl
              size="xs"
              aria-label={t('filter.label')}
              value={search.show ?? 'all'}
              onChange={(v) => set({ show: v === 'all' ? undefined : (v as ListSearch['show']) })}
              data={(['all', 'open', 'drafts', 'ended'] as const).map((v) => ({ value: v, label: t(`filter.${v}`) }))}
            />
            <SearchInput
              label={t('search')}
              value={search.q ?? ''}
              onSearch={(q) => set({ q: q || undefined })}
              size="xs"
            />
          </Group>
        )}
      </Group>
      {search.view === 'calendar' ? (
        <Suspense fallback={<Loading />}>
          <Calendar month={search.month} onMonth={(month) => set({ month })} />
        </Suspense>
      ) : (
        <All show={search.show ?? 'all'} q={search.q} make={may && make} />
      )}
    </Page>
  )
}

function Labelled({ icon: Icon, text }: { icon: typeof IconList; text: string }) {
  return (
    <Group gap={6} wrap="nowrap" justify="center">
      <Icon size={14} aria-hidden />
      {text}
    </Group>
  )
}

function All({ show, q, make }: { show: ListFilter; q?: string; make: React.ReactNode }) {
  const t = useWords(words)
  const s = useWords(sharedWords)
  const f = useFormat()
  const navigate = useNavigate()
  const may = useMay('marketer')
  const list = useList(
    '/api/v1/campaigns',
    { query: { ...(statuses[show].length ? { status: statuses[show] } : {}), ...(q ? { query: q } : {}) } },
    { refetchInterval: 5000 },
  )
  return (
    <List<Campaign>
      label={t('title')}
      list={list}
      id={(c) => c.id}
      minWidth={680}
      onRowClick={(c) => void navigate({ to: '/campaigns/$id', params: { id: String(c.id) } })}
      filtered={show !== 'all' || !!q}
      empty={
        <Empty icon={IconSend} title={t('empty.title')} action={make}>
          {t('empty.text')}
        </Empty>
      }
      nothing={<Empty title={t('nothing.title')}>{t('nothing.text')}</Empty>}
      columns={[
        {
          accessor: 'name',
          title: t('columns.name'),
          render: (c) => (
            <Anchor component={Link} to={`/campaigns/${c.id}`} fw={500} style={{ overflowWrap: 'anywhere' }}>
              {c.name}
            </Anchor>
          ),
        },
        {
          accessor: 'status',
          title: t('columns.status'),
          width: 120,
          render: (c) => <StatusBadge status={c.status} />,
        },
        { accessor: 'when', title: t('columns.when'), width: 220, render: (c) => <When campaign={c} /> },
        {
          accessor: 'audience',
          title: <Explained formula={s('formula.recipients')}>{t('columns.audience')}</Explained>,
          width: 110,
          textAlign: 'right',
          render: (c) => (c.run ? f.number(c.run.recipients) : '–'),
        },
        {
          accessor: 'progress',
          title: <Explained formula={s('formula.sent')}>{t('columns.sent')}</Explained>,
          width: 150,
          render: (c) =>
            c.run ? (
              <div>
                <Text size="sm">{f.number(c.run.sent)}</Text>
                <RunBar run={c.run} small />
              </div>
            ) : (
              '–'
            ),
        },
        ...(may
          ? [
              {
                accessor: 'actions',
                title: <VisuallyHidden>{t('menu.label')}</VisuallyHidden>,
                width: 48,
                render: (c: Campaign) => <More campaign={c} />,
              },
            ]
          : []),
      ]}
    />
  )
}

/** The moment that matters about a campaign now. */
function When({ campaign: c }: { campaign: Campaign }) {
  const t = useWords(words)
  const f = useFormat()
  const [key, at] =
    c.status === 'scheduled' && c.next_run_at
      ? (['when.next', c.next_run_at] as const)
      : c.run?.finished_at
        ? (['when.finished', c.run.finished_at] as const)
        : c.run
          ? (['when.started', c.run.started_at] as const)
          : (['when.changed', c.updated_at] as const)
  if (key === 'when.next') return <Text size="sm">{t(key, { at: f.dateTime(at) })}</Text>
  return (
    <Text size="sm" c="dimmed" component="span">
      {t(key, { at: '' })} <Time at={at} relative />
    </Text>
  )
}

function More({ campaign }: { campaign: Campaign }) {
  const t = useWords(words)
  const copy = useCopy()
  const remove = useDelete()
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`${t('menu.label')}: ${campaign.name}`}>
          <IconDots size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconCopy size={16} aria-hidden />} onClick={() => void copy(fieldsOf(campaign))}>
          {t('menu.copy')}
        </Menu.Item>
        {campaign.status === 'draft' && (
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() => void remove(campaign)}
          >
            {t('menu.delete')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
