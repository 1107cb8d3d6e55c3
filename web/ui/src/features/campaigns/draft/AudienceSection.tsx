import { Anchor, Combobox, InputBase, MultiSelect, Stack, Text, useCombobox } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { $api } from '~/api/client'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { words } from '../words'
import type { Wrong } from './DraftPage'
import type { Fields } from './fields'
import { useSegments } from './useSegments'

interface Props {
  fields: Fields
  set: (patch: Partial<Fields>) => void
  wrong: Wrong
}

export function AudienceSection({ fields, set, wrong }: Props) {
  const t = useWords(words)
  const segments = useSegments([...fields.include, ...fields.exclude])
  const options = (without: number[]) => segments.options.filter((o) => !without.includes(Number(o.value)))
  return (
    <Stack gap="sm">
      <TopicSelect value={fields.topic} onChange={(topic) => set({ topic })} error={wrong.topic} />
      <div className={classes.pair}>
        <MultiSelect
          label={t('audience.include')}
          description={t('audience.includeHint')}
          placeholder={fields.include.length ? undefined : t('audience.everyone')}
          data={options(fields.exclude)}
          value={fields.include.map(String)}
          onChange={(ids) => set({ include: ids.map(Number) })}
          error={wrong.include}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': t('audience.include') }}
          nothingFoundMessage={t('audience.noSegments')}
          hidePickedOptions
          maxValues={50}
        />
        <MultiSelect
          label={t('audience.exclude')}
          description={t('audience.excludeHint')}
          placeholder={fields.exclude.length ? undefined : t('audience.nobody')}
          data={options(fields.include)}
          value={fields.exclude.map(String)}
          onChange={(ids) => set({ exclude: ids.map(Number) })}
          error={wrong.exclude}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': t('audience.exclude') }}
          nothingFoundMessage={t('audience.noSegments')}
          hidePickedOptions
          maxValues={50}
        />
      </div>
      {segments.none && (
        <Text size="sm" c="dimmed">
          {t('audience.noSegments')}{' '}
          <Anchor component={Link} to="/segments">
            {t('audience.makeSegment')}
          </Anchor>
        </Text>
      )}
    </Stack>
  )
}

const topicForm = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Chooses a topic that there is, or a new one: a topic is there as soon as something names it. */
function TopicSelect({ value, onChange, error }: { value: string; onChange: (topic: string) => void; error?: string }) {
  const t = useWords(words)
  const f = useFormat()
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() })
  const [search, setSearch] = useState<string>() // while one types; undefined: what is chosen is shown
  const topics = $api.useQuery('get', '/api/v1/topics', {}, { staleTime: 30_000 })
  const known = topics.data?.items ?? []
  const typed = (search ?? '').trim()
  const fits = known.filter((k) => k.topic.includes(typed.toLowerCase()))
  const fresh = typed !== '' && !known.some((k) => k.topic === typed)
  const choose = (topic: string) => {
    onChange(topic)
    setSearch(undefined)
    combobox.closeDropdown()
  }
  return (
    <Combobox store={combobox} onOptionSubmit={choose}>
      <Combobox.Target>
        <InputBase
          label={t('audience.topic')}
          description={t('audience.topicHint')}
          placeholder={t('audience.topicPlaceholder')}
          error={error ?? (fresh && !topicForm.test(typed) ? t('audience.topicForm') : undefined)}
          maw={320}
          value={search ?? value}
          onChange={(e) => {
            setSearch(e.currentTarget.value)
            combobox.openDropdown()
            combobox.updateSelectedOptionIndex()
          }}
          onClick={() => combobox.openDropdown()}
          onFocus={(e) => {
            e.currentTarget.select()
            combobox.openDropdown()
          }}
          onBlur={() => {
            combobox.closeDropdown()
            if (search !== undefined && (typed === '' || known.some((k) => k.topic === typed))) onChange(typed)
            setSearch(undefined)
          }}
          rightSection={<Combobox.Chevron />}
          rightSectionPointerEvents="none"
          autoComplete="off"
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options>
          {fits.map((k) => (
            <Combobox.Option key={k.topic} value={k.topic}>
              <Text size="sm" span>
                {k.topic}
              </Text>{' '}
              <Text size="xs" c="dimmed" span>
                {t('audience.topicCount', { n: f.number(k.subscribed) })}
              </Text>
            </Combobox.Option>
          ))}
          {fresh && topicForm.test(typed) && (
            <Combobox.Option value={typed}>{t('audience.topicNew', { name: typed })}</Combobox.Option>
          )}
          {fits.length === 0 && !fresh && <Combobox.Empty>{t('audience.topicForm')}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
