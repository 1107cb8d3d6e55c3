import { ActionIcon, Alert, Button, NativeSelect, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconInfoCircle, IconPencil } from '@tabler/icons-react'
import { useRef, useState } from 'react'

import { $api } from '~/api/client'
import { Failed } from '~/components/states'
import { isTopic } from '~/features/topics/topic'
import { useWords, type KeyOf, type Translate } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { fieldLabel } from './fields'
import classes from './imports.module.css'
import {
  consent,
  isNote,
  missing,
  names,
  problems,
  taken,
  unfinished,
  type Choice,
  type Choices,
  type Preview,
} from './mapping'
import { PreviewTable } from './PreviewTable'
import { fileReason, reasonWords } from './reasons'
import type { Kind } from './search'
import { BackButton, StepFrame } from './StepFrame'
import { words } from './words'

interface Props {
  kind: Kind
  preview: Preview
  /** Asked again, as something was changed. */
  busy: boolean
  error: unknown
  retry: () => void
  choices: Choices
  onChoose: (name: string, choice: Choice) => void
  onReset: () => void
  onBack: () => void
  onNext: () => void
}

export function ColumnsStep({ kind, preview, busy, error, retry, choices, onChoose, onReset, onBack, onNext }: Props) {
  const t = useWords(words)
  const columns = preview.columns ?? []
  const known = names(columns)
  const lacking = Object.entries(choices).find(([, c]) => unfinished(c))?.[0]
  const obstacles = useRef<HTMLDivElement>(null)
  const blocked = missing(preview, kind).length > 0 || problems(preview).length > 0 || lacking !== undefined
  return (
    <StepFrame
      title={t('map.title')}
      lead={t(preview.mended ? 'map.mended' : 'map.lead')}
      buttons={
        <>
          <BackButton onClick={onBack} />
          <Button loading={busy} onClick={() => (blocked ? obstacles.current?.focus() : onNext())}>
            {t('next')}
          </Button>
        </>
      }
    >
      <div ref={obstacles} tabIndex={-1} aria-live="polite" className={classes.obstacles}>
        <Obstacles kind={kind} preview={preview} lacking={lacking} />
        {error !== null && !busy && <Failed error={error} retry={retry} />}
      </div>
      <div className={classes.split}>
        <div>
          <div className={classes.mapHead}>
            <Text size="xs" c="dimmed" fw={500}>
              {t('map.column')}
            </Text>
            <Text size="xs" c="dimmed" fw={500}>
              {t('map.becomes')}
            </Text>
          </div>
          <ul className={classes.map}>
            {columns.map((column, i) => (
              <ColumnRow
                key={i}
                kind={kind}
                preview={preview}
                at={i}
                name={known[i]!}
                choice={choices[known[i]!] ?? taken(column, kind)}
                chosen={choices[known[i]!] !== undefined}
                onChoose={(c) => onChoose(known[i]!, c)}
              />
            ))}
          </ul>
          {Object.keys(choices).length > 0 && (
            <Button variant="subtle" size="compact-sm" mt={6} onClick={onReset}>
              {t('map.reset')}
            </Button>
          )}
        </div>
        <PreviewTable kind={kind} preview={preview} busy={busy} />
      </div>
    </StepFrame>
  )
}

/** What has to be settled before one can go on. */
function Obstacles({ kind, preview, lacking }: { kind: Kind; preview: Preview; lacking: string | undefined }) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const f = useFormat()
  const label = (field: string) => fieldLabel(t, kind, field)
  const without = missing(preview, kind)
  const bad = problems(preview)
  return (
    <>
      {without.length > 0 && (
        <Alert color="orange" icon={<IconInfoCircle aria-hidden />} title={t('map.missing')}>
          {without[0] === 'who' ? t('map.missingWho') : t('map.missingFields', { fields: f.list(without.map(label)) })}
        </Alert>
      )}
      {bad.length > 0 && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t('map.bad')}>
          {bad.map((p) => (
            <p key={p.message} className={classes.line}>
              {fileReason(r, p.message, label)}
            </p>
          ))}
        </Alert>
      )}
      {lacking !== undefined && (
        <Alert color="orange" icon={<IconInfoCircle aria-hidden />}>
          {t('map.unfinished', { name: lacking })}
        </Alert>
      )}
    </>
  )
}

interface RowProps {
  kind: Kind
  preview: Preview
  at: number
  name: string
  choice: Choice
  chosen: boolean
  onChoose: (choice: Choice) => void
}

function ColumnRow({ kind, preview, at, name, choice, chosen, onChoose }: RowProps) {
  const t = useWords(words)
  const f = useFormat()
  const column = preview.columns![at]!
  const fixed = !name ? t('map.noTitleText') : isNote(column) ? t('map.noteText') : ''
  const values = samples(preview, at)
  const choose = (value: string) => {
    if (value === 'skip') onChoose({ as: 'skip' })
    else if (value === 'attribute')
      onChoose({ as: 'attribute', name: choice.as === 'attribute' ? choice.name : column.title.replaceAll('=', ' ') })
    else if (value === 'consent') onChoose({ as: 'consent', topic: '' })
    else onChoose({ as: 'field', field: value.slice('field:'.length) })
  }
  return (
    <li className={classes.mapRow} data-off={choice.as === 'skip' || undefined}>
      <div className={classes.wrap}>
        <Text size="sm" fw={500} component="div">
          {column.title || t('map.noTitle', { n: at + 1 })}
        </Text>
        <Text size="xs" c="dimmed" component="div" lineClamp={2}>
          {values.length ? t('map.such', { values: f.list(values) }) : t('map.noValues')}
        </Text>
      </div>
      <div>
        {fixed ? (
          <Text size="xs" c="dimmed">
            {fixed}
          </Text>
        ) : (
          <>
            <NativeSelect
              aria-label={t('map.which', { name })}
              value={choice.as === 'field' ? `field:${choice.field}` : choice.as}
              onChange={(e) => choose(e.currentTarget.value)}
              data={options(t, kind, preview, at)}
              classNames={{ input: chosen ? classes.chosen : undefined }}
            />
            {choice.as === 'attribute' && (
              <AttributeName
                key={choice.name}
                name={choice.name}
                of={name}
                onName={(n) => onChoose({ as: 'attribute', name: n })}
              />
            )}
            {choice.as === 'consent' && (
              <ConsentTopic topic={choice.topic} onTopic={(topic) => onChoose({ as: 'consent', topic })} />
            )}
          </>
        )}
      </div>
    </li>
  )
}

type T = Translate<KeyOf<typeof words>>

/** What a column can become, and which other one is that at the moment. */
function options(t: T, kind: Kind, preview: Preview, at: number) {
  const columns = preview.columns ?? []
  const fields = (preview.fields ?? [])
    .filter((x) => !x.family)
    .map(({ name, required }) => {
      const label = required ? t('required', { field: fieldLabel(t, kind, name) }) : fieldLabel(t, kind, name)
      const holder = columns.findIndex((c) => c.field === name)
      return {
        value: `field:${name}`,
        label: holder < 0 || holder === at ? label : t('map.now', { field: label, name: columns[holder]!.title }),
      }
    })
  return [
    { group: t('map.fields'), items: fields },
    {
      group: t('map.other'),
      items: [
        ...(preview.fields?.some((x) => x.family && x.name === consent)
          ? [{ value: 'consent', label: t('map.consent') }]
          : []),
        ...(kind === 'orders' ? [] : [{ value: 'attribute', label: t('map.attribute') }]),
        { value: 'skip', label: t('map.skip') },
      ],
    },
  ]
}

/** The first few different values of a column. */
function samples(preview: Preview, at: number): string[] {
  const found = new Set<string>()
  for (const row of preview.rows ?? []) {
    const cell = row.cells?.[at]?.trim()
    if (cell) found.add(cell.length > 40 ? `${cell.slice(0, 39)}…` : cell)
    if (found.size === 3) break
  }
  return [...found]
}

function AttributeName({ name, of, onName }: { name: string; of: string; onName: (name: string) => void }) {
  const t = useWords(words)
  const [editing, setEditing] = useState(!name)
  const [text, setText] = useState(name)
  if (!editing)
    return (
      <div className={classes.attribute}>
        <Text size="xs" c="dimmed" className={classes.wrap}>
          {name}
        </Text>
        <ActionIcon
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={`${t('map.attributeName')}: ${of}`}
          onClick={() => setEditing(true)}
        >
          <IconPencil size={14} aria-hidden />
        </ActionIcon>
      </div>
    )
  const bad = !text.trim() || text.includes('=')
  const done = () => {
    if (bad) return
    setEditing(false)
    if (text.trim() !== name) onName(text.trim())
  }
  return (
    <TextInput
      mt={4}
      size="xs"
      autoFocus
      aria-label={`${t('map.attributeName')}: ${of}`}
      value={text}
      maxLength={200}
      error={bad && t('map.attributeBad')}
      onChange={(e) => setText(e.currentTarget.value)}
      onBlur={done}
      onKeyDown={(e) => {
        if (e.key === 'Enter') done()
        if (e.key === 'Escape') {
          setText(name)
          setEditing(false)
        }
      }}
    />
  )
}

function ConsentTopic({ topic, onTopic }: { topic: string; onTopic: (topic: string) => void }) {
  const t = useWords(words)
  const topics = $api.useQuery('get', '/api/v1/topics').data?.items ?? []
  return (
    <>
      <TextInput
        mt={4}
        size="xs"
        label={t('map.topic')}
        description={t('map.topicText')}
        value={topic}
        list="import-topics"
        maxLength={64}
        error={topic !== '' && !isTopic(topic) && t('map.topicBad')}
        onChange={(e) => onTopic(e.currentTarget.value.trim())}
      />
      <datalist id="import-topics">
        {topics.map((x) => (
          <option key={x.topic} value={x.topic} />
        ))}
      </datalist>
    </>
  )
}
