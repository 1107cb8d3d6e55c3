import { useUser } from '~/app/session'
import { useWords } from '~/i18n'

import { words } from './words'

/** What is noted as the source of a consent that somebody records here, unless they say it better. */
export function useSource(): string {
  const t = useWords(words)
  const user = useUser()
  return t('consents.sourceDefault', { who: user?.name || user?.email || '' }).slice(0, 200)
}
