import { Anchor, Button, Group, Select, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconDownload, IconMail } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useId } from 'react'

import { $api, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { address } from '~/api/live'
import { CopyButton } from '~/components/CopyButton'
import { List } from '~/components/List'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import type { Campaign } from '../draft/fields'
import type { CampaignSearch } from '../routes'
import { reasonText, whyText, wording } from '../wording'
import { words } from '../words'
import type { MessageState } from './RunBar'
import { StateDot } from './StateDot'

type Message = Schemas['Message']

interface Props {
  campaign: Campaign
  run: number | undefined
  search: CampaignSearch
  onSearch: (patch: Partial<CampaignSearch>) => void
}

const states: MessageState[] = ['sent', 'failed', 'unknown', 'deferred', 'sending', 'planned', 'skipped', 'cancelled']

/** Everyone whom a run was about: who got it, who did not, and why. */
export function Recipients({ campaign, run, search, onSearch }: Props) {
  const t = useWords(words)
  const w = useWords(wording)
  const id = campaign.id
  const filter = {
    ...(run ? { run } : {}),
    ...(search.state ? { state: search.state as MessageState } : {}),
    ...(search.reason ? { reason: search.reason } : {}),
    ...(search.q ? { contact: search.q } : {}),
  }
  const under = campaign.run?.id === run && campaign.run?.finished_at === null
  const list = useList(
    '/api/v1/campaigns/{id}/messages',
    { path: { id }, query: filter },
    { enabled: run !== undefined, refetchInterval: under ? 5000 : undefined },
  )
  const report = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/report',
    { params: { path: { id }, query: { run } } },
    { enabled: run !== undefined, refetchInterval: under ? 5000 : false },
  )
  const reasons = [
    ...new Set(
      (report.data?.reasons ?? [])
        .filter((r) => r.reason && (!search.state || r.state === search.state))
        .map((r) => r.reason),
    ),
    ...(search.reason ? [search.reason] : []),
  ].filter((r, i, all) => all.indexOf(r) === i)
  const filtered = !!(search.state || search.reason || search.q)
  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-end">
        <SearchInput
          label={t('recipients.search')}
          value={search.q ?? ''}
          onSearch={(q) => onSearch({ q: q || undefined })}
          size="xs"
        />
        <Select
          size="xs"
          aria-label={t('recipients.state')}
          data={[
            { value: '', label: t('recipients.anyState') },
            ...states.map((s) => ({ value: s, label: t(`states.${s}`) })),
          ]}
          value={search.state ?? ''}
          onChange={(v) => onSearch({ state: v || undefined, reason: undefined })}
          w={160}
        />
        <Select
          size="xs"
          aria-label={t('recipients.reason')}
          data={[
            { value: '', label: t('recipients.anyReason') },
            ...reasons.map((r) => ({ value: r, label: reasonText(w, r) })),
          ]}
          value={search.reason ?? ''}
          onChange={(v) => onSearch({ reason: v || undefined })}
          w={260}
          comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
        />
        {run !== undefined && (
          <Tooltip label={t('recipients.exportHint', { what: t('recipients.exportWhat') })}>
            <Button
              component="a"
              href={address('/api/v1/campaigns/{id}/messages.csv', { path: { id }, query: filter })}
              download
              size="xs"
              variant="default"
              leftSection={<IconDownload size={14} aria-hidden />}
              ml={{ base: 0, sm: 'auto' }}
            >
              {t('recipients.export')}
            </Button>
          </Tooltip>
        )}
      </Group>
      {run === undefined ? (
        <Empty icon={IconMail} title={t('recipients.empty')}>
          {t('recipients.emptyText')}
        </Empty>
      ) : (
        <List<Message>
          label={t('recipients.label')}
          list={list}
          id={(m) => m.id}
          minWidth={720}
          filtered={filtered}
          empty={
            <Empty icon={IconMail} title={t('recipients.empty')}>
              {t('recipients.emptyText')}
            </Empty>
          }
          nothing={<Empty title={t('recipients.nothing')}>{t('recipients.nothingText')}</Empty>}
          columns={[
            { accessor: 'who', title: t('recipients.columns.who'), width: 260, render: (m) => <Who message={m} /> },
            {
              accessor: 'state',
              title: t('recipients.columns.state'),
              width: 140,
              render: (m) => (
                <Group gap={8} wrap="nowrap" align="flex-start">
                  <StateDot state={m.state} />
                  <Text size="sm">{t(`states.${m.state}`)}</Text>
                </Group>
              ),
            },
            { accessor: 'why', title: t('recipients.columns.why'), render: (m) => <Why message={m} /> },
            {
              accessor: 'at',
              title: t('recipients.columns.at'),
              width: 140,
              render: (m) => <Time at={m.updated_at} relative />,
            },
          ]}
        />
      )}
    </Stack>
  )
}

function Who({ message: m }: { message: Message }) {
  const t = useWords(words)
  const who = m.email || m.contact_external_id || t('recipients.deleted')
  return (
    <div style={{ overflowWrap: 'anywhere' }}>
      {m.contact_external_id ? (
        <Anchor component={Link} to={`/contacts/${encodeURIComponent(m.contact_external_id)}`} size="sm">
          {who}
        </Anchor>
      ) : (
        <Text size="sm">{who}</Text>
      )}
      <Text size="xs" c="dimmed">
        {m.contact_external_id && m.contact_external_id !== m.email ? m.contact_external_id : ''}
        {!m.contact_external_id && t('recipients.deleted')}
      </Text>
    </div>
  )
}

/** The sentence, and behind it how the mail was handed over. */
function Why({ message: m }: { message: Message }) {
  const t = useWords(words)
  const w = useWords(wording)
  const f = useFormat()
  const [open, { toggle }] = useDisclosure()
  const id = useId()
  const tried = m.attempts > 0 || m.code || m.queue_id
  return (
    <div style={{ overflowWrap: 'anywhere' }}>
      <Text size="sm">{whyText(w, f, m)}</Text>
      {m.in_doubt && (
        <Text size="xs" c="dimmed">
          {t('recipients.inDoubt')}
        </Text>
      )}
      {tried && (
        <UnstyledButton
          fz="xs"
          c="var(--mantine-color-anchor)"
          onClick={toggle}
          aria-expanded={open}
          aria-controls={id}
          aria-label={`${t('recipients.technical')}: ${m.email || m.id}`}
        >
          {t('recipients.technical')}
        </UnstyledButton>
      )}
      {open && (
        <dl
          id={id}
          style={{
            margin: '4px 0 0',
            display: 'grid',
            gridTemplateColumns: 'max-content 1fr',
            columnGap: 8,
            fontSize: 12,
          }}
        >
          <Text component="dt" size="xs" c="dimmed">
            {t('recipients.attempts')}
          </Text>
          <dd style={{ margin: 0 }}>{f.number(m.attempts)}</dd>
          {(m.code || m.detail) && (
            <>
              <Text component="dt" size="xs" c="dimmed">
                {t('recipients.code')}
              </Text>
              <dd style={{ margin: 0 }}>{[m.code, m.enhanced_code, m.detail].filter(Boolean).join(' ')}</dd>
            </>
          )}
          {m.queue_id && (
            <>
              <Text component="dt" size="xs" c="dimmed">
                {t('recipients.queueId')}
              </Text>
              <dd style={{ margin: 0 }}>{m.queue_id}</dd>
            </>
          )}
          <Text component="dt" size="xs" c="dimmed">
            {t('recipients.messageId')}
          </Text>
          <dd style={{ margin: 0 }}>
            {m.message_id} <CopyButton value={m.message_id} what={t('recipients.messageId')} />
          </dd>
        </dl>
      )}
    </div>
  )
}
