import { List as Points, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'

import { client, refresh, type Schemas } from '~/api/client'
import { Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { useWords } from '~/i18n'

import { underWay } from './figures'
import { words } from './words'

/** What can be done with a journey as a whole. Each asks first and says to how many. */
export function useJourneyActions(journey: { id: number; name: string }, figures: Schemas['JourneyFigures']) {
  const t = useWords(words)
  const confirm = useConfirm()
  const { name } = journey
  const { counts, version } = figures
  const away = underWay(counts.total)
  const move = async (to: 'publish' | 'pause' | 'resume' | 'archive') => {
    try {
      await client.POST(`/api/v1/journeys/{id}/${to}`, { params: { path: { id: journey.id } } })
    } catch (e) {
      throw e instanceof Problem && e.status === 409 ? new Error(`${t('do.busy')} (${e.message})`) : e
    } finally {
      await refresh('/api/v1/journeys')
    }
  }
  const said = (message: string) => notifications.show({ message })
  return {
    publish: async () => {
      const done = await confirm({
        title: t('do.publishTitle', { name, version }),
        children: (
          <Points size="sm" spacing={4}>
            <Points.Item>{figures.live_version ? t('do.publishNext', { version }) : t('do.publishFirst')}</Points.Item>
            {figures.status === 'paused' && <Points.Item>{t('do.publishPaused')}</Points.Item>}
            {figures.live_version !== null && (
              <Points.Item>{away ? t('do.stay', { count: away }) : t('do.stayNobody')}</Points.Item>
            )}
          </Points>
        ),
        confirm: t('do.publish'),
        action: () => move('publish'),
      })
      if (done) said(t('do.published', { version }))
    },
    pause: async () => {
      const done = await confirm({
        title: t('do.pauseTitle', { name }),
        children: <Text size="sm">{t('do.pauseText', { count: away })}</Text>,
        confirm: t('do.pause'),
        action: () => move('pause'),
      })
      if (done) said(t('do.paused'))
    },
    resume: async () => {
      const done = await confirm({
        title: t('do.resumeTitle', { name }),
        children: <Text size="sm">{t('do.resumeText', { count: away })}</Text>,
        confirm: t('do.resume'),
        action: () => move('resume'),
      })
      if (done) said(t('do.resumed'))
    },
    archive: async () => {
      const done = await confirm({
        title: t('do.archiveTitle', { name }),
        children: (
          <Points size="sm" spacing={4}>
            <Points.Item>{t('do.archiveText')}</Points.Item>
            <Points.Item>{t('do.archiveUnderway', { count: away })}</Points.Item>
            {counts.total.pending > 0 && (
              <Points.Item>{t('do.archivePending', { count: counts.total.pending })}</Points.Item>
            )}
          </Points>
        ),
        confirm: t('do.archive'),
        danger: true,
        action: () => move('archive'),
      })
      if (done) said(t('do.archived'))
    },
  }
}
