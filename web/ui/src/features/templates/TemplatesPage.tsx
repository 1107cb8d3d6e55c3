import { ActionIcon, Anchor, Badge, Button, Group, Menu, SegmentedControl, Text, VisuallyHidden } from '@mantine/core'
import { IconArchive, IconArchiveOff, IconCopy, IconDots, IconPlus, IconTemplate, IconTrash } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { useList } from '~/api/list'
import type { Schemas } from '~/api/client'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { useTemplateActions } from './actions'
import { StartFrom } from './StartFrom'
import { words } from './words'

const route = getRouteApi('/shell/templates')

export function TemplatesPage() {
  const t = useWords(words)
  const c = useWords(common)
  const { query, archived } = route.useSearch()
  const navigate = useNavigate({ from: '/templates' })
  const [starting, setStarting] = useState(false)
  const list = useList('/api/v1/templates', { query: { query, archived } })
  const start = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setStarting(true)}>
      {t('new')}
    </Button>
  )
  return (
    <Page title={t('title')} lead={t('lead')} actions={start}>
      <Group gap="xs">
        <SearchInput
          label={t('search')}
          value={query ?? ''}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, query: text || undefined }), replace: true })}
        />
        <SegmentedControl
          aria-label={t('show')}
          value={archived ? 'archived' : 'current'}
          onChange={(v) =>
            void navigate({ search: (s) => ({ ...s, archived: v === 'archived' || undefined }), replace: true })
          }
          data={[
            { value: 'current', label: t('current') },
            { value: 'archived', label: t('archived') },
          ]}
        />
      </Group>
      <List
        label={t('title')}
        list={list}
        id={(row) => row.id}
        filtered={!!query || archived}
        onRowClick={(row) => void navigate({ to: '/templates/$id', params: { id: String(row.id) } })}
        minWidth={760}
        empty={
          <Empty icon={IconTemplate} title={t('empty.title')} action={start}>
            {t('empty.text')}
          </Empty>
        }
        nothing={
          archived && !query ? (
            <Empty icon={IconArchive} title={t('nothingArchived.title')}>
              {t('nothingArchived.text')}
            </Empty>
          ) : (
            <Empty icon={IconTemplate} title={t('nothing.title')}>
              {t('nothing.text')}
            </Empty>
          )
        }
        columns={[
          {
            accessor: 'name',
            title: t('columns.name'),
            width: '28%',
            render: (row) => (
              <Anchor component={Link} to={`/templates/${row.id}`} fw={500}>
                {row.name}
              </Anchor>
            ),
          },
          {
            accessor: 'subject',
            title: t('columns.subject'),
            render: (row) => (
              <Text size="sm" lineClamp={1}>
                {row.subject}
              </Text>
            ),
          },
          {
            accessor: 'kind',
            title: t('columns.kind'),
            width: 110,
            render: (row) => <Badge color="gray">{t(`kinds.${row.kind as 'html'}`)}</Badge>,
          },
          {
            accessor: 'version',
            title: <Explained formula={t('columns.versionFormula')}>{t('columns.version')}</Explained>,
            width: 90,
            textAlign: 'right',
          },
          {
            accessor: 'updated_at',
            title: t('columns.changed'),
            width: 200,
            render: (row) => (
              <Text size="sm" c="dimmed" component="div">
                <Time at={row.updated_at} relative /> {row.updated_by && t('by', { name: row.updated_by })}
              </Text>
            ),
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{c('actions')}</VisuallyHidden>,
            width: 50,
            render: (row) => <RowMenu row={row} />,
          },
        ]}
      />
      {starting && <StartFrom onClose={() => setStarting(false)} />}
    </Page>
  )
}

function RowMenu({ row }: { row: Schemas['TemplateSummary'] }) {
  const t = useWords(words)
  const actions = useTemplateActions()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t('menu.for', { name: row.name })}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => void actions.duplicate(row)}>
          {t('menu.duplicate')}
        </Menu.Item>
        {row.archived_at ? (
          <Menu.Item leftSection={<IconArchiveOff size={16} />} onClick={() => void actions.unarchive(row)}>
            {t('menu.unarchive')}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconArchive size={16} />} onClick={() => void actions.archive(row)}>
            {t('menu.archive')}
          </Menu.Item>
        )}
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => void actions.remove(row)}>
          {t('menu.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
