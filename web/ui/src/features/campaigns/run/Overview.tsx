import { Alert, Anchor, Button, Group, Stack, Table, Text, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconClock, IconHelpCircle } from '@tabler/icons-react'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { useMay } from '~/app/session'
import { useConfirm } from '~/components/confirm-context'
import { Explained, Figure, Figures } from '~/components/Figure'
import { Section } from '~/components/Page'
import { Empty, Failed, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import type { Campaign } from '../draft/fields'
import type { CampaignSearch } from '../routes'
import { reasonText, wording } from '../wording'
import { sharedWords } from '../shared-words'
import { words } from '../words'
import { RunBar, settled, type Run } from './RunBar'
import type { Progress } from './RunPage'
import { StateDot } from './StateDot'

type Reasons = Schemas['MessageReasonCount'][]
type Show = (s: Pick<CampaignSearch, 'state' | 'reason' | 'run'>) => void

interface Props {
  campaign: Campaign
  progress: Progress | undefined
  /** The run that is looked at; undefined: there is none. */
  run: number | undefined
  onShow: Show
}

/** How far it is, or what became of it. */
export function Overview({ campaign, progress, run, onShow }: Props) {
  const t = useWords(words)
  if (run === undefined)
    return (
      <Empty icon={IconClock} title={t('run.noRuns')}>
        {t('run.noRunsText')}
      </Empty>
    )
  if (progress?.run?.id === run)
    return (
      <Shown
        campaign={campaign}
        run={progress.run}
        reasons={progress.reasons ?? []}
        progress={progress}
        onShow={onShow}
      />
    )
  return <Earlier campaign={campaign} run={run} onShow={onShow} />
}

/** A run that the stream does not tell of. */
function Earlier({ campaign, run, onShow }: { campaign: Campaign; run: number; onShow: Show }) {
  const report = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/report',
    { params: { path: { id: campaign.id }, query: { run } } },
    { refetchInterval: (q) => (q.state.data?.run.finished_at ? false : 2000) },
  )
  if (report.error) return <Failed error={report.error} retry={() => void report.refetch()} />
  if (!report.data) return <Loading />
  return <Shown campaign={campaign} run={report.data.run} reasons={report.data.reasons ?? []} onShow={onShow} />
}

interface ShownProps {
  campaign: Campaign
  run: Run
  reasons: Reasons
  progress?: Progress
  onShow: Show
}

function Shown({ campaign, run, reasons, progress, onShow }: ShownProps) {
  const t = useWords(words)
  return (
    <Stack gap="lg">
      <State run={run} progress={run.finished_at ? undefined : progress} />
      <Unknown campaign={campaign} run={run} latest={campaign.run?.id === run.id} />
      {progress && !run.finished_at && run.deferred > 0 && <Deferrals run={run} progress={progress} />}
      <Section title={t('run.results')} lead={t('run.resultsLead')}>
        <Results run={run} reasons={reasons} onShow={onShow} />
      </Section>
    </Stack>
  )
}

function State({ run, progress }: { run: Run; progress?: Progress }) {
  const t = useWords(words)
  const s = useWords(sharedWords)
  const f = useFormat()
  const asked = run.recipients - run.skipped
  const share = (n: number, of: number) => (of > 0 ? f.percent(n / of, 1) : undefined)
  const running = progress?.status === 'running'
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Text size="lg" fw={600}>
          {t('run.sentOf', { sent: f.number(run.sent), all: f.number(asked) })}
        </Text>
        <Text size="sm" c="dimmed">
          {t('run.began')} <Time at={run.started_at} />
          {run.finished_at && (
            <>
              {' · '}
              {t('run.ended')} <Time at={run.finished_at} /> {' · '}
              <Explained formula={t('run.tookFormula')}>
                {f.duration((new Date(run.finished_at).getTime() - new Date(run.started_at).getTime()) / 1000)}
              </Explained>
            </>
          )}
        </Text>
      </Group>
      <RunBar run={run} />
      {!run.planned_at && !run.finished_at && (
        <Text size="sm" c="dimmed">
          {t('run.planning', { n: f.number(run.recipients) })}
        </Text>
      )}
      <Figures>
        {running && (
          <>
            <Figure
              label={t('run.perSecond')}
              value={progress.per_second === null ? '–' : f.number(Math.round(progress.per_second * 10) / 10)}
              formula={s('formula.perSecond')}
              note={progress.per_second === null ? t('run.measuring') : undefined}
            />
            <Figure
              label={t('run.left')}
              value={progress.seconds_left === null ? '–' : f.duration(progress.seconds_left)}
              formula={s('formula.left')}
              note={progress.seconds_left === null ? t('run.leftUnknown') : undefined}
            />
          </>
        )}
        <Figure label={t('run.recipients')} value={f.number(run.recipients)} formula={s('formula.recipients')} />
        <Figure
          label={t('run.sent')}
          value={f.number(run.sent)}
          formula={`${s('formula.sent')} ${s('formula.sentShare')}`}
          note={share(run.sent, asked)}
        />
        {run.planned + run.sending > 0 && (
          <Figure label={t('run.planned')} value={f.number(run.planned + run.sending)} />
        )}
        {run.deferred > 0 && (
          <Figure
            label={t('run.deferred')}
            value={f.number(run.deferred)}
            formula={s('formula.deferred')}
            note={progress?.next_try_at ? t('run.nextTry', { at: f.time(progress.next_try_at) }) : undefined}
          />
        )}
        <Figure
          label={t('run.failed')}
          value={f.number(run.failed)}
          formula={s('formula.failed')}
          note={share(run.failed, asked)}
        />
        <Figure
          label={t('run.skipped')}
          value={f.number(run.skipped)}
          formula={s('formula.skipped')}
          note={share(run.skipped, run.recipients)}
        />
        {run.cancelled > 0 && (
          <Figure label={t('run.cancelledN')} value={f.number(run.cancelled)} formula={s('formula.cancelled')} />
        )}
        {run.unknown > 0 && (
          <Figure label={t('run.unknown')} value={f.number(run.unknown)} formula={s('formula.unknown')} />
        )}
      </Figures>
      {/* Said now and then, not with every mail. */}
      <Said percent={run.recipients > 0 ? Math.floor((10 * settled(run)) / run.recipients) * 10 : 0} run={run} />
    </Stack>
  )
}

/** For screen readers: each tenth of the way. */
function Said({ percent, run }: { percent: number; run: Run }) {
  const f = useFormat()
  return <VisuallyHidden role="status">{run.finished_at ? '' : f.percent(percent / 100)}</VisuallyHidden>
}

function Deferrals({ run, progress }: { run: Run; progress: Progress }) {
  const t = useWords(words)
  const w = useWords(wording)
  const f = useFormat()
  const list = progress.deferrals ?? []
  if (list.length === 0) return null
  return (
    <Section
      title={t('run.deferrals')}
      lead={t('run.deferralsSeen', { n: f.number(progress.deferrals_seen), all: f.number(run.deferred) })}
    >
      {/* Scrolled by keyboard as well. */}
      <Table.ScrollContainer minWidth={560} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('run.domain')}</Table.Th>
              <Table.Th ta="right">{t('run.count')}</Table.Th>
              <Table.Th>{t('run.reason')}</Table.Th>
              <Table.Th>{t('run.nextTryAt')}</Table.Th>
              <Table.Th>{t('run.words')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.map((d) => (
              <Table.Tr key={`${d.domain} ${d.reason}`}>
                <Table.Td>{d.domain}</Table.Td>
                <Table.Td ta="right">{f.number(d.n)}</Table.Td>
                <Table.Td>{reasonText(w, d.reason)}</Table.Td>
                <Table.Td>{f.time(d.due_at)}</Table.Td>
                <Table.Td maw={320}>
                  <Text size="xs" c="dimmed" lineClamp={2} title={d.detail}>
                    {d.detail}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  )
}

const order = ['sent', 'failed', 'unknown', 'deferred', 'sending', 'planned', 'skipped', 'cancelled'] as const

/** By state and reason, with the way to the people behind each number. */
function Results({ run, reasons, onShow }: { run: Run; reasons: Reasons; onShow: Show }) {
  const t = useWords(words)
  const w = useWords(wording)
  const f = useFormat()
  const may = useMay('marketer')
  const list = [...reasons].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || b.n - a.n)
  return (
    <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('run.state')}</Table.Th>
            <Table.Th>{t('run.reason')}</Table.Th>
            <Table.Th ta="right">{t('run.count')}</Table.Th>
            <Table.Th ta="right">
              <Explained formula={t('run.shareFormula')}>{t('run.share')}</Explained>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.map((r) => (
            <Table.Tr key={`${r.state} ${r.reason}`}>
              <Table.Td>
                <Group gap={8} wrap="nowrap" align="flex-start">
                  <StateDot state={r.state} />
                  {t(`states.${r.state}`)}
                </Group>
              </Table.Td>
              <Table.Td>{r.reason ? reasonText(w, r.reason) : ''}</Table.Td>
              <Table.Td ta="right">
                {may ? (
                  <Anchor
                    component="button"
                    type="button"
                    size="sm"
                    onClick={() => onShow({ state: r.state, reason: r.reason || undefined, run: run.id })}
                    aria-label={`${f.number(r.n)}, ${t('run.show')}: ${t(`states.${r.state}`)} ${r.reason ? reasonText(w, r.reason) : ''}`}
                  >
                    {f.number(r.n)}
                  </Anchor>
                ) : (
                  f.number(r.n)
                )}
              </Table.Td>
              <Table.Td ta="right">{run.recipients ? f.percent(r.n / run.recipients, 1) : ''}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

/** Mails of which nobody knows whether they were sent: a person decides. */
function Unknown({ campaign, run, latest }: { campaign: Campaign; run: Run; latest: boolean }) {
  const t = useWords(words)
  const confirm = useConfirm()
  if (run.unknown === 0 || !latest) return null
  const count = run.unknown
  const decide = (as: 'sent' | 'resend') =>
    confirm({
      title: as === 'sent' ? t('run.asSentTitle', { count }) : t('run.resendTitle', { count }),
      children: as === 'sent' ? t('run.asSentText') : t('run.resendText'),
      confirm: as === 'sent' ? t('run.asSentConfirm') : t('run.resendConfirm'),
      danger: as === 'resend',
      action: async () => {
        await client.POST('/api/v1/campaigns/{id}/resolve', { params: { path: { id: campaign.id } }, body: { as } })
        void refresh('/api/v1/campaigns')
        notifications.show({ message: t('run.resolved') })
      },
    })
  const ended = campaign.status === 'cancelled' || campaign.status === 'failed'
  return (
    <Alert color="violet" icon={<IconHelpCircle aria-hidden />} title={t('run.resolve')}>
      <Text size="sm" mb="xs">
        {t('run.resolveText', { count })}
      </Text>
      <Group gap="xs">
        <Button size="xs" variant="default" onClick={() => void decide('sent')}>
          {t('run.asSent')}
        </Button>
        {!ended && (
          <Button size="xs" variant="default" onClick={() => void decide('resend')}>
            {t('run.resend')}
          </Button>
        )}
      </Group>
    </Alert>
  )
}
