import { Alert, Button, Group, Tabs, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconCopy, IconPlayerPause, IconPlayerPlay, IconX } from '@tabler/icons-react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'

import { client, queryClient, refresh, type Schemas } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { useMay } from '~/app/session'
import { useConfirm } from '~/components/confirm-context'
import { Page } from '~/components/Page'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useCopy } from '../actions'
import { checklistWords, whatText, type Item } from '../draft/checklist-words'
import { fieldsOf, type Campaign } from '../draft/fields'
import { campaignKey } from '../draft/useDraft'
import type { CampaignSearch, Tab } from '../routes'
import { sharedWords } from '../shared-words'
import { StatusBadge } from '../StatusBadge'
import { stoppedText, wording } from '../wording'
import { words } from '../words'
import { Overview } from './Overview'
import { Recipients } from './Recipients'
import { Runs } from './Runs'
import { SentContent } from './SentContent'
import { Setup } from './Setup'

export type Progress = Schemas['CampaignProgress']

interface Props {
  campaign: Campaign
  /** As the stream tells it; undefined before its first word. */
  progress: Progress | undefined
}

/** A campaign that was started: how it goes, and what became of it. */
export function RunPage({ campaign, progress }: Props) {
  const t = useWords(words)
  const may = useMay('marketer')
  const search = useSearch({ from: '/shell/campaigns/$id' })
  const navigate = useNavigate({ from: '/campaigns/$id' })
  const set = (patch: Partial<CampaignSearch>) => void navigate({ search: (s) => ({ ...s, ...patch }), replace: true })
  const latest = progress?.run ?? campaign.run
  const run = search.run ?? latest?.id
  const tabs: [Tab | 'overview', ReactNode][] = [
    [
      'overview',
      <Overview
        key="o"
        campaign={campaign}
        progress={progress}
        run={run}
        onShow={(s) => set({ tab: 'recipients', q: undefined, ...s })}
      />,
    ],
    ...(may
      ? ([
          ['recipients', <Recipients key="r" campaign={campaign} run={run} search={search} onSearch={set} />],
          ['content', <SentContent key="c" campaign={campaign} run={run} />],
        ] as [Tab, ReactNode][])
      : []),
    [
      'runs',
      <Runs
        key="u"
        campaign={campaign}
        shown={run}
        onShow={(id) => set({ run: id, tab: undefined, state: undefined, reason: undefined })}
      />,
    ],
    ['setup', <Setup key="s" campaign={campaign} />],
  ]
  const tab = tabs.some(([name]) => name === search.tab) ? search.tab! : 'overview'
  return (
    <Page
      title={campaign.name}
      badge={<StatusBadge status={campaign.status} />}
      back={{ to: '/campaigns', label: t('title') }}
      lead={<Approval campaign={campaign} />}
      actions={
        <Actions
          campaign={campaign}
          left={latest ? latest.planned + latest.sending + latest.deferred : 0}
          planning={!!latest && !latest.planned_at}
        />
      }
    >
      <Standing campaign={campaign} left={latest ? latest.planned + latest.sending + latest.deferred : 0} />
      <Tabs value={tab} onChange={(v) => set({ tab: v === 'overview' ? undefined : (v as Tab) })} keepMounted={false}>
        <Tabs.List aria-label={t('run.tabs.label')}>
          {tabs.map(([name]) => (
            <Tabs.Tab key={name} value={name}>
              {t(`run.tabs.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(([name, content]) => (
          <Tabs.Panel key={name} value={name} pt="md">
            {tab === name && content}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  )
}

/** Who started it, and what they accepted. */
function Approval({ campaign }: { campaign: Campaign }) {
  const t = useWords(words)
  const c = useWords(checklistWords)
  const f = useFormat()
  const a = campaign.approval
  if (!a) return null
  const at = f.dateTime(a.at)
  const accepted = (a.accepted ?? []).map((x) => whatText(c, f, { ...x, code: '', level: 'warning' } as Item))
  return (
    <>
      {a.by ? t('run.approval', { name: a.by, at }) : t('run.approvalNobody', { at })}
      {accepted.length > 0 && <> · {t('run.approvalAccepted', { what: accepted.join(' ') })}</>}
    </>
  )
}

/** Why it stands still. */
function Standing({ campaign, left }: { campaign: Campaign; left: number }) {
  const t = useWords(words)
  const s = useWords(sharedWords)
  const w = useWords(wording)
  const f = useFormat()
  const reason = campaign.status_reason
  const [color, title, text] = ((): [string, string, string] | [] => {
    switch (campaign.status) {
      case 'paused':
        return reason
          ? ['orange', t('run.pausedByItself'), stoppedText(w, reason)]
          : ['gray', s('status.paused'), t('run.pausedByHand', { n: f.number(left) })]
      case 'failed':
        return ['red', t('run.failedBecause'), stoppedText(w, reason ?? '')]
      case 'scheduled': {
        const next = campaign.next_run_at
          ? t(campaign.schedule?.cron ? 'run.waitsForNext' : 'run.waitsFor', { at: f.exact(campaign.next_run_at) })
          : ''
        return reason ? ['orange', t('run.tickMissed'), `${stoppedText(w, reason)} ${next}.`] : ['indigo', next, '']
      }
    }
    return []
  })()
  return (
    <div aria-live="polite">
      {color && (
        <Alert
          color={color}
          title={title}
          icon={color === 'orange' || color === 'red' ? <IconAlertTriangle aria-hidden /> : undefined}
        >
          {text && <Text size="sm">{text}</Text>}
        </Alert>
      )}
    </div>
  )
}

function Actions({ campaign, left, planning }: { campaign: Campaign; left: number; planning: boolean }) {
  const t = useWords(words)
  const may = useMay('marketer')
  const confirm = useConfirm()
  const copy = useCopy()
  const [busy, setBusy] = useState('')
  const { id, status } = campaign
  const took = (data: unknown, message: string) => {
    queryClient.setQueryData(campaignKey(id), data)
    void refresh('/api/v1/campaigns')
    notifications.show({ message })
  }
  const act = async (name: string, action: () => Promise<{ data?: unknown }>, message: string) => {
    setBusy(name)
    try {
      took((await action()).data, message)
    } catch (error) {
      notifyProblem(error)
      void refresh('/api/v1/campaigns')
    } finally {
      setBusy('')
    }
  }
  const params = { params: { path: { id } } }
  const open = status === 'running' || status === 'paused'
  const cancel = () =>
    confirm({
      title: t('run.cancelTitle', { name: campaign.name }),
      children: open
        ? planning
          ? t('run.cancelPlanning')
          : t('run.cancelText', { count: left })
        : t('run.cancelScheduledText'),
      confirm: open && !planning ? t('run.cancelConfirm', { count: left }) : t('run.cancelConfirmAll'),
      danger: true,
      action: async () => took((await client.POST('/api/v1/campaigns/{id}/cancel', params)).data, t('run.cancelled')),
    })
  return (
    <Group gap="xs">
      {may && (
        <Button
          variant="default"
          leftSection={<IconCopy size={16} aria-hidden />}
          onClick={() => void copy(fieldsOf(campaign))}
        >
          {t('menu.copy')}
        </Button>
      )}
      {may && status === 'scheduled' && !campaign.run && (
        <Button
          variant="default"
          loading={busy === 'unschedule'}
          onClick={() =>
            void act('unschedule', () => client.POST('/api/v1/campaigns/{id}/unschedule', params), t('run.unscheduled'))
          }
        >
          {t('run.unschedule')}
        </Button>
      )}
      {may && (open || status === 'scheduled') && (
        <Button variant="light" color="red" leftSection={<IconX size={16} aria-hidden />} onClick={() => void cancel()}>
          {open ? t('run.cancel') : t('run.cancelScheduled')}
        </Button>
      )}
      {status === 'running' && (
        <Button
          leftSection={<IconPlayerPause size={16} aria-hidden />}
          loading={busy === 'pause'}
          onClick={() => void act('pause', () => client.POST('/api/v1/campaigns/{id}/pause', params), t('run.paused'))}
        >
          {t('run.pause')}
        </Button>
      )}
      {status === 'paused' && (
        <Button
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
          loading={busy === 'resume'}
          onClick={() =>
            void act('resume', () => client.POST('/api/v1/campaigns/{id}/resume', params), t('run.resumed'))
          }
        >
          {t('run.resume')}
        </Button>
      )}
    </Group>
  )
}
