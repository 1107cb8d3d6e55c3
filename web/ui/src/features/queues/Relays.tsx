import { Badge, Button, Text, VisuallyHidden } from '@mantine/core'
import { IconPlugConnected, IconServer } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'

import type { Schemas } from '~/api/client'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { Figured, Note, Part } from './parts'
import classes from './Queues.module.css'
import { perSecond, reason, type Overview } from './show'
import { words } from './words'

type Relay = Schemas['QueueRelay']

const RelayTest = lazy(() => import('./RelayTest'))

const colors = { closed: 'teal', open: 'red', 'half-open': 'yellow', unused: 'gray' }

export function Relays({ o }: { o: Overview }) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const [testing, setTesting] = useState<string>()
  const relays = o.relays ?? []
  const known = o.redis === 'ok'
  const tested = relays.find((r) => r.name === testing)
  return (
    <Part id="relays" title={t('relays.title')} lead={t('relays.lead')}>
      {relays.length === 0 ? (
        <Empty
          icon={IconServer}
          title={t('relays.empty')}
          action={
            <Button component={Link} to="/settings/relays">
              {t('relays.settings')}
            </Button>
          }
        >
          {t('relays.emptyText')}
        </Empty>
      ) : (
        <Figured<Relay>
          label={t('relays.label')}
          rows={relays}
          id={(r) => r.name}
          minWidth={860}
          columns={[
            {
              key: 'relay',
              title: t('relays.relay'),
              render: (r) => (
                <>
                  <Text size="sm" fw={500} className={classes.wrap}>
                    {r.name}
                  </Text>
                  <Note>
                    {r.host.includes(':') ? `[${r.host}]` : r.host}:{r.port}
                  </Note>
                </>
              ),
            },
            {
              key: 'circuit',
              title: t('relays.circuit'),
              formula: t('relays.circuitFormula'),
              wide: true,
              render: (r) => (known ? <CircuitOf relay={r} /> : '–'),
            },
            {
              key: 'connections',
              title: t('relays.connections'),
              formula: t('relays.connectionsFormula'),
              number: true,
              render: (r) =>
                known &&
                t('relays.connectionsOf', {
                  used: f.number(r.in_use),
                  idle: f.number(r.idle),
                  limit: f.number(r.limit),
                }),
            },
            {
              key: 'rate',
              title: t('relays.rate'),
              formula: t('relays.rateFormula'),
              number: true,
              render: (r) =>
                known &&
                (r.rate_per_second
                  ? t('relays.rateOf', { n: perSecond(f, r.rate), most: f.number(r.rate_per_second) })
                  : perSecond(f, r.rate)),
            },
            {
              key: 'hour',
              title: t('relays.hour'),
              formula: t('relays.hourFormula'),
              number: true,
              render: (r) =>
                known &&
                t('relays.hourOf', {
                  sent: f.number(r.accepted),
                  deferred: f.number(r.deferred),
                  failed: f.number(r.failed),
                }),
            },
            { key: 'last', title: t('relays.lastTest'), render: (r) => <LastTest relay={r} /> },
            {
              key: 'actions',
              title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
              number: true,
              render: (r) => (
                <Button
                  size="compact-sm"
                  miw="fit-content"
                  variant="default"
                  leftSection={<IconPlugConnected size={14} aria-hidden />}
                  aria-label={t('relays.testOf', { name: r.name })}
                  onClick={() => setTesting(r.name)}
                >
                  {t('relays.test')}
                </Button>
              ),
            },
          ]}
        />
      )}
      {testing !== undefined && (
        <Suspense>
          <RelayTest name={testing} last={tested?.test ?? null} onClose={() => setTesting(undefined)} />
        </Suspense>
      )}
    </Part>
  )
}

/** The state of a circuit, and where it is not closed why, since when, and at which workers. */
function CircuitOf({ relay: r }: { relay: Relay }) {
  const t = useWords(words)
  const f = useFormat()
  const broken = (r.workers ?? []).filter((w) => w.state !== 'closed')
  return (
    <>
      <Badge color={colors[r.state]}>{t(`relays.states.${r.state}`)}</Badge>
      {r.since && (
        <Note>
          {t('relays.since', { time: f.dateTime(r.since) })}
          {r.until && `, ${t('relays.until', { time: f.time(r.until) })}`}
        </Note>
      )}
      {r.reason && (
        <Text size="xs" className={classes.wrap} maw={280}>
          {reason(r.reason)}
          {r.detail && `: ${r.detail}`}
        </Text>
      )}
      {(r.workers ?? []).length > 1 &&
        broken.map((w) => (
          <Note key={w.worker}>
            {t('relays.ofWorker', { host: w.host, pid: w.pid, state: t(`relays.states.${w.state}`) })},{' '}
            {t('relays.failures', { count: w.failures })}
          </Note>
        ))}
    </>
  )
}

function LastTest({ relay }: { relay: Relay }) {
  const t = useWords(words)
  const f = useFormat()
  const test = relay.test
  if (!test)
    return (
      <Text size="sm" c="dimmed">
        {t('relays.tested.none')}
      </Text>
    )
  const state = !test.finished_at ? 'running' : test.ok ? 'ok' : 'failed'
  return (
    <>
      <Badge color={{ ok: 'teal', failed: 'red', running: 'indigo' }[state]}>{t(`relays.tested.${state}`)}</Badge>
      <Note>{f.dateTime(test.finished_at ?? test.asked_at)}</Note>
    </>
  )
}
