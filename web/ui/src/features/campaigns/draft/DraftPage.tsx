import { ActionIcon, Alert, Anchor, Button, Group, Menu, Text, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconCopy, IconDots, IconTrash, IconUsers } from '@tabler/icons-react'
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { useUser } from '~/app/session'
import { Page, Section } from '~/components/Page'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useCopy, useDelete } from '../actions'
import classes from '../campaigns.module.css'
import { StatusBadge } from '../StatusBadge'
import { words } from '../words'
import { AudienceSection } from './AudienceSection'
import { ConflictDialog } from './ConflictDialog'
import { ContentSection } from './ContentSection'
import { EstimateCard } from './EstimateCard'
import { fieldAt, unfit, type Campaign, type Field } from './fields'
import { SaveState } from './SaveState'
import { StartSection } from './StartSection'
import { TestSection } from './TestSection'
import { useDraft } from './useDraft'
import { useEstimate } from './useEstimate'
import { usePresence } from './usePresence'
import { WhenSection } from './WhenSection'

interface Props {
  campaign: Campaign
  /** Told whether something is typed that is not saved. */
  onUnsaved: (unsaved: boolean) => void
  /** It is no draft any more: shows what it is. */
  onLeave: () => void
}

/** A draft, from name to start, on one page that saves itself. */
export function DraftPage({ campaign, onUnsaved, onLeave }: Props) {
  const t = useWords(words)
  const draft = useDraft(campaign)
  const { state, auto, set } = draft
  const { fields } = state
  const estimate = useEstimate(fields)
  const [as, setAs] = useState<string>() // the contact that preview and test show
  const fresh = useRouterState({ select: (s) => (s.location.state as { fresh?: boolean }).fresh })
  const unsaved = auto.unsaved
  useEffect(() => onUnsaved(unsaved), [unsaved, onUnsaved])
  const wrong = errors(state.problem?.fields, fields)
  return (
    <Page
      title={fields.name.trim() || campaign.name}
      badge={<StatusBadge status="draft" />}
      back={{ to: '/campaigns', label: t('title') }}
      lead={<SaveState draft={draft} />}
      actions={<More campaign={campaign} draft={draft} />}
    >
      <Banners campaign={campaign} draft={draft} onLeave={onLeave} />
      <div className={classes.draft}>
        <div className={classes.parts}>
          <TextInput
            label={t('name.label')}
            description={t('name.hint')}
            value={fields.name}
            onChange={(e) => set({ name: e.currentTarget.value })}
            error={wrong.name === 'missing' ? t('name.missing') : wrong.name}
            maxLength={200}
            autoFocus={fresh}
            onFocus={fresh ? (e) => e.currentTarget.select() : undefined}
            maw={480}
          />
          <Section title={t('sections.audience')}>
            <AudienceSection fields={fields} set={set} wrong={wrong} />
          </Section>
          <Section title={t('sections.content')}>
            <ContentSection fields={fields} set={set} wrong={wrong} as={as} onAs={setAs} />
          </Section>
          <Section title={t('sections.test')} lead={t('test.lead')}>
            <TestSection draft={draft} id={campaign.id} as={as} />
          </Section>
          <Section title={t('sections.when')}>
            <WhenSection fields={fields} set={set} wrong={wrong} />
          </Section>
          <StartSection draft={draft} campaign={campaign} estimate={estimate} />
        </div>
        <aside className={classes.aside} aria-label={t('estimate.title')}>
          <EstimateCard estimate={estimate} everyone={fields.include.length === 0} />
          <Others id={campaign.id} />
        </aside>
      </div>
    </Page>
  )
}

export type Wrong = Partial<Record<Field, string>>

/** What is wrong with fields: found here, and by the server. */
function errors(server: Record<string, string> | undefined, fields: Parameters<typeof unfit>[0]): Wrong {
  const wrong: Wrong = {}
  for (const [location, message] of Object.entries(server ?? {})) {
    const field = fieldAt(location)
    if (field) wrong[field] = message
  }
  return { ...wrong, ...unfit(fields) }
}

/** What has to be known before anything else is typed. */
function Banners({
  campaign,
  draft,
  onLeave,
}: {
  campaign: Campaign
  draft: ReturnType<typeof useDraft>
  onLeave: () => void
}) {
  const t = useWords(words)
  const f = useFormat()
  const [comparing, setComparing] = useState(false)
  const { state, taken, backup } = draft
  const name = (by: string) => by || t('conflict.somebody')
  return (
    <div aria-live="polite">
      {state.phase === 'ended' && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title={t('ended.title')}>
          <Text size="sm" mb="xs">
            {t('ended.text')}
          </Text>
          <Button size="xs" variant="default" onClick={onLeave}>
            {t('ended.look')}
          </Button>
        </Alert>
      )}
      {state.phase === 'conflict' && state.theirs && (
        <Alert
          color="orange"
          icon={<IconAlertTriangle aria-hidden />}
          title={t('conflict.title', { name: name(state.theirs.by), time: f.time(state.theirs.at) })}
        >
          <Text size="sm" mb="xs">
            {t('conflict.text')}
          </Text>
          <Button size="xs" onClick={() => setComparing(true)}>
            {t('conflict.open')}
          </Button>
        </Alert>
      )}
      {comparing && state.theirs && (
        <ConflictDialog draft={draft} campaign={campaign} onClose={() => setComparing(false)} />
      )}
      {backup && state.phase !== 'ended' && (
        <Alert color="indigo" title={t('backup.title')}>
          <Text size="sm" mb="xs">
            {t('backup.text', { at: f.dateTime(backup.at) })}
          </Text>
          <Group gap="xs">
            <Button size="xs" onClick={draft.restore}>
              {t('backup.restore')}
            </Button>
            <Button size="xs" variant="default" onClick={draft.discard}>
              {t('backup.discard')}
            </Button>
          </Group>
        </Alert>
      )}
      {taken && (
        <Alert color="indigo" withCloseButton onClose={draft.dismissTaken} closeButtonLabel={t('backup.discard')}>
          {t('taken', { name: name(taken.by), time: f.time(taken.at) })}
        </Alert>
      )}
    </div>
  )
}

/** Who else has the draft open. */
function Others({ id }: { id: number }) {
  const t = useWords(words)
  const f = useFormat()
  const me = useUser()
  const others = usePresence(id)
  const mine = me?.name || me?.email
  const names = others.map((n) => (n === mine ? t('others.yourself') : n || t('others.somebody')))
  return (
    <div aria-live="polite">
      {names.length > 0 && (
        <Alert color="gray" icon={<IconUsers aria-hidden />} py="xs">
          {names.length === 1 ? t('others.one', { name: names[0] }) : t('others.many', { names: f.list(names) })}
        </Alert>
      )}
    </div>
  )
}

function More({ campaign, draft }: { campaign: Campaign; draft: ReturnType<typeof useDraft> }) {
  const t = useWords(words)
  const copy = useCopy()
  const remove = useDelete()
  const navigate = useNavigate()
  return (
    <>
      <Anchor href="#start" size="sm" hiddenFrom="md">
        {t('sections.start')}
      </Anchor>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label={t('menu.label')}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconCopy size={16} aria-hidden />}
            onClick={async () => {
              await draft.auto.flush()
              void copy(draft.auto.get().stored.fields)
            }}
          >
            {t('menu.copy')}
          </Menu.Item>
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={async () => {
              if (!(await remove(campaign))) return
              draft.auto.end()
              void navigate({ to: '/campaigns' })
            }}
          >
            {t('menu.delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
