import { Alert, Button, Group, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'

import { useLive } from '~/api/live'
import { Figure } from '~/components/Figure'
import { Page } from '~/components/Page'
import { Failed, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { attentionOf, type Attention } from './attention'
import classes from './Queues.module.css'
import { Queues } from './Queues'
import { Relays } from './Relays'
import { perSecond, reason, sends, span, type Overview } from './show'
import { Tasks } from './Tasks'
import { Unknown } from './Unknown'
import { words } from './words'
import { Schedulers, Workers } from './Workers'

const History = lazy(() => import('./History'))

/** Everything about what is next and who works on it. One stream feeds the whole page. */
export function QueuesPage() {
  const t = useWords(words)
  const { data, problem } = useLive('/api/v1/queues/live')
  return (
    <Page title={t('title')} lead={t('lead')}>
      {problem && !data ? <Failed error={problem} /> : data ? <Live o={data} /> : <Loading lines={12} />}
    </Page>
  )
}

function Live({ o }: { o: Overview }) {
  return (
    <>
      <AttentionList list={attentionOf(o)} />
      <Summary o={o} />
      <Queues o={o} />
      <Suspense fallback={<Loading />}>
        <History />
      </Suspense>
      <Workers o={o} />
      <Tasks o={o} />
      <Relays o={o} />
      <Unknown o={o} />
      <Schedulers o={o} />
    </>
  )
}

/** What needs attention, and where to act. */
function AttentionList({ list }: { list: Attention[] }) {
  const t = useWords(words)
  const say = useSentence()
  const grave = list.some((a) => a.grave)
  return (
    <div role="region" aria-label={t('attention.label')} aria-live="polite">
      {list.length === 0 ? (
        <Text size="sm" c="dimmed" className={classes.fine}>
          <IconCircleCheck size={16} aria-hidden /> {t('attention.fine')}
        </Text>
      ) : (
        <Alert
          color={grave ? 'red' : 'yellow'}
          icon={grave ? <IconAlertTriangle aria-hidden /> : <IconInfoCircle aria-hidden />}
          py="xs"
        >
          <ul className={classes.attention}>
            {list.map((a) => (
              <li key={`${a.kind} ${'queue' in a ? a.queue : ''} ${'name' in a ? a.name : ''}`}>
                <Group gap="xs" justify="space-between" wrap="nowrap" align="flex-start">
                  <Text size="sm" fw={a.grave ? 600 : 400} c="var(--mantine-color-text)">
                    {say(a)}
                  </Text>
                  {'to' in a && (
                    <Button
                      component="a"
                      href={`#${a.to}`}
                      size="compact-xs"
                      variant="default"
                      miw="fit-content"
                      aria-label={`${t('attention.show')}: ${say(a)}`}
                      onClick={(event) => {
                        event.preventDefault()
                        goTo(a.to)
                      }}
                    >
                      {t('attention.show')}
                    </Button>
                  )}
                </Group>
              </li>
            ))}
          </ul>
        </Alert>
      )}
    </div>
  )
}

/** Scrolls to a part of the page and puts the focus there. */
function goTo(id: string) {
  const part = document.getElementById(id)
  part?.scrollIntoView({ block: 'start' })
  part?.focus({ preventScroll: true })
}

function useSentence() {
  const t = useWords(words)
  const f = useFormat()
  return (a: Attention): string => {
    switch (a.kind) {
      case 'redis':
      case 'noWorker':
      case 'noScheduler':
        return t(`attention.${a.kind}`)
      case 'lost':
        return t('attention.lost', { count: a.count, ago: f.duration(Math.round(a.seconds)) })
      case 'lag':
        return t('attention.lag', { ago: f.duration(Math.round(a.seconds)) })
      case 'sweepError':
        return t('attention.sweepError', { error: a.error })
      case 'stuck':
        return t('attention.stuck', { queue: t(`names.${a.queue}`), n: f.number(a.waiting) })
      case 'paused':
        return t('attention.paused', { queue: t(`names.${a.queue}`), time: f.dateTime(a.at) })
      case 'relay':
        return t('attention.relay', { name: a.name, reason: reason(a.reason) })
      case 'dead':
        return t('attention.dead', { queue: t(`names.${a.queue}`), count: a.count })
      case 'unknown':
        return t('attention.unknown', { count: a.count })
    }
  }
}

/** The figures that say at a glance how it goes. */
function Summary({ o }: { o: Overview }) {
  const t = useWords(words)
  const f = useFormat()
  const mail = (o.queues ?? []).filter((q) => sends(q.name))
  const sum = (of: (q: (typeof mail)[number]) => number) => mail.reduce((n, q) => n + of(q), 0)
  const deferred = sum((q) => q.deferred)
  const drains = mail.map((q) => q.drain_seconds)
  const known = o.redis === 'ok'
  const alive = (o.workers ?? []).filter((w) => !w.lost)
  const slots = alive.flatMap((w) => w.slots ?? [])
  const latency = (name: string) => {
    const l = mail.find((q) => q.name === name)?.latency
    return {
      value: l ? span(f, l.p50_seconds) : '–',
      note: l && t('figures.latencyMost', { time: span(f, l.p95_seconds) }),
      formula: l ? t('figures.latencyFormula', { n: f.number(l.mails) }) : t('figures.latencyNone'),
    }
  }
  return (
    <div className={classes.summary}>
      <Figure
        label={t('figures.waiting')}
        value={f.number(sum((q) => q.waiting))}
        formula={t('figures.waitingFormula')}
        note={deferred > 0 && t('figures.deferred', { n: f.number(deferred) })}
      />
      <Figure
        label={t('figures.rate')}
        value={
          known
            ? perSecond(
                f,
                sum((q) => q.sent_rate),
              )
            : '–'
        }
        formula={t('figures.rateFormula')}
      />
      <Figure
        label={t('figures.drain')}
        value={
          !known ? '–' : drains.includes(null) ? t('queues.stands') : span(f, Math.max(0, ...drains.map((d) => d ?? 0)))
        }
        formula={t('figures.drainFormula')}
      />
      <Figure label={t('figures.latency')} {...latency('triggered')} />
      <Figure label={t('figures.latencyCampaigns')} {...latency('bulk')} />
      <Figure
        label={t('figures.workers')}
        value={known ? f.number(alive.length) : '–'}
        formula={t('figures.workersFormula')}
        note={
          known &&
          t('figures.busy', {
            active: f.number(slots.reduce((n, s) => n + s.active, 0)),
            all: f.number(slots.reduce((n, s) => n + s.concurrency, 0)),
          })
        }
      />
      <Figure
        label={t('figures.lag')}
        value={
          o.scheduler_lag_seconds === null
            ? known
              ? t('figures.none')
              : '–'
            : t('figures.ago', { time: span(f, o.scheduler_lag_seconds) })
        }
        formula={t('figures.lagFormula')}
      />
      <Figure label={t('figures.unknown')} value={f.number(o.unknown)} formula={t('figures.unknownFormula')} />
    </div>
  )
}
