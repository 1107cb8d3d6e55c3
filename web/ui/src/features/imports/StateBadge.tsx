import { Badge } from '@mantine/core'

import { useWords } from '~/i18n'

import type { State } from './state'
import { words } from './words'

const colors: Record<State, string> = {
  uploading: 'indigo',
  waiting: 'indigo',
  running: 'teal',
  done: 'green',
  failed: 'red',
  cancelled: 'gray',
}

export function StateBadge({ state }: { state: State }) {
  const t = useWords(words)
  return <Badge color={colors[state]}>{t(`states.${state}`)}</Badge>
}
