import { ActionIcon, Alert, Badge, Button, Group, Menu, Select, Stack, Table, Tabs, Text } from '@mantine/core'
import { IconArchive, IconDots, IconPlayerPause, IconPlayerPlay, IconRocket } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo } from 'react'

import { $api, refresh, type Schemas } from '~/api/client'
import { useLive } from '~/api/live'
import { useMay } from '~/app/session'
import { Figure, Figures } from '~/components/Figure'
import { Page } from '~/components/Page'
import { Failed, Loaded } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useJourneyActions } from './actions'
import { definitionOf } from './definition'
import { DefinitionTab } from './DefinitionTab'
import { EnrolmentsTab } from './EnrolmentsTab'
import { liveFigures, underWay } from './figures'
import { Chips } from './Chips'
import { statusColors } from './JourneysPage'
import { MachineTab } from './MachineTab'
import { useNames } from './names'
import type { JourneySearch } from './routes'
import { StepsView, useView, ViewChoice } from './StepsView'
import classes from './Steps.module.css'
import { VersionsTab } from './VersionsTab'
import { words } from './words'

const route = getRouteApi('/shell/journeys/$id')

export function JourneyPage() {
  const id = Number(route.useParams().id) || 0
  const journey = $api.useQuery('get', '/api/v1/journeys/{id}', { params: { path: { id } } })
  return <Loaded query={journey}>{(j) => <Journey key={j.id} journey={j} />}</Loaded>
}

function Journey({ journey }: { journey: Schemas['JourneyDetail'] }) {
  const t = useWords(words)
  const may = useMay('marketer')
  const { tab = 'steps' } = route.useSearch()
  const navigate = useNavigate({ from: '/journeys/$id' })
  const live = useLive('/api/v1/journeys/{id}/live', { path: { id: journey.id } })
  const figures = live.data ?? (journey as Schemas['JourneyFigures'])
  // Somebody else has changed it: what does not come by the stream is read again.
  useEffect(() => {
    if (figures.updated_at !== journey.updated_at) void refresh('/api/v1/journeys/{id}')
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each change that is told
  }, [figures.updated_at])
  const actions = useJourneyActions(journey, figures)
  const { status, version, live_version } = figures
  const archived = status === 'archived'
  const unpublished = version !== live_version
  const tabs = may
    ? (['steps', 'definition', 'machine', 'enrolments', 'versions'] as const)
    : (['steps', 'versions'] as const)
  const shown = (tabs as readonly string[]).includes(tab) ? tab : 'steps'
  return (
    <Page
      wide
      title={journey.name}
      back={{ to: '/journeys', label: t('title') }}
      badge={
        <Group gap={6} role="status">
          <Badge color={statusColors[status]}>{t(`statuses.${status}`)}</Badge>
          {live_version !== null && !archived && (
            <Badge color="gray">{t('badge.live', { version: live_version })}</Badge>
          )}
          {unpublished && !archived && <Badge color="blue">{t('badge.draft', { version })}</Badge>}
        </Group>
      }
      actions={
        !archived && (
          <>
            {may && (
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon variant="default" size={34} aria-label={t('do.menu', { name: journey.name })}>
                    <IconDots size={16} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item
                    color="var(--mantine-color-error)"
                    leftSection={<IconArchive size={16} />}
                    onClick={() => void actions.archive()}
                  >
                    {t('do.archive')}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
            {status === 'live' && (
              <Button
                variant="default"
                leftSection={<IconPlayerPause size={16} aria-hidden />}
                onClick={() => void actions.pause()}
              >
                {t('do.pause')}
              </Button>
            )}
            {status === 'paused' && (
              <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => void actions.resume()}>
                {t('do.resume')}
              </Button>
            )}
            {may && (
              <Button
                variant={unpublished ? 'filled' : 'default'}
                leftSection={<IconRocket size={16} aria-hidden />}
                onClick={() => void actions.publish()}
              >
                {unpublished ? t('do.publishVersion', { version }) : t('do.publish')}
              </Button>
            )}
          </>
        )
      }
    >
      {archived && <Alert color="gray">{t('archivedNote')}</Alert>}
      {status === 'paused' && (
        <Alert color="yellow">
          {t('pausedNote')} {figures.status_reason && t('pausedWhy', { reason: figures.status_reason })}
        </Alert>
      )}
      {live.problem && !live.data && <Failed error={live.problem} />}
      <Totals counts={figures.counts.total} />
      <Tabs
        value={shown}
        keepMounted={false}
        onChange={(v) =>
          void navigate({
            search: (s) => ({
              ...s,
              tab: v === 'steps' ? undefined : (v as JourneySearch['tab']),
              version: undefined,
              why: undefined,
            }),
          })
        }
      >
        <Tabs.List mb="sm">
          {tabs.map((v) => (
            <Tabs.Tab key={v} value={v}>
              {t(`tabs.${v}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="steps">
          {may ? <Steps journey={journey} figures={figures} /> : <StepCounts figures={figures} />}
        </Tabs.Panel>
        <Tabs.Panel value="definition">
          <DefinitionTab journey={journey} archived={archived} />
        </Tabs.Panel>
        <Tabs.Panel value="machine">
          <MachineTab journey={journey} />
        </Tabs.Panel>
        <Tabs.Panel value="enrolments">
          <EnrolmentsTab id={journey.id} draft={live_version === null} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <VersionsTab journey={journey} figures={figures} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Totals({ counts }: { counts: Schemas['JourneyCounts'] }) {
  const t = useWords(words)
  const f = useFormat()
  return (
    <Figures>
      <Figure label={t('columns.enrolled')} value={f.number(counts.enrolled)} formula={t('formula.enrolled')} />
      <Figure label={t('columns.underway')} value={f.number(underWay(counts))} formula={t('formula.underway')} />
      <Figure label={t('columns.waiting')} value={f.number(counts.waiting)} formula={t('formula.waiting')} />
      <Figure label={t('columns.finished')} value={f.number(counts.finished)} formula={t('formula.finished')} />
      <Figure label={t('columns.exited')} value={f.number(counts.exited)} formula={t('formula.exited')} />
      {counts.pending > 0 && (
        <Figure label={t('figures.pending')} value={f.number(counts.pending)} formula={t('formula.pending')} />
      )}
      {counts.dropped > 0 && (
        <Figure label={t('figures.dropped')} value={f.number(counts.dropped)} formula={t('formula.dropped')} />
      )}
    </Figures>
  )
}

interface PartProps {
  journey: Schemas['JourneyDetail']
  figures: Schemas['JourneyFigures']
}

function Steps({ journey, figures }: PartProps) {
  const t = useWords(words)
  const f = useFormat()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/journeys/$id' })
  const view = useView(search.view)
  const version = search.version ?? figures.live_version ?? figures.version
  const query = $api.useQuery('get', '/api/v1/journeys/{id}', {
    params: { path: { id: journey.id }, query: { version } },
  })
  const names = useNames()
  const counts = useMemo(() => liveFigures(figures), [figures])
  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-end">
        <Select
          size="xs"
          className={classes.version}
          label={t('view.version')}
          value={String(version)}
          onChange={(v) => void navigate({ search: (s) => ({ ...s, version: Number(v) }), replace: true })}
          data={(journey.versions ?? []).map((v) => ({
            value: String(v.version),
            label:
              v.version === figures.live_version ? t('view.versionLive', { version: v.version }) : f.number(v.version),
          }))}
        />
        <ViewChoice
          view={view}
          onChange={(v) => void navigate({ search: (s) => ({ ...s, view: v }), replace: true })}
        />
        {(journey.versions ?? []).length > 1 && (
          <Text size="xs" c="dimmed">
            {t('view.countsAll')}
          </Text>
        )}
      </Group>
      <Loaded query={query}>
        {(shown) => {
          const definition = definitionOf(shown)
          return (
            definition && (
              <StepsView view={view} definition={definition} names={names} figures={counts} journey={journey.id} />
            )
          )
        }}
      </Loaded>
    </Stack>
  )
}

/** For operations, who are not given the definition: what there is at each step. */
function StepCounts({ figures }: { figures: Schemas['JourneyFigures'] }) {
  const t = useWords(words)
  const steps = [...new Set([...Object.keys(figures.counts.steps), ...Object.keys(figures.mails)])]
  const chips = liveFigures(figures)
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t(steps.length ? 'view.opsNote' : 'view.opsEmpty')}
      </Text>
      {steps.length > 0 && (
        <Table aria-label={t('view.list_label')}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('view.step')}</Table.Th>
              <Table.Th>{t('enrolments.status')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {steps.map((id) => (
              <Table.Tr key={id}>
                <Table.Td ff="monospace">{id}</Table.Td>
                <Table.Td>
                  <Chips chips={chips.step({ id, type: figures.mails[id] ? 'send' : 'branch' })} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  )
}
