import { Badge } from '@mantine/core'

import type { Schemas } from '~/api/client'
import { useWords } from '~/i18n'

import { sharedWords } from './shared-words'

export type Status = Schemas['Campaign']['status']

const colors: Record<Status, string> = {
  draft: 'gray',
  scheduled: 'indigo',
  running: 'teal',
  paused: 'orange',
  finished: 'green',
  cancelled: 'gray',
  failed: 'red',
}

export function StatusBadge({ status }: { status: Status }) {
  const t = useWords(sharedWords)
  return <Badge color={colors[status]}>{t(`status.${status}`)}</Badge>
}
