import { Button, Group, Loader, Text } from '@mantine/core'
import { IconAlertCircle, IconCheck, IconCloudOff, IconPencil } from '@tabler/icons-react'

import { explain } from '~/api/problem'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { words } from '../words'
import type { Draft } from './useDraft'

/** Whether what is typed is safe. */
export function SaveState({ draft }: { draft: Draft }) {
  const t = useWords(words)
  const f = useFormat()
  const { phase, problem, savedAt, held } = draft.state
  const size = 15
  const [icon, text, bad] = (() => {
    switch (phase) {
      case 'saving':
        return [<Loader key="i" size={12} aria-hidden />, t('save.saving'), false] as const
      case 'changed':
        return [<IconPencil key="i" size={size} aria-hidden />, t('save.changed'), false] as const
      case 'waiting':
        return [<IconCloudOff key="i" size={size} aria-hidden />, t('save.waiting'), true] as const
      case 'refused':
        return [
          <IconAlertCircle key="i" size={size} aria-hidden />,
          t('save.refused', { reason: explain(problem) }),
          true,
        ] as const
      case 'conflict':
        return [<IconAlertCircle key="i" size={size} aria-hidden />, t('save.conflict'), true] as const
      case 'ended':
        return [<IconAlertCircle key="i" size={size} aria-hidden />, t('save.ended'), true] as const
      case 'saved':
        return held.length
          ? ([
              <IconAlertCircle key="i" size={size} aria-hidden />,
              t('save.held', { fields: f.list(held.map((k) => t(`fields.${k}`))) }),
              true,
            ] as const)
          : ([
              <IconCheck key="i" size={size} aria-hidden />,
              savedAt ? t('save.savedAt', { time: f.time(savedAt) }) : t('save.saved'),
              false,
            ] as const)
    }
  })()
  // A screen reader hears what matters, not each save while one types.
  return (
    <Group gap={6} wrap="nowrap" mih={22}>
      {icon}
      <Text size="sm" c={bad ? 'var(--mantine-color-error)' : 'dimmed'} role={bad ? 'alert' : undefined}>
        {text}
      </Text>
      {(phase === 'waiting' || phase === 'refused') && (
        <Button size="compact-xs" variant="default" onClick={() => void draft.auto.flush()}>
          {t('save.retry')}
        </Button>
      )}
    </Group>
  )
}
