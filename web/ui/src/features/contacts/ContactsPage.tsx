import { Badge, Button, Collapse, Group, Select, SimpleGrid, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconAddressBook, IconFilter, IconUserPlus } from '@tabler/icons-react'
import { keepPreviousData } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { $api } from '~/api/client'
import { useList } from '~/api/list'
import { Explained } from '~/components/Figure'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { words as topicWords } from '~/features/topics/words'
import { ImportButton } from '~/features/imports/ImportButton'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { ContactForm } from './ContactForm'
import { ContactRows } from './ContactRows'
import { consents, filterCount, listQuery, sorts, type ListSearch } from './search'
import { words } from './words'

export function ContactsPage() {
  const t = useWords(words)
  const f = useFormat()
  const search = useSearch({ from: '/shell/contacts' })
  const navigate = useNavigate({ from: '/contacts' })
  const set = (patch: Partial<ListSearch>) => void navigate({ search: (s) => ({ ...s, ...patch }), replace: true })
  const [adding, setAdding] = useState(false)
  const filters = filterCount(search)
  const [open, setOpen] = useState(filters > 0)
  const [cleared, setCleared] = useState(0)
  const query = listQuery(search)
  const list = useList('/api/v1/contacts', { query }, { limit: 200 })
  const { sort, ...conditions } = query
  const total = $api.useQuery(
    'get',
    '/api/v1/contacts',
    { params: { query: { ...conditions, total: true, limit: 1 } } },
    { placeholderData: keepPreviousData, staleTime: 30_000 },
  ).data?.total
  const clear = () => {
    setCleared((n) => n + 1)
    void navigate({ search: { sort: search.sort }, replace: true })
  }
  const actions = (
    <>
      <ImportButton kind="contacts">{t('import')}</ImportButton>
      <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
        {t('new')}
      </Button>
    </>
  )
  const filtered = filters > 0 || !!search.q
  return (
    <Page
      wide
      title={t('title')}
      actions={actions}
      lead={
        <span aria-live="polite">
          {total &&
            (total.exact ? (
              t('list.total', { count: total.count })
            ) : (
              <Explained formula={t('list.aboutFormula')}>{t('list.about', { n: f.number(total.count) })}</Explained>
            ))}
        </span>
      }
    >
      <Group gap="sm">
        <SearchInput
          key={cleared}
          label={t('list.search')}
          value={search.q ?? ''}
          onSearch={(q) => set({ q: q || undefined })}
          flex={{ base: '1 1 100%', xs: '0 1 340px' }}
        />
        <Button
          variant="default"
          leftSection={<IconFilter size={16} aria-hidden />}
          rightSection={filters > 0 && <Badge size="sm">{filters}</Badge>}
          aria-expanded={open}
          aria-controls="contact-filters"
          onClick={() => setOpen(!open)}
        >
          {t('list.filters')}
        </Button>
        <Select
          aria-label={t('list.sort')}
          value={sort}
          onChange={(v) => set({ sort: v === 'newest' ? undefined : (v as ListSearch['sort']) })}
          data={sorts.map((value) => ({ value, label: t(`list.sorts.${value}`) }))}
          w={200}
        />
        {filtered && (
          <Button variant="subtle" onClick={clear}>
            {t('list.clear')}
          </Button>
        )}
      </Group>
      <Collapse expanded={open} id="contact-filters">
        <Filters search={search} set={set} />
      </Collapse>
      <ContactRows
        list={list}
        busy={list.isFetching && !list.isFetchingNextPage}
        total={total?.exact ? total.count + 1 : undefined}
        empty={
          filtered ? (
            <Empty
              title={t('list.nothing')}
              action={
                <Button variant="default" onClick={clear}>
                  {t('list.clear')}
                </Button>
              }
            >
              {t('list.nothingText')}
            </Empty>
          ) : (
            <Empty icon={IconAddressBook} title={t('list.empty')} action={actions}>
              {t('list.emptyText')}
            </Empty>
          )
        }
      />
      {adding && (
        <ContactForm
          onClose={() => setAdding(false)}
          onSaved={(externalId) => void navigate({ to: '/contacts/$externalId', params: { externalId } })}
        />
      )}
    </Page>
  )
}

function Filters({ search, set }: { search: ListSearch; set: (patch: Partial<ListSearch>) => void }) {
  const t = useWords(words)
  const topicWord = useWords(topicWords)
  const say = useWords(common)
  const topics = $api.useQuery('get', '/api/v1/topics').data?.items ?? []
  const segments = useList('/api/v1/segments', {}, { limit: 1000 }).items
  const [typed, setTyped] = useState('')
  const [country] = useDebouncedValue(typed, 200)
  const countries = $api.useQuery(
    'get',
    '/api/v1/segments/values',
    { params: { query: { field: 'country', query: country === search.country ? '' : country } } },
    { placeholderData: keepPreviousData, staleTime: 60_000 },
  ).data?.items
  const any = {
    allowDeselect: true,
    clearable: true,
    clearButtonProps: { 'aria-label': say('clear') },
    placeholder: t('list.any'),
  }
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 6 }} spacing="sm" verticalSpacing="xs">
        <Select
          {...any}
          label={t('topic')}
          searchable
          value={search.topic ?? null}
          onChange={(topic) =>
            set({ topic: topic ?? undefined, consent: topic ? (search.consent ?? 'subscribed') : undefined })
          }
          data={[...new Set([...topics.map((row) => row.topic), ...(search.topic ? [search.topic] : [])])]}
        />
        <Select
          label={t('consent')}
          disabled={!search.topic}
          value={search.topic ? (search.consent ?? 'subscribed') : null}
          placeholder={t('list.topicFirst')}
          onChange={(v) => set({ consent: v as ListSearch['consent'] })}
          data={consents.map((value) => ({ value, label: topicWord(`states.${value}`) }))}
        />
        <Select
          {...any}
          label={t('segment')}
          searchable
          value={search.segment ? String(search.segment) : null}
          onChange={(v) => set({ segment: v ? Number(v) : undefined })}
          data={withPresent(
            segments.map((s) => ({ value: String(s.id), label: s.name })),
            search.segment && String(search.segment),
          )}
        />
        <Select
          {...any}
          label={t('list.suppressed')}
          value={search.suppressed ?? null}
          onChange={(v) => set({ suppressed: (v as 'yes' | 'no' | null) ?? undefined })}
          data={(['yes', 'no'] as const).map((value) => ({ value, label: t(`list.suppressedIs.${value}`) }))}
        />
        <Select
          {...any}
          label={t('list.ordered')}
          value={search.ordered ?? null}
          onChange={(v) => set({ ordered: (v as 'yes' | 'no' | null) ?? undefined })}
          data={(['yes', 'no'] as const).map((value) => ({ value, label: t(`list.orderedIs.${value}`) }))}
        />
        <Select
          {...any}
          label={t('country')}
          searchable
          onSearchChange={setTyped}
          filter={({ options }) => options /* the server searches */}
          nothingFoundMessage={t('list.noCountry')}
          value={search.country ?? null}
          onChange={(v) => set({ country: v ?? undefined })}
          data={[...new Set([...(countries ?? []).map((c) => c.value), ...(search.country ? [search.country] : [])])]}
        />
      </SimpleGrid>
      {search.topic && search.consent === 'never_asked' && (
        <Text size="xs" c="dimmed" mt={6}>
          {topicWord('statesText.never_asked')}
        </Text>
      )}
    </>
  )
}

/** The choices with the one that is set, also where the list does not hold it (any more). */
function withPresent(data: { value: string; label: string }[], present: string | 0 | undefined) {
  if (!present || data.some((d) => d.value === present)) return data
  return [...data, { value: present, label: `#${present}` }]
}
