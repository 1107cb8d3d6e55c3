import { Badge, Tooltip } from '@mantine/core'

import { useWords, type KeyOf, type Translate } from '~/i18n'

import { words } from './words'

export const causes = ['unsubscribe', 'complaint', 'bounce', 'manual'] as const
export type Cause = (typeof causes)[number]

const isCause = (cause: string): cause is Cause => (causes as readonly string[]).includes(cause)

/** Causes after which mailing an address again does harm: lifting asks twice. */
export const isGrave = (cause: string) => cause === 'complaint' || cause === 'bounce'

/** A cause in words; one that is not known is shown as it is. */
export const causeText = (t: Translate<KeyOf<typeof words>>, cause: string) =>
  isCause(cause) ? t(`causes.${cause}`) : cause

export function CauseBadge({ cause }: { cause: string }) {
  const t = useWords(words)
  if (!isCause(cause)) return <Badge color="gray">{cause}</Badge>
  return (
    <Tooltip label={t(`causesText.${cause}`)}>
      <Badge color={isGrave(cause) ? 'red' : 'orange'}>{t(`causes.${cause}`)}</Badge>
    </Tooltip>
  )
}
