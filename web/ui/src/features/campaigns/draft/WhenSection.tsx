import { Chip, Group, NumberInput, SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core'
import { DateTimePicker, TimeInput } from '@mantine/dates'
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks'
import { keepPreviousData } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { $api } from '~/api/client'
import { Problem } from '~/api/problem'
import { useTimezone } from '~/app/session'
import { useWords } from '~/i18n'
import { formatter, useFormat } from '~/i18n/format'

import { words } from '../words'
import type { Wrong } from './DraftPage'
import type { Fields, Schedule } from './fields'
import { civilOf, dayOf, momentOf, rhythmOf, specOf, zones, type Rhythm } from './schedule'

import '@mantine/dates/styles.layer.css'

interface Props {
  fields: Fields
  set: (patch: Partial<Fields>) => void
  wrong: Wrong
}

type Kind = 'now' | 'at' | 'schedule'

export function WhenSection({ fields, set, wrong }: Props) {
  const t = useWords(words)
  const zone = useTimezone()
  const narrow = useMediaQuery('(max-width: 30em)')
  const { schedule } = fields
  const stored: Kind = schedule === null ? 'now' : 'at' in schedule ? 'at' : 'schedule'
  // "At a time" is chosen before there is a time, and nothing is saved until there is one.
  const [at, setAt] = useState(false)
  const kind = at && stored === 'now' ? 'at' : stored
  const choose = (next: Kind) => {
    setAt(next === 'at')
    if (next === 'now') set({ schedule: null })
    if (next === 'at' && stored === 'schedule') set({ schedule: null })
    if (next === 'schedule' && stored !== 'schedule') set({ schedule: { cron: '0 9 * * 1', timezone: zone } })
  }
  return (
    <Stack gap="sm" align="flex-start">
      <SegmentedControl
        orientation={narrow ? 'vertical' : 'horizontal'}
        aria-label={t('sections.when')}
        value={kind}
        onChange={(v) => choose(v as Kind)}
        data={[
          { value: 'now', label: t('whenSection.now') },
          { value: 'at', label: t('whenSection.at') },
          { value: 'schedule', label: t('whenSection.schedule') },
        ]}
      />
      {kind === 'now' && (
        <Text size="sm" c="dimmed">
          {t('whenSection.nowText')}
        </Text>
      )}
      {kind === 'at' && (
        <At
          at={schedule && 'at' in schedule ? schedule.at : undefined}
          onChange={(v) => set({ schedule: v ? { at: v } : null })}
          error={wrong.schedule}
        />
      )}
      {kind === 'schedule' && schedule && 'cron' in schedule && (
        <Cron schedule={schedule} onChange={(s) => set({ schedule: s })} error={wrong.schedule} />
      )}
    </Stack>
  )
}

/** A date and a time, as the clock of who is signed in shows it. */
function At({ at, onChange, error }: { at?: string; onChange: (at?: string) => void; error?: string }) {
  const t = useWords(words)
  const zone = useTimezone()
  const [now] = useState(() => new Date())
  const past = at !== undefined && new Date(at) <= now
  return (
    <DateTimePicker
      label={t('whenSection.atLabel')}
      description={t('whenSection.atZone', { zone })}
      value={at ? civilOf(at, zone) : null}
      onChange={(civil) => onChange(civil ? momentOf(civil, zone)?.toISOString() : undefined)}
      minDate={dayOf(now, zone)}
      valueFormat="ddd, D MMM YYYY, HH:mm"
      error={error ?? (past ? t('whenSection.atPast') : undefined)}
      placeholder={t('whenSection.atMissing')}
      clearable
      clearButtonProps={{ 'aria-label': t('whenSection.atMissing') }}
      w={280}
      timePickerProps={{ withDropdown: true, minutesStep: 5, format: '24h' }}
      submitButtonProps={{ 'aria-label': t('whenSection.atLabel') }}
    />
  )
}

type CronSchedule = Extract<Schedule, { cron: string }>

function Cron({
  schedule,
  onChange,
  error,
}: {
  schedule: CronSchedule
  onChange: (s: CronSchedule) => void
  error?: string
}) {
  const t = useWords(words)
  const { i18n } = useTranslation()
  const [raw, setRaw] = useState(() => rhythmOf(schedule.cron).kind === 'raw')
  const rhythm: Rhythm = raw ? { kind: 'raw', spec: schedule.cron } : rhythmOf(schedule.cron)
  const change = (r: Rhythm) => onChange({ ...schedule, cron: specOf(r) })
  const time = rhythm.kind === 'raw' ? '09:00' : rhythm.time
  const choose = (kind: Rhythm['kind']) => {
    setRaw(kind === 'raw')
    if (kind === 'daily') change({ kind, time })
    if (kind === 'weekly') change({ kind, time, days: [1] })
    if (kind === 'monthly') change({ kind, time, day: 1 })
  }
  const weekday = (d: number) =>
    new Intl.DateTimeFormat(i18n.language, { weekday: 'short', timeZone: 'UTC' }).format(
      new Date(Date.UTC(2026, 1, 1 + d)),
    )
  return (
    <Stack gap="sm" align="flex-start">
      <Group align="flex-start" gap="sm">
        <Select
          label={t('whenSection.rhythm')}
          data={(['daily', 'weekly', 'monthly', 'raw'] as const).map((v) => ({
            value: v,
            label: t(`whenSection.rhythms.${v}`),
          }))}
          value={rhythm.kind}
          onChange={(v) => v && choose(v as Rhythm['kind'])}
          w={200}
        />
        {rhythm.kind === 'monthly' && (
          <NumberInput
            label={t('whenSection.day')}
            description={rhythm.day > 28 ? t('whenSection.dayHint') : undefined}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={rhythm.day}
            onChange={(day) => typeof day === 'number' && change({ ...rhythm, day })}
            min={1}
            max={31}
            clampBehavior="strict"
            allowDecimal={false}
            w={160}
          />
        )}
        {rhythm.kind === 'raw' ? (
          <TextInput
            label={t('whenSection.raw')}
            description={t('whenSection.rawHint')}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={rhythm.spec}
            onChange={(e) => onChange({ ...schedule, cron: e.currentTarget.value })}
            error={error}
            maxLength={200}
            w={280}
            spellCheck={false}
          />
        ) : (
          <TimeInput
            label={t('whenSection.time')}
            value={rhythm.time}
            onChange={(e) =>
              /^\d\d:\d\d$/.test(e.currentTarget.value) && change({ ...rhythm, time: e.currentTarget.value })
            }
            w={110}
          />
        )}
        <Select
          label={t('whenSection.zone')}
          data={zones}
          value={schedule.timezone}
          onChange={(timezone) => timezone && onChange({ ...schedule, timezone })}
          searchable
          w={220}
          limit={100}
        />
      </Group>
      {rhythm.kind === 'weekly' && (
        <Chip.Group
          multiple
          value={rhythm.days.map(String)}
          onChange={(days) => days.length && change({ ...rhythm, days: days.map(Number) })}
        >
          <Group gap={6} role="group" aria-label={t('whenSection.days')}>
            {[1, 2, 3, 4, 5, 6, 0].map((d) => (
              <Chip key={d} value={String(d)} size="xs">
                {weekday(d)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      )}
      <Next schedule={schedule} />
    </Stack>
  )
}

/** The next five times, as the server will take them. */
function Next({ schedule }: { schedule: CronSchedule }) {
  const t = useWords(words)
  const { i18n } = useTranslation()
  const mine = useFormat()
  const there = formatter(i18n.language, schedule.timezone)
  const [asked] = useDebouncedValue(JSON.stringify(schedule), 250)
  const body = JSON.parse(asked) as CronSchedule
  const next = $api.useQuery(
    'post',
    '/api/v1/campaigns/schedule/preview',
    { body: { ...body, count: 5 } },
    { enabled: body.cron.trim() !== '', placeholderData: keepPreviousData, refetchInterval: 60_000, retry: false },
  )
  const problem = next.error ? (next.error as unknown) : undefined
  return (
    <div aria-live="polite">
      {problem ? (
        <Text size="sm" c="var(--mantine-color-error)">
          {problem instanceof Problem ? (Object.values(problem.fields)[0] ?? problem.message) : String(problem)}
        </Text>
      ) : (
        next.data && (
          <>
            <Text size="sm" fw={500}>
              {t('whenSection.nextIn', { zone: schedule.timezone })}
            </Text>
            {next.data.next?.length ? (
              <ol style={{ margin: '4px 0 0', paddingInlineStart: 20 }}>
                {next.data.next.map((at) => (
                  <li key={at}>
                    <Text size="sm" span>
                      {weekdayOf(at, i18n.language, schedule.timezone)} {there.dateTime(at)}
                    </Text>
                    {there.dateTime(at) !== mine.dateTime(at) && (
                      <Text size="xs" c="dimmed" span>
                        {' '}
                        ({t('whenSection.yours', { at: mine.dateTime(at) })})
                      </Text>
                    )}
                  </li>
                ))}
              </ol>
            ) : (
              <Text size="sm" c="dimmed">
                {t('whenSection.none')}
              </Text>
            )}
            <Text size="xs" c="dimmed" mt={4}>
              {t('whenSection.segments')}
            </Text>
          </>
        )
      )}
    </div>
  )
}

function weekdayOf(at: string, language: string, timeZone: string) {
  return new Intl.DateTimeFormat(language, { weekday: 'short', timeZone }).format(new Date(at))
}
