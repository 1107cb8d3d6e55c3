import { Anchor, Autocomplete, Collapse, Group, Select, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { keepPreviousData } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { $api } from '~/api/client'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { words } from '../words'
import { ContentPreview } from './ContentPreview'
import type { Wrong } from './DraftPage'
import type { Fields } from './fields'

interface Props {
  fields: Fields
  set: (patch: Partial<Fields>) => void
  wrong: Wrong
  /** The contact whom the mail is shown as; undefined: a made-up one. */
  as: string | undefined
  onAs: (contact: string | undefined) => void
}

export function ContentSection({ fields, set, wrong, as, onAs }: Props) {
  const t = useWords(words)
  const senders = useSenders()
  return (
    <Stack gap="sm">
      <TemplateSelect
        value={fields.template_id}
        onChange={(template_id) => set({ template_id })}
        error={wrong.template_id}
      />
      <div className={classes.pair}>
        <TextInput
          label={t('content.senderName')}
          description={t('content.senderNameHint')}
          value={fields.sender_name}
          onChange={(e) => set({ sender_name: e.currentTarget.value })}
          error={wrong.sender_name}
          maxLength={200}
          autoComplete="off"
        />
        <Autocomplete
          label={t('content.senderAddress')}
          description={t('content.senderAddressHint')}
          value={fields.sender_address}
          onChange={(sender_address) => {
            const known = senders.find((s) => s.address === sender_address)
            set({ sender_address, ...(known && !fields.sender_name ? { sender_name: known.name } : {}) })
          }}
          data={senders.map((s) => s.address)}
          error={wrong.sender_address === 'address' ? t('content.badAddress') : wrong.sender_address}
          inputMode="email"
          maxLength={320}
          autoComplete="off"
        />
      </div>
      <Advanced fields={fields} set={set} wrong={wrong} />
      {fields.template_id ? (
        <ContentPreview
          template={fields.template_id}
          sender={{ name: fields.sender_name, address: fields.sender_address }}
          as={as}
          onAs={onAs}
        />
      ) : (
        <Text size="sm" c="dimmed">
          {t('content.choosePreview')}
        </Text>
      )}
    </Stack>
  )
}

/** Who earlier campaigns came from. */
function useSenders() {
  const recent = $api.useQuery('get', '/api/v1/campaigns', { params: { query: { limit: 50 } } }, { staleTime: 60_000 })
  const senders = (recent.data?.items ?? []).map((c) => c.sender).filter((s) => s.address)
  return senders.filter((s, i) => senders.findIndex((o) => o.address === s.address) === i)
}

function TemplateSelect({ value, onChange, error }: { value: number; onChange: (id: number) => void; error?: string }) {
  const t = useWords(words)
  const f = useFormat()
  const [search, setSearch] = useState('')
  const [query] = useDebouncedValue(search.trim(), 200)
  const chosen = $api.useQuery(
    'get',
    '/api/v1/templates/{id}',
    { params: { path: { id: value } } },
    { enabled: value > 0, staleTime: 5000, refetchInterval: 30_000 },
  )
  const label = chosen.data?.id === value ? chosen.data.name : ''
  const list = $api.useQuery(
    'get',
    '/api/v1/templates',
    { params: { query: { limit: 50, ...(query && query !== label ? { query } : {}) } } },
    { placeholderData: keepPreviousData, staleTime: 10_000 },
  )
  const options = (list.data?.items ?? []).map((x) => ({ value: String(x.id), label: x.name }))
  if (value && !options.some((o) => o.value === String(value)))
    options.unshift({ value: String(value), label: label || String(value) })
  return (
    <div>
      <Select
        label={t('content.template')}
        placeholder={t('content.templatePlaceholder')}
        maw={480}
        data={options}
        value={value ? String(value) : null}
        onChange={(id) => onChange(Number(id ?? 0))}
        searchable
        searchValue={search}
        onSearchChange={setSearch}
        onFocus={(e) => e.currentTarget.select()}
        filter={({ options: all }) => all}
        nothingFoundMessage={t('content.noTemplates')}
        error={error}
      />
      <Group gap="xs" mt={4}>
        {value > 0 && chosen.data && (
          <Text size="xs" c="dimmed">
            {t('content.version', { n: chosen.data.version, at: f.dateTime(chosen.data.updated_at) })}
          </Text>
        )}
        {value > 0 ? (
          <Anchor component={Link} to={`/templates/${value}`} size="xs">
            {t('content.edit')}
          </Anchor>
        ) : (
          list.data?.items?.length === 0 &&
          !query && (
            <Text size="xs" c="dimmed">
              {t('content.noTemplates')}{' '}
              <Anchor component={Link} to="/templates" inherit>
                {t('content.makeTemplate')}
              </Anchor>
            </Text>
          )
        )}
      </Group>
    </div>
  )
}

/** What few need to touch. */
function Advanced({ fields, set, wrong }: Pick<Props, 'fields' | 'set' | 'wrong'>) {
  const t = useWords(words)
  const relays = $api.useQuery('get', '/api/v1/relays', {}, { staleTime: 60_000 })
  const names = [...new Set([...(relays.data?.items ?? []).map((r) => r.name), fields.relay])]
  const special = fields.relay !== 'default' || fields.in_doubt !== 'hold'
  const [open, { toggle }] = useDisclosure(special)
  const Icon = open ? IconChevronDown : IconChevronRight
  return (
    <div>
      <UnstyledButton onClick={toggle} aria-expanded={open} c="var(--mantine-color-anchor)" fz="sm">
        <Group gap={4}>
          <Icon size={14} aria-hidden />
          {t('content.advanced')}
        </Group>
      </UnstyledButton>
      <Collapse expanded={open}>
        <div className={classes.pair}>
          <Select
            label={t('content.relay')}
            description={t('content.relayHint')}
            data={names}
            value={fields.relay}
            onChange={(relay) => relay && set({ relay })}
            error={wrong.relay}
            mt="xs"
          />
          <Select
            label={t('content.inDoubt')}
            description={t('content.inDoubtHint')}
            data={[
              { value: 'hold', label: t('content.hold') },
              { value: 'resend', label: t('content.resend') },
            ]}
            value={fields.in_doubt}
            onChange={(v) => v && set({ in_doubt: v as Fields['in_doubt'] })}
            mt="xs"
          />
        </div>
      </Collapse>
    </div>
  )
}
