import { Alert, Button, Group, SegmentedControl, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { IconHistory, IconPlayerPlay } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState, type FormEvent } from 'react'

import { $api, type Schemas } from '~/api/client'
import { Problem } from '~/api/problem'
import { Figure, Figures } from '~/components/Figure'
import { Section } from '~/components/Page'
import { Empty, Failed, Loaded, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { addDays, bars, dayOf, perDay } from './days'
import { definitionOf, type Definition } from './definition'
import { Sentences } from './EnrolmentsTab'
import { simulatedFigures } from './figures'
import { graphOf, trailOf } from './graph'
import { useNames } from './names'
import { reasonInWords } from './say'
import { StepsView, useView, ViewChoice, type View } from './StepsView'
import { words } from './words'

const DayChart = lazy(() => import('./DayChart'))

/** Replays history through a version, and draws what would have come of it. */
export function MachineTab({ journey }: { journey: Schemas['JourneyDetail'] }) {
  const t = useWords(words)
  const today = dayOf(new Date())
  const [from, setFrom] = useState(() => addDays(today, -90))
  const [to, setTo] = useState(today)
  const [version, setVersion] = useState(String(journey.version))
  const [contact, setContact] = useState('')
  const run = $api.useMutation('post', '/api/v1/journeys/{id}/simulate')
  const wrong = from && to && from > to ? t('machine.order') : undefined
  const segment = definitionOf(journey)?.trigger.type === 'segment' && version === String(journey.version)
  const start = (e: FormEvent) => {
    e.preventDefault()
    if (wrong || !from || !to) return
    run.mutate({
      params: { path: { id: journey.id } },
      body: {
        from: `${from}T00:00:00Z`,
        to: `${addDays(to, 1)}T00:00:00Z`,
        version: Number(version),
        contact_external_id: contact.trim() || undefined,
        list_mails: 0,
      },
    })
  }
  const problem = run.error as unknown
  const said = problem instanceof Problem ? problem.fields : {}
  const unknown = problem instanceof Problem && problem.status === 404
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed" maw={760}>
        {t('machine.lead')}
      </Text>
      {segment && <Alert color="yellow">{t('machine.segment')}</Alert>}
      <form onSubmit={start} noValidate>
        <Group gap="sm" align="flex-start">
          <TextInput
            type="date"
            label={t('machine.from')}
            description={'\u00a0'}
            value={from}
            max={to || undefined}
            error={said.from}
            onChange={(e) => setFrom(e.currentTarget.value)}
          />
          <TextInput
            type="date"
            label={t('machine.to')}
            description={t('machine.toHint')}
            value={to}
            error={wrong ?? said.to}
            onChange={(e) => setTo(e.currentTarget.value)}
          />
          <Select
            label={t('machine.version')}
            description={'\u00a0'}
            w={110}
            value={version}
            onChange={(v) => v && setVersion(v)}
            data={(journey.versions ?? []).map((v) => String(v.version))}
          />
          <TextInput
            label={t('machine.contact')}
            description={t('machine.contactHint')}
            value={contact}
            maxLength={200}
            error={unknown ? t('why.unknown') : undefined}
            onChange={(e) => setContact(e.currentTarget.value)}
          />
          <Button
            type="submit"
            mt={{ base: 0, sm: 43 }}
            loading={run.isPending}
            leftSection={<IconPlayerPlay size={16} aria-hidden />}
          >
            {t('machine.run')}
          </Button>
        </Group>
      </form>
      <div role="status">{run.isPending && <Text size="sm">{t('machine.running')}</Text>}</div>
      {run.isError && !unknown && <Failed error={problem} />}
      {run.data && !run.isPending ? (
        <Result
          id={journey.id}
          told={run.data}
          version={run.variables.body.version!}
          contact={run.variables.body.contact_external_id}
        />
      ) : (
        !run.isPending &&
        !run.isError && (
          <Empty icon={IconHistory} title={t('tabs.machine')}>
            {t('machine.begin')}
          </Empty>
        )
      )}
      <Alert color="gray" title={t('machine.limits')}>
        {t('machine.limitsText')}
      </Alert>
    </Stack>
  )
}

interface ResultProps {
  id: number
  told: Schemas['Simulated']
  version: number
  contact?: string
}

function Result({ id, told, version, contact }: ResultProps) {
  const t = useWords(words)
  const f = useFormat()
  const query = $api.useQuery('get', '/api/v1/journeys/{id}', { params: { path: { id }, query: { version } } })
  const last = addDays(told.to.slice(0, 10), -1)
  const skipped = Object.entries(told.skipped)
  const reasons = Object.entries(told.reasons).sort(([, a], [, b]) => b - a)
  return (
    <Stack gap="md" aria-live="polite">
      <Text size="sm" fw={600}>
        {t('machine.result', {
          from: f.date(`${told.from.slice(0, 10)}T12:00:00Z`),
          to: f.date(`${last}T12:00:00Z`),
          version,
        })}
      </Text>
      <Figures>
        <Figure label={t('machine.contacts')} value={f.number(told.contacts)} formula={t('machine.contactsFormula')} />
        <Figure label={t('machine.enrolled')} value={f.number(told.enrolled)} formula={t('machine.enrolledFormula')} />
        <Figure label={t('machine.dropped')} value={f.number(told.dropped)} formula={t('machine.droppedFormula')} />
        <Figure label={t('machine.mails')} value={f.number(told.mails)} formula={t('machine.mailsFormula')} />
        <Figure
          label={t('machine.skipped')}
          value={f.number(skipped.reduce((sum, [, n]) => sum + n, 0))}
          formula={
            skipped.length
              ? t('machine.skippedFormula', {
                  reasons: skipped.map(([code, n]) => `${reasonInWords(t, code)} ${f.number(n)}`).join(' + '),
                })
              : t('machine.skippedNone')
          }
        />
        <Figure
          label={t('machine.busiest')}
          formula={t('machine.busiestFormula')}
          value={told.busiest_hour ? f.dateTime(told.busiest_hour.at) : t('machine.noMail')}
          note={told.busiest_hour && t('machine.busiestNote', { n: f.number(told.busiest_hour.mails) })}
        />
      </Figures>
      <Loaded query={query}>
        {(shown) => {
          const definition = definitionOf(shown)
          return definition && <Drawn definition={definition} told={told} />
        }}
      </Loaded>
      {contact && (
        <Section title={t('machine.path', { contact })}>
          {told.path?.length ? (
            <Sentences
              list={told.path.map((m) => ({
                at: m.at,
                text: [m.step && `step "${m.step}"`, m.what].filter(Boolean).join(', ') + (m.why ? `: ${m.why}` : ''),
              }))}
            />
          ) : (
            <Text size="sm">{t('machine.pathNone', { contact })}</Text>
          )}
        </Section>
      )}
      <PerDay told={told} last={last} />
      {reasons.length > 0 && (
        <Section title={t('machine.reasons')}>
          <Table aria-label={t('machine.reasons')} withTableBorder maw={520}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('machine.reason')}</Table.Th>
                <Table.Th ta="right">{t('machine.count')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {reasons.map(([code, n]) => (
                <Table.Tr key={code}>
                  <Table.Td>{reasonInWords(t, code)}</Table.Td>
                  <Table.Td ta="right">{f.number(n)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Section>
      )}
    </Stack>
  )
}

function Drawn({ definition, told }: { definition: Definition; told: Schemas['Simulated'] }) {
  const t = useWords(words)
  const [chosen, setChosen] = useState<View>()
  const view = useView(chosen)
  const names = useNames()
  const figures = useMemo(() => simulatedFigures(told), [told])
  const trail = useMemo(
    () => (told.path?.length ? trailOf(graphOf(definition), told.path) : undefined),
    [definition, told],
  )
  return (
    <Section title={t('machine.stepsTitle')} actions={<ViewChoice view={view} onChange={setChosen} />}>
      <StepsView view={view} definition={definition} names={names} figures={figures} trail={trail} />
    </Section>
  )
}

function PerDay({ told, last }: { told: Schemas['Simulated']; last: string }) {
  const t = useWords(words)
  const f = useFormat()
  const [as, setAs] = useState<'chart' | 'table'>('chart')
  const days = useMemo(() => perDay(told.per_day, told.from.slice(0, 10), last), [told, last])
  const drawn = useMemo(() => bars(days, 120), [days])
  if (told.mails === 0) return null
  return (
    <Section
      title={t('machine.perDay')}
      lead={t('machine.perDayLead')}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={t('machine.showAs')}
          value={as}
          onChange={(v) => setAs(v as 'chart')}
          data={(['chart', 'table'] as const).map((value) => ({ value, label: t(`machine.${value}`) }))}
        />
      }
    >
      {as === 'chart' ? (
        <Suspense fallback={<Loading lines={4} />}>
          <DayChart days={drawn} />
        </Suspense>
      ) : (
        <Table.ScrollContainer minWidth={240} type="native" mah={360}>
          <Table aria-label={t('machine.perDay')} withTableBorder stickyHeader maw={520}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('machine.day')}</Table.Th>
                <Table.Th ta="right">{t('machine.mailsOn')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {days
                .filter((d) => d.mails > 0)
                .map((d) => (
                  <Table.Tr key={d.day}>
                    <Table.Td>{d.day}</Table.Td>
                    <Table.Td ta="right">{f.number(d.mails)}</Table.Td>
                  </Table.Tr>
                ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  )
}
