import { Badge, Group, Text } from '@mantine/core'
import { IconClockPlay, IconServer2 } from '@tabler/icons-react'

import type { Schemas } from '~/api/client'
import { Explained } from '~/components/Figure'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { Away, Figured, Note, Part } from './parts'
import classes from './Queues.module.css'
import { about, queueNames, since, span, type Overview } from './show'
import { words } from './words'

type Worker = Schemas['QueueWorker']
type Scheduler = Schemas['QueueScheduler']

/** How many tasks of a worker are shown. */
const shown = 4

export function Workers({ o }: { o: Overview }) {
  const t = useWords(words)
  const f = useFormat()
  const workers = o.workers ?? []
  return (
    <Part id="workers" title={t('workers.title')}>
      {o.redis !== 'ok' ? (
        <Away />
      ) : workers.length === 0 ? (
        <Empty icon={IconServer2} title={t('workers.empty')}>
          {t('workers.emptyText')}
        </Empty>
      ) : (
        <Figured<Worker>
          label={t('workers.label')}
          rows={workers}
          id={(w) => w.id}
          minWidth={760}
          columns={[
            { key: 'worker', title: t('workers.worker'), render: (w) => <Process p={w} /> },
            {
              key: 'heartbeat',
              title: t('workers.heartbeat'),
              render: (w) => <Heartbeat at={o.at} p={w} />,
            },
            {
              key: 'up',
              title: t('workers.up'),
              render: (w) => (
                <span className={classes.nowrap}>
                  {w.lost ? '–' : f.duration(Math.floor(since(o.at, w.started_at)))}
                </span>
              ),
            },
            {
              key: 'slots',
              title: t('workers.slots'),
              wide: true,
              render: (w) => (
                <Group gap={4} maw={300}>
                  {(w.slots ?? []).map((s) => (
                    <Badge key={s.queue} color={s.active > 0 ? 'indigo' : 'gray'} fw={500}>
                      {t(`names.${queueNames.find((q) => q === s.queue) ?? 'bulk'}`)} {f.number(s.active)}/
                      {f.number(s.concurrency)}
                    </Badge>
                  ))}
                </Group>
              ),
            },
            { key: 'work', title: t('workers.work'), wide: true, render: (w) => <Work at={o.at} worker={w} /> },
          ]}
        />
      )}
    </Part>
  )
}

function Process({ p }: { p: { host: string; pid: number; command: string; version: string } }) {
  const t = useWords(words)
  return (
    <>
      <Text size="sm" fw={500} className={classes.wrap}>
        {p.host}
      </Text>
      <Note>{[p.command, t('workers.pid', { pid: p.pid }), p.version].filter(Boolean).join(' · ')}</Note>
    </>
  )
}

function Heartbeat({ at, p }: { at: string; p: { lost: boolean; seen_at: string } }) {
  const t = useWords(words)
  const f = useFormat()
  const ago = t('figures.ago', { time: f.duration(Math.round(since(at, p.seen_at))) })
  if (!p.lost)
    return (
      <Text size="sm" className={classes.nowrap}>
        {ago}
      </Text>
    )
  return (
    <>
      <Badge color="red">{t('workers.lost')}</Badge>
      <Note>{ago}</Note>
    </>
  )
}

function Work({ at, worker }: { at: string; worker: Worker }) {
  const t = useWords(words)
  const f = useFormat()
  const work = worker.work ?? []
  if (work.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('workers.idle')}
      </Text>
    )
  return (
    <>
      {work.slice(0, shown).map((w) => (
        <Text size="sm" key={`${w.type} ${w.row} ${w.since}`}>
          {about(w)}{' '}
          <Text span size="xs" c="dimmed">
            {w.type} · {t('workers.for', { time: span(f, since(at, w.since)) })}
          </Text>
        </Text>
      ))}
      {work.length > shown && <Note>{t('workers.more', { n: f.number(work.length - shown) })}</Note>}
    </>
  )
}

const kinds = [
  'campaign_run',
  'campaign_chunk',
  'journey_chunk',
  'trigger_eval',
  'journey_step',
  'webhook_call',
  'lease',
  'pause',
] as const

export function Schedulers({ o }: { o: Overview }) {
  const t = useWords(words)
  const f = useFormat()
  const schedulers = o.schedulers ?? []
  return (
    <Part id="schedulers" title={t('schedulers.title')} lead={t('schedulers.lead')}>
      {o.redis !== 'ok' ? (
        <Away />
      ) : schedulers.length === 0 ? (
        <Empty icon={IconClockPlay} title={t('schedulers.empty')}>
          {t('schedulers.emptyText')}
        </Empty>
      ) : (
        <Figured<Scheduler>
          label={t('schedulers.label')}
          rows={schedulers}
          id={(s) => s.id}
          minWidth={640}
          columns={[
            { key: 'process', title: t('workers.worker'), render: (s) => <Process p={s} /> },
            { key: 'heartbeat', title: t('workers.heartbeat'), render: (s) => <Heartbeat at={o.at} p={s} /> },
            {
              key: 'last',
              title: t('schedulers.last'),
              formula: t('figures.lagFormula'),
              render: (s) =>
                s.finished_at ? t('figures.ago', { time: span(f, since(o.at, s.finished_at)) }) : t('figures.none'),
            },
            { key: 'took', title: t('schedulers.took'), number: true, render: (s) => span(f, s.took_seconds) },
            { key: 'every', title: t('schedulers.every'), number: true, render: (s) => span(f, s.every_seconds) },
            { key: 'sweeps', title: t('schedulers.sweeps'), number: true, render: (s) => f.number(s.sweeps) },
            {
              key: 'error',
              title: t('schedulers.error'),
              wide: true,
              render: (s) => (
                <Text size="sm" className={classes.wrap} c={s.error ? 'var(--mantine-color-error)' : 'dimmed'}>
                  {s.error || '–'}
                </Text>
              ),
            },
          ]}
        />
      )}
      <Repairs o={o} />
    </Part>
  )
}

function Repairs({ o }: { o: Overview }) {
  const t = useWords(words)
  const f = useFormat()
  const repairs = o.repairs ?? []
  if (o.redis !== 'ok') return null
  if (repairs.length === 0 && o.knocks_failed === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('schedulers.noRepairs')}
      </Text>
    )
  return (
    <Group gap="xs">
      <Text size="sm" component="div">
        <Explained formula={t('schedulers.repairsFormula')}>{t('schedulers.repairs')}</Explained>
      </Text>
      {repairs.map((r) => (
        <Badge key={r.kind} color="yellow" fw={500}>
          {t(`schedulers.kinds.${kinds.find((k) => k === r.kind) ?? 'other'}`, { kind: r.kind })} {f.number(r.n)}
        </Badge>
      ))}
      {o.knocks_failed > 0 && (
        <Explained formula={t('schedulers.knocksFormula')}>
          <Badge color="yellow" fw={500}>
            {t('schedulers.knocks')} {f.number(o.knocks_failed)}
          </Badge>
        </Explained>
      )}
    </Group>
  )
}
