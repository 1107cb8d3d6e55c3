import { Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCalendarTime, IconSend } from '@tabler/icons-react'
import { useState } from 'react'

import { $api, client, queryClient, refresh } from '~/api/client'
import { Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { Section } from '~/components/Page'
import { useNow } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { words } from '../words'
import { Checklist } from './Checklist'
import { checklistWords, whatText } from './checklist-words'
import type { Campaign } from './fields'
import { useChecklist } from './useChecklist'
import { campaignKey, type Draft } from './useDraft'
import type { EstimateState } from './useEstimate'

interface Props {
  draft: Draft
  campaign: Campaign
  estimate: EstimateState
}

/** The checklist, and the start behind it. */
export function StartSection({ draft, campaign, estimate }: Props) {
  const t = useWords(words)
  const c = useWords(checklistWords)
  const f = useFormat()
  const confirm = useConfirm()
  const { state, auto } = draft
  const { schedule } = state.fields
  const list = useChecklist(campaign.id, state.stored.revision)
  const [accepted, setAccepted] = useState<string[]>([])
  // What was accepted of another revision may be something else now.
  const said = list.items
    .filter((i) => i.level === 'warning')
    .map((i) => `${i.id} ${i.code} ${JSON.stringify(i.values)}`)
  const saidNow = said.join('\n')
  const [saidThen, setSaidThen] = useState(saidNow)
  if (saidThen !== saidNow) {
    setSaidThen(saidNow)
    const kept = new Set(saidThen.split('\n'))
    setAccepted((ids) => ids.filter((id) => said.some((s) => s.startsWith(`${id} `) && kept.has(s))))
  }

  const now = useNow(schedule && 'at' in schedule ? 10_000 : 0)
  const later = schedule !== null && !('at' in schedule && new Date(schedule.at) <= now)
  const errors = list.items.filter((i) => i.level === 'error').length
  const open = list.items.filter((i) => i.level === 'warning' && !accepted.includes(i.id)).length
  const count = estimate.data?.will_receive ?? 0
  const unsaved = auto.unsaved || state.phase !== 'saved'
  const why = unsaved
    ? t('start.unsaved')
    : errors
      ? t('start.blocked')
      : list.looking
        ? t('start.looking')
        : open
          ? t('start.accept', { count: open })
          : ''

  const start = async () => {
    if (!(await auto.flush())) return
    const revision = auto.get().stored.revision
    let first: string | undefined
    if (schedule && 'cron' in schedule) {
      const next = await client
        .POST('/api/v1/campaigns/schedule/preview', { body: { ...schedule, count: 1 } })
        .catch(() => undefined)
      first = next?.data?.next?.[0]
    }
    const template = queryClient.getQueryData<{ name: string }>(
      $api.queryOptions('get', '/api/v1/templates/{id}', { params: { path: { id: state.fields.template_id } } })
        .queryKey,
    )
    const warnings = list.items.filter((i) => i.level === 'warning')
    await confirm({
      title: !later
        ? t('start.titleNow', { count })
        : 'at' in schedule
          ? t('start.titleAt', { at: f.dateTime(schedule.at) })
          : t('start.titleCron'),
      children: (
        <Stack gap="xs">
          <Text size="sm">
            {!later
              ? t('start.textNow', { template: template?.name ?? '', sender: state.fields.sender_address })
              : 'at' in schedule
                ? t('start.textAt', { count })
                : t('start.textCron', { count, at: first ? f.dateTime(first) : '…' })}
          </Text>
          {warnings.length > 0 && (
            <div>
              <Text size="sm" fw={500}>
                {t('start.accepted')}
              </Text>
              <ul style={{ margin: 0, paddingInlineStart: 20 }}>
                {warnings.map((w) => (
                  <Text key={w.id} component="li" size="sm">
                    {whatText(c, f, w)}
                  </Text>
                ))}
              </ul>
            </div>
          )}
        </Stack>
      ),
      confirm: later ? t('start.confirmLater') : t('start.confirmNow'),
      action: async () => {
        try {
          const { data } = await client.POST('/api/v1/campaigns/{id}/start', {
            params: { path: { id: campaign.id } },
            body: { revision, accepted },
          })
          queryClient.setQueryData(campaignKey(campaign.id), data)
          void refresh('/api/v1/campaigns')
          notifications.show({ message: later ? t('start.scheduled') : t('start.started') })
        } catch (error) {
          if (!(error instanceof Problem) || error.status !== 409) throw error
          // What was looked at is not what is there any more: show what is.
          void refresh('/api/v1/campaigns')
          list.again()
          const changed = (error.document as { current?: unknown } | undefined)?.current !== undefined
          const checklist = Object.keys(error.fields).some((k) => k.startsWith('checklist.'))
          throw new Error(changed ? t('start.changed') : checklist ? t('start.new') : error.message)
        }
      },
    })
  }

  return (
    <>
      <Section
        title={t('sections.checklist')}
        lead={t('checklist.lead')}
        actions={
          <Button
            size="xs"
            variant="default"
            onClick={list.again}
            loading={(list.known && list.looking) || list.asking}
          >
            {t('checklist.again')}
          </Button>
        }
      >
        <Checklist
          list={list}
          stale={unsaved}
          accepted={accepted}
          onAccept={(id, yes) => setAccepted((ids) => (yes ? [...ids, id] : ids.filter((i) => i !== id)))}
        />
      </Section>
      <Section title={t('sections.start')}>
        <Group id="start" gap="sm">
          <Button
            size="md"
            leftSection={later ? <IconCalendarTime size={18} aria-hidden /> : <IconSend size={18} aria-hidden />}
            disabled={why !== ''}
            aria-describedby="start-why"
            onClick={() => void start()}
          >
            {later ? t('start.scheduleN') : estimate.data ? t('start.nowN', { count }) : t('start.now')}
          </Button>
          <Text id="start-why" size="sm" c="dimmed" aria-live="polite">
            {why}
          </Text>
        </Group>
      </Section>
    </>
  )
}
