import { Alert, Anchor, Button, Group, Paper, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCheck, IconPlayerPause, IconPlayerPlay, IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useState, type ReactNode } from 'react'

import { client, type Schemas } from '~/api/client'
import { useLive } from '~/api/live'
import { notifyProblem } from '~/api/problem'
import { useMay } from '~/app/session'
import { Explained } from '~/components/Figure'
import { Page, Section } from '~/components/Page'
import { Failed, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { useCreate } from '~/features/campaigns/create'
import { RunBar } from '~/features/campaigns/run/RunBar'
import { StatusBadge } from '~/features/campaigns/StatusBadge'
import { sharedWords } from '~/features/campaigns/shared-words'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from './home.module.css'
import { words } from './words'

/** Its words are many; they come after the first screen. */
const Attention = lazy(() => import('./Attention'))

/** What somebody wants to see first; it moves. */
export function HomePage() {
  const t = useWords(words)
  const { data, problem } = useLive('/api/v1/home/live')
  const may = useMay('marketer')
  const create = useCreate()
  return (
    <Page
      title={t('title')}
      actions={
        may && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => void create()}>
            {t('new')}
          </Button>
        )
      }
    >
      {problem && !data ? (
        <Failed error={problem} />
      ) : !data ? (
        <Loading />
      ) : (
        <Stack gap="lg">
          <Suspense>
            <Attention list={data.attention ?? []} />
          </Suspense>
          {may && <FirstSteps setup={data.setup} />}
          <Section title={t('sending')}>
            <Sending list={data.sending ?? []} />
          </Section>
          <div className={classes.grid}>
            <Section
              title={t('next')}
              actions={
                <Anchor component={Link} to="/campaigns?view=calendar" size="sm">
                  {t('calendar')}
                </Anchor>
              }
            >
              <Next list={data.next ?? []} />
            </Section>
            <Section
              title={t('results')}
              actions={
                <Anchor component={Link} to="/campaigns" size="sm">
                  {t('all')}
                </Anchor>
              }
            >
              <Results list={data.results ?? []} />
            </Section>
          </div>
        </Stack>
      )}
    </Page>
  )
}

function Nothing({ children }: { children: ReactNode }) {
  return (
    <Paper withBorder p="sm">
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </Paper>
  )
}

function Sending({ list }: { list: Schemas['CampaignProgress'][] }) {
  const t = useWords(words)
  if (list.length === 0) return <Nothing>{t('nothingSending')}</Nothing>
  return (
    <Paper withBorder>
      <ul className={classes.list}>
        {list.map((p) => (
          <li key={p.campaign_id} className={classes.row} data-wrap>
            <UnderWay progress={p} />
          </li>
        ))}
      </ul>
    </Paper>
  )
}

function UnderWay({ progress: p }: { progress: Schemas['CampaignProgress'] }) {
  const t = useWords(words)
  const c = useWords(sharedWords)
  const f = useFormat()
  const [busy, setBusy] = useState(false)
  const { run } = p
  const act = async () => {
    setBusy(true)
    const params = { params: { path: { id: p.campaign_id } } }
    try {
      if (p.status === 'running') await client.POST('/api/v1/campaigns/{id}/pause', params)
      else await client.POST('/api/v1/campaigns/{id}/resume', params)
      notifications.show({ message: p.status === 'running' ? t('paused') : t('resumed') })
    } catch (error) {
      notifyProblem(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Stack gap={6} className={classes.grow}>
        <Group gap="xs">
          <Anchor component={Link} to={`/campaigns/${p.campaign_id}`} fw={500} size="sm">
            {p.name}
          </Anchor>
          <StatusBadge status={p.status} />
        </Group>
        {run && (
          <>
            <RunBar run={run} />
            <Group gap="sm">
              <Text size="xs">
                <Explained formula={c('formula.sent')}>
                  {t('sentOf', { sent: f.number(run.sent), all: f.number(run.recipients - run.skipped) })}
                </Explained>
              </Text>
              {p.per_second !== null && (
                <Text size="xs" c="dimmed">
                  <Explained formula={c('formula.perSecond')}>
                    {t('perSecond', { n: f.number(Math.round(p.per_second * 10) / 10) })}
                  </Explained>
                </Text>
              )}
              {p.seconds_left !== null && (
                <Text size="xs" c="dimmed">
                  <Explained formula={c('formula.left')}>{t('left', { time: f.duration(p.seconds_left) })}</Explained>
                </Text>
              )}
              {run.deferred > 0 && (
                <Text size="xs" c="dimmed">
                  <Explained formula={c('formula.deferred')}>{t('deferred', { count: run.deferred })}</Explained>
                </Text>
              )}
              {!run.planned_at && (
                <Text size="xs" c="dimmed">
                  {t('planning')}
                </Text>
              )}
            </Group>
          </>
        )}
      </Stack>
      <Button
        size="xs"
        variant="default"
        loading={busy}
        leftSection={
          p.status === 'running' ? <IconPlayerPause size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />
        }
        aria-label={`${p.status === 'running' ? t('pause') : t('resume')}: ${p.name}`}
        onClick={() => void act()}
      >
        {p.status === 'running' ? t('pause') : t('resume')}
      </Button>
    </>
  )
}

function Next({ list }: { list: Schemas['CampaignHappening'][] }) {
  const t = useWords(words)
  const f = useFormat()
  if (list.length === 0) return <Nothing>{t('nothingNext')}</Nothing>
  return (
    <Paper withBorder>
      <ul className={classes.list} aria-label={t('nextLead')}>
        {list.map((h) => (
          <li key={`${h.campaign_id} ${h.at}`} className={classes.row}>
            <Text size="sm" c="dimmed" className={classes.time}>
              <time dateTime={h.at} title={f.exact(h.at)}>
                {f.dateTime(h.at)}
              </time>
            </Text>
            <div className={classes.grow}>
              <Anchor component={Link} to={`/campaigns/${h.campaign_id}`} size="sm">
                {h.name}
              </Anchor>
              {h.cron && (
                <Text size="xs" c="dimmed">
                  {t('again')}
                </Text>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Paper>
  )
}

function Results({ list }: { list: Schemas['HomeResult'][] }) {
  const t = useWords(words)
  const c = useWords(sharedWords)
  const f = useFormat()
  if (list.length === 0) return <Nothing>{t('nothingResults')}</Nothing>
  return (
    <Paper withBorder>
      <table className={classes.results} aria-label={t('results')}>
        <thead>
          <tr>
            <th scope="col">{t('columns.name')}</th>
            <th scope="col">
              <Explained formula={c('formula.sent')}>{t('columns.sent')}</Explained>
            </th>
            <th scope="col">
              <Explained formula={c('formula.failed')}>{t('columns.failed')}</Explained>
            </th>
            <th scope="col">
              <Explained formula={c('formula.skipped')}>{t('columns.skipped')}</Explained>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((r) => (
            <tr key={r.run.id}>
              <td>
                <Anchor component={Link} to={`/campaigns/${r.campaign_id}?run=${r.run.id}`} size="sm">
                  {r.name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  <Time at={r.run.finished_at} relative />
                </Text>
              </td>
              <td>{f.number(r.run.sent)}</td>
              <td data-bad={r.run.failed > 0 || undefined}>{f.number(r.run.failed)}</td>
              <td>{f.number(r.run.skipped)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Paper>
  )
}

const steps = [
  ['relay', '/settings/relays'],
  ['contact', '/imports/new?kind=contacts'],
  ['template', '/templates'],
  ['segment', '/segments'],
  ['campaign', '/campaigns'],
] as const

/** The way to the first mail, as long as it was not gone. */
function FirstSteps({ setup }: { setup: Schemas['HomeSetup'] }) {
  const t = useWords(words)
  const settings = useMay('ops')
  const done = (name: (typeof steps)[number][0]) => setup[name]
  if (setup.campaign && setup.contact && setup.template) return null
  return (
    <Alert color="indigo" title={t('setup.title')}>
      <Text size="sm" mb="xs">
        {t('setup.lead')}
      </Text>
      <Stack gap={8} component="ol" m={0} p={0} style={{ listStyle: 'none' }}>
        {steps.map(([name, to], i) => (
          <Group key={name} component="li" gap={10} wrap="nowrap" align="flex-start">
            <span className={classes.step} data-done={done(name) || undefined}>
              {done(name) ? <IconCheck size={14} aria-label={t('setup.done')} /> : i + 1}
            </span>
            <div>
              {name === 'relay' && !settings ? (
                <Text size="sm" fw={500}>
                  {t(`setup.${name}.title`)}
                </Text>
              ) : (
                <Anchor component={Link} to={to} size="sm" fw={500}>
                  {t(`setup.${name}.title`)}
                </Anchor>
              )}
              <Text size="xs" c="dimmed">
                {t(`setup.${name}.text`)} {name === 'relay' && !settings && !setup.relay && t('askOps')}
              </Text>
            </div>
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}
