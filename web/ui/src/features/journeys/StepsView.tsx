import { SegmentedControl } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { lazy, Suspense } from 'react'

import { Loading } from '~/components/states'
import { useWords } from '~/i18n'

import { StepList, type ShownProps } from './StepList'
import { words } from './words'

const Picture = lazy(() => import('./Picture'))

export type View = 'list' | 'picture'

/** What is chosen; else the picture, or the list where there is no room for one. */
export function useView(chosen: View | undefined): View {
  const narrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false })
  return chosen ?? (narrow ? 'list' : 'picture')
}

export function ViewChoice({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  const t = useWords(words)
  return (
    <SegmentedControl
      size="xs"
      aria-label={t('view.label')}
      value={view}
      onChange={(v) => onChange(v as View)}
      data={(['picture', 'list'] as const).map((value) => ({ value, label: t(`view.${value}`) }))}
    />
  )
}

/** A journey as a picture or as a list. */
export function StepsView({ view, journey, ...shown }: ShownProps & { view: View; journey?: number }) {
  if (view === 'list') return <StepList {...shown} journey={journey} />
  return (
    <Suspense fallback={<Loading />}>
      <Picture {...shown} />
    </Suspense>
  )
}
