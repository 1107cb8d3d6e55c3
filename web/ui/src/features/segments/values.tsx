/** The editors of values, one for each kind. */
import { Autocomplete, MultiSelect, NumberInput, Select, TagsInput, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQueries } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { $api, client, type Schemas } from '~/api/client'
import { useWords } from '~/i18n'

import classes from './RuleBuilder.module.css'
import { shapeOf, type Leaf, type Scalar, type TimeValue } from './rule'
import { words } from './words'

interface Props {
  leaf: Leaf
  field: Schemas['SegmentField']
  wrong: boolean
  onChange: (list: (Scalar | undefined)[]) => void
}

/** Asks for what the operator of a condition compares with. */
export function ValueEditor({ leaf, field, wrong, onChange }: Props) {
  const t = useWords(words)
  const { list, as } = leaf.value
  const shape = shapeOf(leaf.operator)
  if (shape === 'none' || field.kind === 'none' || !leaf.operator) return null
  if (shape === 'goods') return <GoodsPicker field={leaf.field} list={list} wrong={wrong} onChange={onChange} />
  if (field.values?.length) return <Choice field={field} leaf={leaf} wrong={wrong} onChange={onChange} />
  const kind = field.kind === 'any' ? (as ?? 'text') : field.kind
  if (shape === 'list') return <Values field={leaf.field} kind={kind} list={list} wrong={wrong} onChange={onChange} />
  const set = (i: number) => (v: Scalar | undefined) => {
    const next = [...list]
    while (next.length < i) next.push(undefined)
    next[i] = v
    onChange(next)
  }
  const one = (i: number, label: string) => {
    const common = { label, wrong }
    switch (kind) {
      case 'number':
      case 'whole':
        return <NumberValue {...common} whole={kind === 'whole'} value={list[i]} onChange={set(i)} />
      case 'boolean':
        return (
          <Select
            className={classes.mode}
            aria-label={label}
            error={wrong}
            data={[
              { value: 'true', label: t('builder.yes') },
              { value: 'false', label: t('builder.no') },
            ]}
            value={typeof list[i] === 'boolean' ? String(list[i]) : null}
            onChange={(v) => set(i)(v === 'true')}
          />
        )
      case 'time':
      case 'date':
        return <TimeInput {...common} ahead={kind === 'date'} value={list[i] as TimeValue} onChange={set(i)} />
      default:
        return <TextValue {...common} field={leaf.field} value={list[i]} onChange={set(i)} />
    }
  }
  if (shape === 'one') return one(0, t('builder.value'))
  return (
    <>
      {one(0, t('builder.first'))}
      <span>{t('builder.and')}</span>
      {one(1, t('builder.last'))}
    </>
  )
}

const suggesting = /^(country|language|timezone|order\.currency|attributes\..+)$/

/** Values that the data has for a field, while something is typed. */
function useSuggestions(field: string, query: string, enabled = true): Schemas['SegmentValue'][] {
  const [settled] = useDebouncedValue(query.trim().slice(0, 200), 200)
  const found = $api.useQuery(
    'get',
    '/api/v1/segments/values',
    { params: { query: { field: field.slice(0, 250), query: settled } } },
    { enabled, staleTime: 60_000, placeholderData: keepPreviousData },
  )
  return found.data?.items ?? []
}

const asFound = ({ options }: { options: unknown[] }) => options as never // the server has filtered

interface OneProps {
  label: string
  wrong: boolean
  value: Scalar | undefined
  onChange: (v: Scalar | undefined) => void
}

function TextValue({ field, label, wrong, value, onChange }: OneProps & { field: string }) {
  const text = value === undefined ? '' : String(value)
  const suggest = suggesting.test(field)
  const [focused, setFocused] = useState(false)
  const found = useSuggestions(field, text, suggest && focused)
  const props = { className: classes.value, 'aria-label': label, maxLength: 500, error: wrong, value: text }
  if (!suggest) return <TextInput {...props} onChange={(e) => onChange(e.currentTarget.value)} />
  return (
    <Autocomplete
      {...props}
      data={[...new Set(found.map((v) => v.value))]}
      filter={asFound}
      onFocus={() => setFocused(true)}
      onChange={onChange}
    />
  )
}

function useDecimal() {
  const { i18n } = useTranslation()
  return { decimalSeparator: i18n.language === 'de' ? ',' : '.', allowedDecimalSeparators: ['.', ','] }
}

function NumberValue({ label, wrong, value, onChange, whole }: OneProps & { whole: boolean }) {
  const decimal = useDecimal()
  return (
    <NumberInput
      {...(whole ? {} : decimal)}
      className={classes.mode}
      aria-label={label}
      error={wrong}
      allowDecimal={!whole}
      hideControls
      value={typeof value === 'number' ? value : ''}
      onChange={(v) => onChange(v === '' || Number.isNaN(Number(v)) ? undefined : Number(v))}
    />
  )
}

interface WholeProps {
  label: string
  value: number
  onChange: (n: number) => void
  min?: number
  max: number
  suffix?: string
}

/** A whole number that is always there: what is no such number is put back. */
export function Whole({ label, value, onChange, min = 1, max, suffix }: WholeProps) {
  const [text, setText] = useState<number | string>(value)
  return (
    <NumberInput
      w={76}
      aria-label={suffix ? `${label}: ${suffix}` : label}
      allowDecimal={false}
      allowNegative={false}
      hideControls
      min={min}
      max={max}
      clampBehavior="strict"
      value={text}
      onChange={(v) => {
        setText(v)
        if (typeof v === 'number' && v >= min && v <= max) onChange(v)
      }}
      onBlur={() => setText(value)}
    />
  )
}

type Mode = 'open' | 'day' | 'moment' | 'days_ago' | 'days_ahead'

function modeOf(value: TimeValue | undefined): Mode | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value.includes('T') || !/^\d{4}-/.test(value) ? 'moment' : 'day'
  return 'days_ahead' in value ? 'days_ahead' : 'days_ago'
}

interface TimeProps {
  label: string
  wrong?: boolean
  /** Of an attribute: days only, and also ahead. */
  ahead?: boolean
  /** May be left open. */
  open?: boolean
  value: TimeValue | undefined
  onChange: (v: TimeValue | undefined) => void
}

/** A day, a moment, or so many days from now. */
export function TimeInput({ label, wrong = false, ahead, open, value, onChange }: TimeProps) {
  const t = useWords(words)
  const [chosen, setChosen] = useState<Mode>(modeOf(value) ?? (open ? 'open' : 'day'))
  const mode = value !== undefined && typeof value !== 'string' ? modeOf(value)! : chosen
  const modes: Mode[] = [...(open ? ['open' as const] : []), 'day', 'days_ago', ahead ? 'days_ahead' : 'moment']
  const days = typeof value === 'object' ? Object.values(value)[0]! : 30
  const choose = (next: string | null) => {
    const to = next as Mode
    setChosen(to)
    if (to === 'days_ago') onChange({ days_ago: days })
    else if (to === 'days_ahead') onChange({ days_ahead: days })
    else onChange(undefined)
  }
  return (
    <>
      <Select
        className={classes.mode}
        aria-label={`${label}: ${t('builder.timeMode')}`}
        data={modes.map((m) => ({ value: m, label: t(`builder.timeModes.${m}`) }))}
        value={mode}
        onChange={choose}
      />
      {mode === 'day' && (
        <TextInput
          type="date"
          min="1900-01-01"
          max="2199-12-31"
          w={140}
          aria-label={`${label}: ${t('builder.day')}`}
          error={wrong}
          value={typeof value === 'string' ? value : ''}
          onChange={(e) => onChange(e.currentTarget.value || undefined)}
        />
      )}
      {mode === 'moment' && (
        <TextInput
          w={220}
          aria-label={`${label}: ${t('builder.moment')}`}
          placeholder="2011-12-09T12:50:00Z"
          error={wrong}
          value={typeof value === 'string' ? value : ''}
          onChange={(e) => onChange(e.currentTarget.value || undefined)}
        />
      )}
      {(mode === 'days_ago' || mode === 'days_ahead') && (
        <Whole
          key={mode}
          label={label}
          suffix={t('builder.days')}
          min={0}
          max={36_500}
          value={days}
          onChange={(n) => onChange(mode === 'days_ago' ? { days_ago: n } : { days_ahead: n })}
        />
      )}
    </>
  )
}

/** One or more of the states that there are. */
function Choice({ field, leaf, wrong, onChange }: Props) {
  const t = useWords(words)
  const list = leaf.value.list.map(String)
  const data = [...new Set([...(field.values ?? []), ...list])].map((v) => {
    const key = `states.${v}` as 'states.paid'
    const said = t(key)
    return { value: v, label: said === key ? v : said }
  })
  const props = { className: classes.value, 'aria-label': t('builder.value'), error: wrong, data }
  if (shapeOf(leaf.operator) === 'list')
    return <MultiSelect {...props} value={[...new Set(list)]} onChange={(v) => onChange(v)} />
  return <Select {...props} value={list[0] ?? null} onChange={(v) => onChange(v ? [v] : [])} />
}

interface ListProps {
  field: string
  list: (Scalar | undefined)[]
  wrong: boolean
  onChange: (list: Scalar[]) => void
}

/** A list of texts or numbers. */
function Values({ field, kind, list, wrong, onChange }: ListProps & { kind: string }) {
  const t = useWords(words)
  const [search, setSearch] = useState('')
  const [focused, setFocused] = useState(false)
  const found = useSuggestions(field, search, focused && suggesting.test(field))
  const number = kind === 'number' || kind === 'whole'
  const change = (texts: string[]) => {
    if (!number) return onChange(texts)
    const given = (s: string) => list.find((v) => String(v) === s) ?? Number(s.replace(',', '.'))
    onChange(texts.map(given).filter((n) => typeof n === 'number' && !Number.isNaN(n)))
  }
  return (
    <TagsInput
      className={classes.value}
      aria-label={t('builder.values')}
      placeholder={list.length ? undefined : t('builder.valuesAdd')}
      error={wrong}
      data={number ? [] : [...new Set(found.map((v) => v.value))]}
      filter={asFound}
      splitChars={[';', '\n']}
      maxTags={1000}
      maxLength={500}
      searchValue={search}
      onSearchChange={setSearch}
      onFocus={() => setFocused(true)}
      value={list.filter((v) => v !== undefined && v !== '').map(String)}
      onChange={change}
    />
  )
}

/** Products or categories, found by the server; what it does not know can be given as well. */
function GoodsPicker({ field, list, wrong, onChange }: ListProps) {
  const t = useWords(words)
  const [search, setSearch] = useState('')
  const [focused, setFocused] = useState(false)
  const found = useSuggestions(field, search, focused)
  const chosen = [...new Set(list.map(String))]
  const names = useNames(field, chosen)
  const labels = new Map(chosen.map((v) => [v, names.get(v) ?? v]))
  for (const v of found) if (!labels.has(v.value)) labels.set(v.value, labelOf(v))
  const typed = search.trim()
  if (typed && !labels.has(typed) && ![...labels.values()].includes(typed))
    labels.set(typed, t('builder.useText', { text: typed }))
  return (
    <MultiSelect
      className={classes.value}
      aria-label={t('builder.values')}
      placeholder={chosen.length ? undefined : t('builder.search')}
      error={wrong}
      searchable
      maxValues={1000}
      filter={asFound}
      nothingFoundMessage={t('builder.nothing')}
      data={[...labels].map(([value, label]) => ({ value, label }))}
      hidePickedOptions
      searchValue={search}
      onSearchChange={setSearch}
      onFocus={() => setFocused(true)}
      value={chosen}
      onChange={(v) => {
        setSearch('')
        onChange(v)
      }}
    />
  )
}

const labelOf = (v: Schemas['SegmentValue']) => (v.label && v.label !== v.value ? `${v.label} (${v.value})` : v.value)

/** Names of the products that were chosen; of a long list of the first. */
function useNames(field: string, skus: string[]): Map<string, string> {
  const asked = field.endsWith('.product') ? skus.slice(0, 20) : []
  const found = useQueries({
    queries: asked.map((sku) => ({
      queryKey: ['segment-value', field, sku],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        (
          await client.GET('/api/v1/segments/values', {
            params: { query: { field, query: sku.slice(0, 200) } },
            signal,
          })
        ).data!.items ?? [],
      staleTime: Infinity,
    })),
  })
  const out = new Map<string, string>()
  found.forEach(({ data }, i) => {
    const exact = data?.find((v) => v.value === asked[i])
    if (exact) out.set(exact.value, labelOf(exact))
  })
  return out
}
