import { Badge, Tooltip } from '@mantine/core'

import { useWords, type KeyOf } from '~/i18n'

import { words } from './words'

/** States of a consent, in the order in which they are shown. */
export const consentStates = ['subscribed', 'pending', 'unsubscribed'] as const
export type ConsentState = (typeof consentStates)[number]

const colors: Record<string, string> = { subscribed: 'teal', pending: 'yellow', unsubscribed: 'gray' }

/** A state of a consent, with what it means on hover. One that is not known is shown as it is. */
export function ConsentBadge({ state }: { state: string }) {
  const t = useWords(words)
  if (!Object.hasOwn(colors, state)) return <Badge color="gray">{state}</Badge>
  return (
    <Tooltip label={t(`statesText.${state}` as KeyOf<typeof words>)}>
      <Badge color={colors[state]}>{t(`states.${state}` as KeyOf<typeof words>)}</Badge>
    </Tooltip>
  )
}
