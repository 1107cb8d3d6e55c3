import { Select, Text } from '@mantine/core'
import { useState } from 'react'

import type { Schemas } from '~/api/client'
import { useWords } from '~/i18n'

import { useBuilder } from './builder'
import classes from './RuleBuilder.module.css'
import type { Condition, Leaf } from './rule'
import { TimeInput, Whole } from './values'
import { words } from './words'

interface Props {
  leaf: Leaf
  field: Schemas['SegmentField']
  onChange: (patch: Partial<Condition>) => void
}

/** What a condition may say beside its value: how often, when, in which currency. */
export function Options({ leaf, field, onChange }: Props) {
  const t = useWords(words)
  const { known } = useBuilder()
  const has = (option: string) => field.options?.includes(option) ?? false
  if (!field.options?.length || !leaf.operator) return null
  const { times, quantity, currency } = leaf.value
  const unit = t(field.kind === 'none' ? 'builder.timesDid' : 'builder.timesBought', { count: times ?? 1 })
  return (
    <div className={classes.line}>
      {has('times') && (
        <>
          <Text size="sm">≥</Text>
          <Whole
            label={t('builder.times')}
            suffix={unit}
            max={1_000_000}
            value={times ?? 1}
            onChange={(n) => onChange({ times: n === 1 && times === undefined ? undefined : n })}
          />
          <Text size="sm">{unit}</Text>
        </>
      )}
      {has('quantity') && (
        <>
          <Text size="sm">{t('builder.quantity')}</Text>
          <Whole
            label={t('builder.quantity')}
            max={1_000_000}
            value={quantity ?? 1}
            onChange={(n) => onChange({ quantity: n === 1 && quantity === undefined ? undefined : n })}
          />
        </>
      )}
      {has('within_days') && <Window value={leaf.value} onChange={onChange} />}
      {has('currency') && (
        <Select
          w={150}
          aria-label={t('builder.currency')}
          data={[
            { value: '', label: t('builder.anyCurrency') },
            ...[...new Set([...(known.currencies ?? []), ...(currency ? [currency] : [])])],
          ]}
          value={currency ?? ''}
          onChange={(v) => onChange({ currency: v || undefined })}
        />
      )}
    </div>
  )
}

type Mode = 'any' | 'within' | 'period' | 'trigger'

function modeOf({ within_days, from, to }: Condition): Mode | undefined {
  if (within_days !== undefined) return 'within'
  if (from === 'trigger') return 'trigger'
  return from !== undefined || to !== undefined ? 'period' : undefined
}

function Window({ value, onChange }: { value: Condition; onChange: (patch: Partial<Condition>) => void }) {
  const t = useWords(words)
  const { inJourney } = useBuilder()
  const [chosen, setChosen] = useState<Mode>('any')
  const mode = modeOf(value) ?? (chosen === 'period' ? 'period' : 'any')
  const modes: Mode[] = ['any', 'within', 'period', ...(inJourney || mode === 'trigger' ? ['trigger' as const] : [])]
  const choose = (next: string | null) => {
    const to = next as Mode
    setChosen(to)
    onChange({
      within_days: to === 'within' ? 30 : undefined,
      from: to === 'trigger' ? 'trigger' : undefined,
      to: undefined,
    })
  }
  return (
    <>
      <Select
        w={190}
        aria-label={t('builder.window')}
        data={modes.map((m) => ({ value: m, label: t(`builder.windows.${m}`) }))}
        value={mode}
        onChange={choose}
      />
      {mode === 'within' && (
        <Whole
          label={t('builder.withinDays')}
          max={36_500}
          value={value.within_days!}
          onChange={(n) => onChange({ within_days: n })}
        />
      )}
      {mode === 'period' && (
        <>
          <Text size="sm">{t('builder.from')}</Text>
          <TimeInput label={t('builder.from')} open value={value.from} onChange={(from) => onChange({ from })} />
        </>
      )}
      {(mode === 'period' || mode === 'trigger') && (
        <>
          <Text size="sm">{t('builder.to')}</Text>
          <TimeInput label={t('builder.to')} open value={value.to} onChange={(to) => onChange({ to })} />
        </>
      )}
    </>
  )
}
