import { Badge, Button, Text, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'

import { client } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { Figured, Note, Part } from './parts'
import { perSecond, sends, span, type Overview, type Queue } from './show'
import { words } from './words'

/** All queues, with what can be done about each. */
export function Queues({ o }: { o: Overview }) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const known = o.redis === 'ok'
  return (
    <Part id="queues" title={t('queues.label')}>
      <Figured<Queue>
        label={t('queues.label')}
        rows={o.queues ?? []}
        id={(q) => q.name}
        minWidth={940}
        columns={[
          {
            key: 'queue',
            title: t('queues.queue'),
            render: (q) => (
              <>
                <Text size="sm" fw={500} title={t(`what.${q.name}`)}>
                  {t(`names.${q.name}`)}
                </Text>
                {q.paused_since ? (
                  <>
                    <Badge color="yellow">{t('queues.paused')}</Badge>
                    <Note>{t('queues.pausedSince', { time: f.dateTime(q.paused_since) })}</Note>
                  </>
                ) : (
                  <Note>{q.name}</Note>
                )}
              </>
            ),
          },
          {
            key: 'waiting',
            title: t('queues.waiting'),
            formula: t('queues.waitingFormula'),
            number: true,
            render: (q) => (
              <>
                {f.number(q.waiting)}
                {q.deferred > 0 && <Note>{t('queues.later', { n: f.number(q.deferred) })}</Note>}
                {q.held > 0 && <Note>{t('queues.held', { n: f.number(q.held) })}</Note>}
              </>
            ),
          },
          {
            key: 'rate',
            title: t('queues.rate'),
            formula: t('queues.rateFormula'),
            number: true,
            render: (q) => (known ? perSecond(f, q.rate) : '–'),
          },
          {
            key: 'drain',
            title: t('queues.drain'),
            formula: t('queues.drainFormula'),
            number: true,
            render: (q) =>
              !known ? '–' : q.drain_seconds === null ? t('queues.stands') : q.waiting ? span(f, q.drain_seconds) : '–',
          },
          {
            key: 'oldest',
            title: t('queues.oldest'),
            formula: t('queues.oldestFormula'),
            number: true,
            render: (q) => (q.pending > 0 ? span(f, q.oldest_seconds) : '–'),
          },
          {
            key: 'tasks',
            title: t('queues.tasks'),
            formula: t('queues.tasksFormula'),
            number: true,
            render: (q) =>
              known ? t('queues.tasksOf', { pending: f.number(q.pending), active: f.number(q.active) }) : '–',
          },
          {
            key: 'retry',
            title: t('queues.retry'),
            formula: t('queues.retryFormula'),
            number: true,
            render: (q) => (known ? f.number(q.retry) : '–'),
          },
          {
            key: 'dead',
            title: t('queues.dead'),
            formula: t('queues.deadFormula'),
            number: true,
            render: (q) =>
              q.archived > 0 ? (
                <Text span size="sm" c="var(--mantine-color-error)" fw={600}>
                  {f.number(q.archived)}
                </Text>
              ) : known ? (
                f.number(0)
              ) : (
                '–'
              ),
          },
          {
            key: 'latency',
            title: t('queues.latency'),
            formula: t('queues.latencyFormula'),
            number: true,
            render: (q) =>
              sends(q.name) && q.latency
                ? `${span(f, q.latency.p50_seconds)} / ${span(f, q.latency.p95_seconds)}`
                : '–',
          },
          {
            key: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            number: true,
            render: (q) => <PauseButton queue={q} />,
          },
        ]}
      />
    </Part>
  )
}

function PauseButton({ queue: q }: { queue: Queue }) {
  const t = useWords(words)
  const f = useFormat()
  const confirm = useConfirm()
  const name = t(`names.${q.name}`)
  const params = { params: { path: { queue: q.name } } }
  const pause = () =>
    confirm({
      title: t('queues.pauseTitle', { queue: name }),
      children: (
        <Text size="sm">
          {t(`queues.pauseText.${q.name}`, { n: f.number(q.waiting) })}{' '}
          {t('queues.pauseHands', { n: f.number(q.active) })}
        </Text>
      ),
      confirm: t('queues.pauseOf', { queue: name }),
      action: () => client.POST('/api/v1/queues/{queue}/pause', params),
    })
  const resume = async () => {
    try {
      await client.POST('/api/v1/queues/{queue}/resume', params)
      notifications.show({ color: 'teal', message: t('queues.resumed', { queue: name }) })
    } catch (e) {
      notifyProblem(e)
    }
  }
  return q.paused_since ? (
    <Button
      size="compact-sm"
      miw="fit-content"
      leftSection={<IconPlayerPlay size={14} aria-hidden />}
      aria-label={t('queues.resumeOf', { queue: name })}
      onClick={() => void resume()}
    >
      {t('queues.resume')}
    </Button>
  ) : (
    <Button
      size="compact-sm"
      miw="fit-content"
      variant="default"
      leftSection={<IconPlayerPause size={14} aria-hidden />}
      aria-label={t('queues.pauseOf', { queue: name })}
      onClick={() => void pause()}
    >
      {t('queues.pause')}
    </Button>
  )
}
