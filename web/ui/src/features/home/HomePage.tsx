import { Page } from '~/components/Page'
import { useWords } from '~/i18n'

import { words } from './words'

export function HomePage() {
  const t = useWords(words)
  return <Page title={t('title')}>{null}</Page>
}
