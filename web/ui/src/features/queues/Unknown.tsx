import { Button, Code, Group, Menu, Modal, Text, Tooltip, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconChevronDown, IconMailQuestion } from '@tabler/icons-react'
import { useEffect, useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { useConfirm } from '~/components/confirm-context'
import { CopyButton } from '~/components/CopyButton'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { Listed, Note, Part } from './parts'
import classes from './Queues.module.css'
import type { Overview } from './show'
import { words } from './words'

type Run = Schemas['QueueUnknownRun']
type Message = Schemas['QueueUnknownMessage']
type As = 'sent' | 'resend'

const path = '/api/v1/unknown'

/** Mails of which nobody knows whether they were sent, run by run, for a person to decide. */
export function Unknown({ o }: { o: Overview }) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const decide = useDecide()
  const list = useList(path)
  const [shown, setShown] = useState<Run>()
  useEffect(() => {
    void refresh(path)
  }, [o.unknown])
  return (
    <Part id="unknown" title={t('unknown.title')} lead={t('unknown.lead')}>
      <Listed<Run>
        label={t('unknown.label')}
        list={list}
        id={(r) => String(r.run_id)}
        minWidth={680}
        empty={
          <Empty icon={IconMailQuestion} title={t('unknown.empty')}>
            {t('unknown.emptyText')}
          </Empty>
        }
        columns={[
          {
            key: 'name',
            title: t('unknown.run'),
            render: (r) => (
              <>
                <Text size="sm" fw={500} className={classes.wrap}>
                  {r.name}
                </Text>
                <Note>
                  {[t(`unknown.${r.kind}`), r.step, t('rows.campaign_run', { row: r.run_id })]
                    .filter(Boolean)
                    .join(' · ')}
                </Note>
              </>
            ),
          },
          { key: 'unknown', title: t('unknown.mails'), number: true, render: (r) => f.number(r.unknown) },
          { key: 'oldest_at', title: t('unknown.oldest'), render: (r) => <Time at={r.oldest_at} relative /> },
          {
            key: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            number: true,
            render: (r) => (
              <Group gap={4} justify="flex-end">
                <Button
                  size="compact-xs"
                  variant="subtle"
                  color="gray"
                  aria-label={`${t('unknown.show')}: ${r.name}`}
                  onClick={() => setShown(r)}
                >
                  {t('unknown.show')}
                </Button>
                <DecideMenu
                  label={r.name}
                  canResend={r.can_resend}
                  onDecide={(as) =>
                    void decide(r.unknown, as, async () => {
                      const { data } = await client.POST('/api/v1/unknown/{run}/resolve', {
                        params: { path: { run: r.run_id } },
                        body: { as },
                      })
                      return data!.resolved
                    })
                  }
                />
              </Group>
            ),
          },
        ]}
      />
      {shown && <Messages run={shown} onClose={() => setShown(undefined)} />}
    </Part>
  )
}

/** Asks before a decision, says what it means, and takes it. */
function useDecide() {
  const t = useWords(words)
  const confirm = useConfirm()
  return (count: number, as: As, act: () => Promise<number>) =>
    confirm({
      title: as === 'sent' ? t('unknown.asSentTitle', { count }) : t('unknown.resendTitle', { count }),
      children: <Text size="sm">{as === 'sent' ? t('unknown.asSentText') : t('unknown.resendText')}</Text>,
      confirm: as === 'sent' ? t('unknown.asSent') : t('unknown.resend'),
      danger: as === 'resend',
      action: async () => {
        notifications.show({ color: 'teal', message: t('unknown.resolved', { count: await act() }) })
        await refresh(path)
      },
    })
}

function DecideMenu({ label, canResend, onDecide }: { label: string; canResend: boolean; onDecide: (as: As) => void }) {
  const t = useWords(words)
  return (
    <Group gap={4} wrap="nowrap">
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`${t('unknown.asSent')}: ${label}`}
        onClick={() => onDecide('sent')}
      >
        {t('unknown.asSent')}
      </Button>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <Button size="compact-xs" variant="default" px={4} aria-label={`${t('unknown.resend')} …: ${label}`}>
            <IconChevronDown size={14} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="var(--mantine-color-error)" disabled={!canResend} onClick={() => onDecide('resend')}>
            {t('unknown.resend')} …
          </Menu.Item>
          {!canResend && (
            <Text size="xs" c="dimmed" px="sm" pb={6} maw={240}>
              {t('unknown.cannotResend')}
            </Text>
          )}
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}

const reasons = ['worker_lost', 'reply_lost', 'reply_late', 'campaign_cancelled', 'journey_left'] as const

/** The Message-IDs to look for in the relay's log. */
function Messages({ run, onClose }: { run: Run; onClose: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const decide = useDecide()
  const list = useList('/api/v1/unknown/{run}', { path: { run: run.run_id } })
  return (
    <Modal
      opened
      size="xl"
      onClose={onClose}
      title={t('unknown.listTitle', { name: run.name })}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <Listed<Message>
        label={t('unknown.listTitle', { name: run.name })}
        list={list}
        id={(m) => String(m.id)}
        minWidth={640}
        empty={
          <Text size="sm" c="dimmed">
            {t('unknown.none')}
          </Text>
        }
        columns={[
          {
            key: 'message_id',
            title: t('unknown.messageId'),
            render: (m) => (
              <Group gap={4} wrap="nowrap">
                <Code className={classes.wrap}>{m.message_id}</Code>
                <CopyButton value={m.message_id} what={m.message_id} />
              </Group>
            ),
          },
          {
            key: 'reason',
            title: t('unknown.reason'),
            render: (m) => {
              const known = reasons.find((r) => r === m.reason)
              const text = known ? t(`unknown.reasons.${known}`) : m.reason
              return m.detail ? (
                <Tooltip label={m.detail}>
                  <Text size="sm" tabIndex={0}>
                    {text}
                  </Text>
                </Tooltip>
              ) : (
                text
              )
            },
          },
          { key: 'offered_at', title: t('unknown.offered'), render: (m) => <Time at={m.offered_at} /> },
          {
            key: 'attempts',
            title: t('unknown.attempts'),
            number: true,
            render: (m) => f.number(m.attempts),
          },
          {
            key: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            number: true,
            render: (m) => (
              <DecideMenu
                label={m.message_id}
                canResend={run.can_resend}
                onDecide={(as) =>
                  void decide(1, as, async () => {
                    await client.POST('/api/v1/messages/{id}/resolve', { params: { path: { id: m.id } }, body: { as } })
                    return 1
                  })
                }
              />
            ),
          },
        ]}
      />
    </Modal>
  )
}
