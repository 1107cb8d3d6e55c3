import { Badge, Button, Group, Select, Stack, Table, Text, VisuallyHidden } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { CodeDiff } from '~/components/code/CodeEditor'
import { useConfirm } from '~/components/confirm-context'
import { List } from '~/components/List'
import { Loaded } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { draftOf, sourceOf, type Draft } from './draft'
import { words } from './words'

interface Props {
  id: number
  newest: number
  /** What is in the editor, where it is not saved. */
  draft: Draft | undefined
  readOnly: boolean
  /** Told when an earlier version came back. */
  onRestored: () => void
}

const now = 'draft'

/** Versions with who saved them, what differs between two, and the way back. */
export function Versions({ id, newest, draft, readOnly, onRestored }: Props) {
  const t = useWords(words)
  const c = useWords(common)
  const confirm = useConfirm()
  const list = useList('/api/v1/templates/{id}/versions', { path: { id }, query: { sources: false } })
  const [before, setBefore] = useState(String(draft ? newest : Math.max(1, newest - 1)))
  const [after, setAfter] = useState(draft ? now : String(newest))
  const restore = (version: number) =>
    confirm({
      title: t('versions.restoreTitle', { version }),
      children: (
        <Stack gap="xs">
          <Text size="sm">{t('versions.restoreText', { next: newest + 1 })}</Text>
          {draft && (
            <Text size="sm" c="var(--mantine-color-error)">
              {t('versions.restoreUnsaved')}
            </Text>
          )}
        </Stack>
      ),
      confirm: t('versions.restoreConfirm'),
      action: async () => {
        const { data } = await client.POST('/api/v1/templates/{id}/restore', {
          params: { path: { id } },
          body: { version },
        })
        notifications.show({ message: t('saved', { version: data!.version }) })
        await refresh(`/api/v1/templates`)
        setBefore(String(data!.version - 1))
        setAfter(String(data!.version))
        onRestored()
      },
    })
  const options = [
    ...(draft ? [{ value: now, label: t('versions.draft') }] : []),
    ...list.items.map((v) => ({ value: String(v.version), label: t('versions.version', { version: v.version }) })),
  ]
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t('versions.lead')}
      </Text>
      <List
        label={t('tabs.versions')}
        list={list}
        id={(v) => v.version}
        empty={null}
        minWidth={480}
        columns={[
          {
            accessor: 'version',
            title: t('columns.version'),
            width: 150,
            render: (v) => (
              <Group gap={6} wrap="nowrap">
                {t('versions.version', { version: v.version })}
                {v.version === newest && <Badge size="xs">{t('versions.newest')}</Badge>}
              </Group>
            ),
          },
          {
            accessor: 'created_at',
            title: t('columns.changed'),
            render: (v) => (
              <Text size="sm" component="div">
                <Time at={v.created_at} /> {v.created_by ? t('by', { name: v.created_by }) : null}
                {v.restored_from !== null && (
                  <Text size="xs" c="dimmed">
                    {t('versions.restored', { version: v.restored_from })}
                  </Text>
                )}
              </Text>
            ),
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{c('actions')}</VisuallyHidden>,
            textAlign: 'right',
            render: (v) => (
              <Group gap={4} justify="flex-end" wrap="nowrap">
                <Button
                  size="compact-xs"
                  variant="subtle"
                  onClick={() => {
                    setBefore(String(Math.max(1, v.version - 1)))
                    setAfter(String(v.version))
                  }}
                  aria-label={`${t('versions.compare')}: ${t('versions.version', { version: v.version })}`}
                >
                  {t('versions.compare')}
                </Button>
                {!readOnly && v.version !== newest && (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    onClick={() => void restore(v.version)}
                    aria-label={`${t('versions.restore')}: ${t('versions.version', { version: v.version })}`}
                  >
                    {t('versions.restoreConfirm')}
                  </Button>
                )}
              </Group>
            ),
          },
        ]}
      />
      {options.length > 1 && (
        <Group gap="xs">
          <Select
            size="xs"
            label={t('versions.before')}
            data={options}
            value={before}
            onChange={(v) => setBefore(v!)}
          />
          <Select size="xs" label={t('versions.after')} data={options} value={after} onChange={(v) => setAfter(v!)} />
        </Group>
      )}
      {options.length > 1 && <Difference id={id} before={before} after={after} draft={draft} />}
    </Stack>
  )
}

interface DifferenceProps {
  id: number
  before: string
  after: string
  draft: Draft | undefined
}

interface Side {
  data: Schemas['TemplateSource'] | undefined
  isPending: boolean
  error: unknown
  refetch: () => unknown
}

function useSide(id: number, which: string, draft: Draft | undefined): Side {
  const version = Number(which) || 0
  const query = $api.useQuery(
    'get',
    '/api/v1/templates/{id}/versions/{version}',
    { params: { path: { id, version } } },
    { enabled: version > 0, staleTime: Infinity },
  )
  if (which === now && draft) return { data: sourceOf(draft), isPending: false, error: null, refetch: query.refetch }
  return query
}

function Difference({ id, before, after, draft }: DifferenceProps) {
  const t = useWords(words)
  const narrow = useMediaQuery('(max-width: 62em)') ?? false
  const a = useSide(id, before, draft)
  const b = useSide(id, after, draft)
  return (
    <Loaded query={a}>
      {(a) => (
        <Loaded query={b}>
          {(b) => {
            const [was, is] = [draftOf({ name: '', ...a }), draftOf({ name: '', ...b })]
            const lines = (['subject', 'preheader'] as const).filter((part) => was[part] !== is[part])
            const body = was.kind !== is.kind || was[was.kind] !== is[is.kind]
            const text = is.kind !== 'text' && was.kind !== 'text' && (a.text ?? '') !== (b.text ?? '')
            if (!lines.length && !body && !text)
              return (
                <Text size="sm" role="status">
                  {t('versions.same')}
                </Text>
              )
            return (
              <Stack gap="sm">
                {lines.length > 0 && (
                  <Table aria-label={t('versions.compare')} variant="vertical" layout="fixed">
                    <Table.Tbody>
                      {lines.map((part) => (
                        <Table.Tr key={part}>
                          <Table.Th w={120}>{t(`fields.${part}`)}</Table.Th>
                          <Table.Td>
                            <del>{was[part] || '–'}</del>
                            <br />
                            <ins>{is[part] || '–'}</ins>
                          </Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                )}
                {was.kind !== is.kind && (
                  <Text size="sm">
                    {t('versions.kind', { before: t(`kinds.${was.kind}`), after: t(`kinds.${is.kind}`) })}
                  </Text>
                )}
                {body && (
                  <CodeDiff
                    label={t('versions.diff', { part: t(`kinds.${is.kind}`) })}
                    before={was[was.kind]}
                    after={is[is.kind]}
                    html={is.kind !== 'text'}
                    narrow={narrow}
                  />
                )}
                {text && (
                  <CodeDiff
                    label={t('versions.diff', { part: t('fields.text') })}
                    before={a.text ?? ''}
                    after={b.text ?? ''}
                    html={false}
                    narrow={narrow}
                  />
                )}
              </Stack>
            )
          }}
        </Loaded>
      )}
    </Loaded>
  )
}
