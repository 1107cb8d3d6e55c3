import { Group, Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'

import { $api, type Schemas } from '~/api/client'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { previewWords } from './preview-words'

/** Whom a mail is shown as; what the API's previews take. */
export type As = Schemas['PreviewSourceInputBody'] extends infer B ? Omit<B, 'source' | '$schema'> : never

interface Props {
  value: As
  onChange: (as: As) => void
  /** What the template is written in: orders and events can be chosen where it speaks of them. */
  source?: string
}

/** Chooses a contact, and what stands for the order or event that triggers the mail. */
export function PreviewAs({ value, onChange, source = '' }: Props) {
  const contact = value.contact_external_id
  return (
    <Group gap="xs" grow preventGrowOverflow={false}>
      <Who value={value} onChange={onChange} />
      {contact && /\border\b/.test(source) && <Order contact={contact} value={value} onChange={onChange} />}
      {contact && /\bevent\b/.test(source) && <Event contact={contact} value={value} onChange={onChange} />}
    </Group>
  )
}

const bare = '\u0000bare'
const full = '\u0000full'

function Who({ value, onChange }: Props) {
  const t = useWords(previewWords)
  const contact = value.contact_external_id
  const [search, setSearch] = useState('')
  const [label, setLabel] = useState<{ id: string; name: string }>()
  const [query] = useDebouncedValue(search === label?.name ? '' : search.trim(), 200)
  const found = $api.useQuery(
    'get',
    '/api/v1/contacts',
    { params: { query: { query: query || undefined, limit: 10, sort: 'newest' } } },
    { placeholderData: (before) => before },
  )
  const people = (found.data?.items ?? []).map((c) => ({
    value: c.external_id,
    label: [[c.first_name, c.last_name].filter(Boolean).join(' '), c.email || c.external_id]
      .filter(Boolean)
      .join(' · '),
  }))
  if (contact && !people.some((p) => p.value === contact))
    people.unshift({ value: contact, label: label?.id === contact ? label.name : contact })
  return (
    <Select
      size="xs"
      label={t('as')}
      aria-label={t('as')}
      placeholder={t('searchContacts')}
      searchable
      value={contact ?? (value.sample === 'bare' ? bare : full)}
      searchValue={search}
      onSearchChange={setSearch}
      onFocus={(e) => e.currentTarget.select()}
      nothingFoundMessage={t('nobody')}
      filter={({ options }) => options}
      data={[
        {
          group: t('madeUp'),
          items: [
            { value: full, label: t('full') },
            { value: bare, label: t('bare') },
          ],
        },
        ...(people.length ? [{ group: t('contacts'), items: people }] : []),
      ]}
      onChange={(chosen, option) => {
        if (chosen === full || chosen === bare || !chosen)
          return onChange({ sample: chosen === bare ? 'bare' : 'full' })
        setLabel({ id: chosen, name: option?.label ?? chosen })
        onChange({ contact_external_id: chosen })
      }}
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
      miw={200}
    />
  )
}

function Order({ contact, value, onChange }: Props & { contact: string }) {
  const t = useWords(previewWords)
  const f = useFormat()
  const orders = $api.useQuery('get', '/api/v1/orders', {
    params: { query: { contact_external_id: contact, limit: 20 } },
  })
  const items = orders.data?.items ?? []
  if (items.length < 2) return null
  return (
    <Select
      size="xs"
      label={t('order')}
      value={value.order_id ?? ''}
      onChange={(id) => onChange({ ...value, order_id: id || undefined })}
      data={[
        { value: '', label: t('newestOrder') },
        ...items.map((o) => ({
          value: o.order_id,
          label: `${o.order_id} · ${f.date(o.placed_at)} · ${f.money(o.total, o.currency)}`,
        })),
      ]}
      comboboxProps={{ width: 'max-content' }}
    />
  )
}

function Event({ contact, value, onChange }: Props & { contact: string }) {
  const t = useWords(previewWords)
  const events = $api.useQuery('get', '/api/v1/events', {
    params: { query: { contact_external_id: contact, limit: 100 } },
  })
  const names = [...new Set((events.data?.items ?? []).map((e) => e.name))].sort()
  if (names.length < 2) return null
  return (
    <Select
      size="xs"
      label={t('event')}
      value={value.event ?? ''}
      onChange={(name) => onChange({ ...value, event: name || undefined })}
      data={[{ value: '', label: t('newestEvent') }, ...names.map((name) => ({ value: name, label: name }))]}
    />
  )
}
