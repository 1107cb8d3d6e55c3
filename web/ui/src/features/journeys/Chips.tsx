import { Badge, Group, Tooltip } from '@mantine/core'

import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import type { Chip } from './figures'
import { words } from './words'

/** Numbers at a step; in the list each says on hover and focus how it comes about. */
export function Chips({ chips, plain }: { chips: Chip[]; plain?: boolean }) {
  const t = useWords(words)
  const f = useFormat()
  if (chips.length === 0) return null
  return (
    <Group gap={4}>
      {chips.map(({ key, n, color }) => {
        const chip = (
          <Badge key={key} size="sm" color={color} tabIndex={plain ? undefined : 0}>
            {t(`chips.${key}`, { n: plain ? f.compact(n) : f.number(n) })}
          </Badge>
        )
        return plain ? (
          chip
        ) : (
          <Tooltip key={key} label={t(`chips.${key}Formula`)}>
            {chip}
          </Tooltip>
        )
      })}
    </Group>
  )
}
