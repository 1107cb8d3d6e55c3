import { Checkbox, Group, Loader, Stack, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconHelpCircle } from '@tabler/icons-react'
import { useId } from 'react'

import { Failed, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { words } from '../words'
import { checklistWords, detailText, howText, whatText, type Item } from './checklist-words'
import type { ChecklistState } from './useChecklist'

const icons = { error: IconCircleX, warning: IconAlertTriangle, unchecked: IconHelpCircle, ok: IconCircleCheck }
const colors = {
  error: 'var(--mantine-color-error)',
  warning: 'light-dark(var(--mantine-color-orange-8), var(--mantine-color-orange-4))',
  unchecked: 'var(--mantine-color-dimmed)',
  ok: 'light-dark(var(--mantine-color-teal-8), var(--mantine-color-teal-4))',
}
const order = ['error', 'warning', 'unchecked'] as const

interface Props {
  list: ChecklistState
  /** What is looked at is not what is typed. */
  stale: boolean
  accepted: string[]
  onAccept: (id: string, yes: boolean) => void
}

export function Checklist({ list, stale, accepted, onAccept }: Props) {
  const t = useWords(words)
  const f = useFormat()
  const [all, { toggle }] = useDisclosure()
  if (!list.known) return list.error ? <Failed error={list.error} retry={list.again} /> : <Loading lines={4} />
  const fine = list.items.filter((i) => i.level === 'ok')
  const rest = order.flatMap((level) => list.items.filter((i) => i.level === level))
  const n = (level: Item['level']) => list.items.filter((i) => i.level === level).length
  return (
    <Stack gap="xs">
      <Text size="sm" aria-live="polite">
        {[
          n('error') > 0 && t('checklist.errors', { count: n('error') }),
          n('warning') > 0 && t('checklist.warnings', { count: n('warning') }),
          t('checklist.ok', { count: n('ok') }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </Text>
      <ul className={classes.checklist}>
        {rest.map((item) => (
          <Row
            key={item.id}
            item={item}
            accepted={accepted.includes(item.id)}
            onAccept={item.level === 'warning' ? (yes) => onAccept(item.id, yes) : undefined}
          />
        ))}
        {all && fine.map((item) => <Row key={item.id} item={item} accepted={false} />)}
      </ul>
      <Group gap="sm">
        {fine.length > 0 && (
          <UnstyledButton onClick={toggle} aria-expanded={all} fz="sm" c="var(--mantine-color-anchor)">
            {all ? t('checklist.hide') : t('checklist.ok', { count: fine.length })}
          </UnstyledButton>
        )}
        {list.asking && (
          <Group gap={6}>
            <Loader size={12} aria-hidden />
            <Text size="xs" c="dimmed">
              {t('checklist.remote')}
            </Text>
          </Group>
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {stale
          ? t('checklist.notNow')
          : list.lookedAt === 0
            ? t('checklist.madeUp')
            : list.all
              ? t('checklist.lookedAtAll', { count: list.lookedAt })
              : t('checklist.lookedAt', { n: f.number(list.lookedAt) })}
      </Text>
    </Stack>
  )
}

function Row({ item, accepted, onAccept }: { item: Item; accepted: boolean; onAccept?: (yes: boolean) => void }) {
  const t = useWords(words)
  const c = useWords(checklistWords)
  const f = useFormat()
  const [open, { toggle }] = useDisclosure()
  const details = useId()
  const Icon = icons[item.level]
  const what = whatText(c, f, item)
  return (
    <li className={classes.item}>
      <Icon size={18} color={colors[item.level]} aria-label={t(`checklist.level.${item.level}`)} />
      <div>
        <Text size="sm">{what}</Text>
        {item.level !== 'ok' && item.how && (
          <Text size="xs" c="dimmed">
            {howText(c, item)}
          </Text>
        )}
        {item.details && item.details.length > 0 && (
          <>
            <UnstyledButton
              fz="xs"
              c="var(--mantine-color-anchor)"
              onClick={toggle}
              aria-expanded={open}
              aria-controls={details}
            >
              {open ? t('checklist.hide') : t('checklist.details')}
            </UnstyledButton>
            {open && (
              <ul id={details} className={classes.details}>
                {item.details.map((d) => (
                  <li key={d}>{detailText(c, f, d)}</li>
                ))}
              </ul>
            )}
          </>
        )}
      </div>
      {onAccept && (
        <Checkbox
          size="xs"
          label={t('checklist.accept')}
          aria-label={t('checklist.acceptOf', { what })}
          checked={accepted}
          onChange={(e) => onAccept(e.currentTarget.checked)}
        />
      )}
    </li>
  )
}
