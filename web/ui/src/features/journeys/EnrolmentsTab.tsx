import { Alert, Anchor, Badge, Button, Drawer, Group, Select, Stack, Text, Title } from '@mantine/core'
import { IconHelpCircle, IconUsers } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import { $api, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { Problem } from '~/api/problem'
import { List } from '~/components/List'
import { SearchInput } from '~/components/SearchInput'
import { Empty, Loaded } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import type { EnrolmentStatus, JourneySearch } from './routes'
import { reasonInWords } from './say'
import { words } from './words'

const route = getRouteApi('/shell/journeys/$id')

const colors: Record<EnrolmentStatus, string> = {
  pending: 'gray',
  active: 'indigo',
  waiting: 'indigo',
  finished: 'teal',
  exited: 'yellow',
  dropped: 'gray',
}

export function EnrolmentsTab({ id, draft }: { id: number; draft: boolean }) {
  const t = useWords(words)
  const { status, step, contact, why } = route.useSearch()
  const navigate = useNavigate({ from: '/journeys/$id' })
  const set = (change: Partial<JourneySearch>) => void navigate({ search: (s) => ({ ...s, ...change }), replace: true })
  const list = useList(
    '/api/v1/journeys/{id}/enrolments',
    { path: { id }, query: { status, step, contact } },
    { refetchInterval: 10_000 },
  )
  const ask = (who: string) => (
    <Button
      size="compact-xs"
      variant="subtle"
      leftSection={<IconHelpCircle size={14} aria-hidden />}
      aria-label={t('enrolments.whyOf', { contact: who })}
      onClick={() => set({ why: who })}
    >
      {t('enrolments.why')}
    </Button>
  )
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <SearchInput
          label={t('enrolments.search')}
          value={contact ?? ''}
          maxLength={200}
          onSearch={(text) => set({ contact: text || undefined })}
        />
        <Select
          aria-label={t('enrolments.status')}
          value={status ?? ''}
          onChange={(v) => set({ status: (v || undefined) as EnrolmentStatus | undefined })}
          data={[
            { value: '', label: t('enrolments.any') },
            ...(Object.keys(colors) as EnrolmentStatus[]).map((value) => ({
              value,
              label: t(`enrolments.statuses.${value}`),
            })),
          ]}
        />
        {step && (
          <Badge color="indigo" size="lg">
            {t('enrolments.stepFilter', { step })}
          </Badge>
        )}
        {step && (
          <Button size="compact-sm" variant="subtle" onClick={() => set({ step: undefined })}>
            {t('enrolments.clearStep')}
          </Button>
        )}
      </Group>
      <List<Schemas['JourneyEnrolment']>
        label={t('tabs.enrolments')}
        list={list}
        id={(e) => e.id}
        filtered={!!status || !!step || !!contact}
        minWidth={860}
        empty={
          <Empty icon={IconUsers} title={t('enrolments.empty')}>
            {t(draft ? 'enrolments.emptyDraft' : 'enrolments.emptyText')}
          </Empty>
        }
        nothing={
          <Empty
            icon={IconUsers}
            title={t('enrolments.nothing')}
            action={
              contact && (
                <Button variant="default" onClick={() => set({ why: contact })}>
                  {t('enrolments.whyNot', { contact })}
                </Button>
              )
            }
          >
            {contact && t('enrolments.nothingText')}
          </Empty>
        }
        columns={[
          {
            accessor: 'contact_external_id',
            title: t('enrolments.contact'),
            render: (e) => (
              <Anchor component={Link} to={`/contacts/${encodeURIComponent(e.contact_external_id)}`} size="sm">
                {e.contact_external_id}
              </Anchor>
            ),
          },
          {
            accessor: 'status',
            title: t('enrolments.status'),
            render: (e) => (
              <div>
                <Badge color={colors[e.status as EnrolmentStatus]}>
                  {t(`enrolments.statuses.${e.status as EnrolmentStatus}`)}
                </Badge>
                {e.reason && (
                  <Text size="xs" c="dimmed" mt={2}>
                    {reasonInWords(t, e.reason)}
                  </Text>
                )}
              </div>
            ),
          },
          {
            accessor: 'position',
            title: t('enrolments.position'),
            render: (e) =>
              e.position ? (
                <Text size="sm" ff="monospace">
                  {e.position}
                </Text>
              ) : (
                t('enrolments.before')
              ),
          },
          { accessor: 'since', title: t('enrolments.since'), render: (e) => <Time at={e.since} relative /> },
          {
            accessor: 'due_at',
            title: t('enrolments.due'),
            render: (e) => (e.due_at ? <Time at={e.due_at} relative /> : '–'),
          },
          { accessor: 'version', title: t('enrolments.version'), textAlign: 'right', width: 90 },
          { accessor: 'why', title: t('enrolments.why'), width: 110, render: (e) => ask(e.contact_external_id) },
        ]}
      />
      {why && <Why id={id} contact={why} onClose={() => set({ why: undefined })} />}
    </Stack>
  )
}

/** What was decided about one contact, a sentence each. */
function Why({ id, contact, onClose }: { id: number; contact: string; onClose: () => void }) {
  const t = useWords(words)
  const c = useWords(common)
  const f = useFormat()
  const query = $api.useQuery('get', '/api/v1/journeys/{id}/explain', {
    params: { path: { id }, query: { contact } },
  })
  const unknown = query.error instanceof Problem && query.error.status === 404
  return (
    <Drawer
      opened
      position="right"
      size="lg"
      onClose={onClose}
      title={t('why.title', { contact })}
      closeButtonProps={{ 'aria-label': c('close') }}
    >
      {unknown ? (
        <Alert color="yellow">{t('why.unknown')}</Alert>
      ) : (
        <Loaded query={query}>
          {(told) => (
            <Stack gap="md">
              <Anchor component={Link} to={`/contacts/${encodeURIComponent(contact)}`} size="sm">
                {t('why.page')}
              </Anchor>
              {told.why_not && (
                <section>
                  <Title order={3}>{t('why.never')}</Title>
                  <Text size="sm" lang="en">
                    {told.why_not}
                  </Text>
                </section>
              )}
              {(told.enrolments ?? []).map((e) => (
                <section key={e.id}>
                  <Group gap="xs" mb={4}>
                    <Title order={3}>
                      {t('why.enrolment', {
                        what: e.order_id
                          ? t('why.order', { id: e.order_id })
                          : t('why.at', { time: f.dateTime(e.trigger_at) }),
                        version: e.version,
                      })}
                    </Title>
                    <Badge color={colors[e.status as EnrolmentStatus]}>
                      {t(`enrolments.statuses.${e.status as EnrolmentStatus}`)}
                    </Badge>
                  </Group>
                  <Sentences list={e.sentences ?? []} />
                </section>
              ))}
              {!!told.left_out?.length && (
                <section>
                  <Title order={3}>{t('why.leftOut')}</Title>
                  <Sentences list={told.left_out} />
                </section>
              )}
            </Stack>
          )}
        </Loaded>
      )}
    </Drawer>
  )
}

/** Sentences with their times. The server tells them in English. */
export function Sentences({ list }: { list: { at: string; text: string }[] }) {
  return (
    <Stack component="ol" gap={6} m={0} pl={18}>
      {list.map((s, i) => (
        <li key={i}>
          <Text size="sm" lang="en">
            {s.text}
          </Text>
          <Text size="xs" c="dimmed" component="div">
            <Time at={s.at} />
          </Text>
        </li>
      ))}
    </Stack>
  )
}
