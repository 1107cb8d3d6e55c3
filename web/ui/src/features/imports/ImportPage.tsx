import { Alert, Anchor, Button, Group, Progress, Stack, Table, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconCheck, IconDownload, IconRefresh, IconUpload, IconX } from '@tabler/icons-react'
import { Link, useParams } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { $api, client, queryClient, refresh } from '~/api/client'
import { useLive } from '~/api/live'
import { notifyProblem, Problem } from '~/api/problem'
import { NotFound } from '~/app/errors'
import { useConfirm } from '~/components/confirm-context'
import { Explained, Figure, Figures } from '~/components/Figure'
import { Page, Section } from '~/components/Page'
import { Loaded } from '~/components/states'
import { Time, useNow } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'
import { sentence } from '~/i18n/sentence'

import { choiceLabel, fieldLabel } from './fields'
import { importKey } from './importKey'
import classes from './imports.module.css'
import { fromOptions } from './mapping'
import { fileReason, reasonWords, rowReason } from './reasons'
import { counts, isOpen, phase, resultLink, share, type Import } from './state'
import { StateBadge } from './StateBadge'
import { words } from './words'

/** One import: how far it is, or what came of it. */
export function ImportPage() {
  const { id } = useParams({ from: '/shell/imports/$id' })
  return <Shown key={id} id={Number(id)} />
}

function Shown({ id }: { id: number }) {
  const known = Number.isSafeInteger(id) && id > 0
  const query = $api.useQuery('get', '/api/v1/imports/{id}', { params: { path: { id } } }, { enabled: known })
  const open = query.data !== undefined && isOpen(query.data.state)
  const live = useLive('/api/v1/imports/{id}/live', { path: { id } }, { enabled: open })
  const told = live.data
  useEffect(() => {
    if (!told) return
    queryClient.setQueryData(importKey(id), told)
    // What it wrote is shown elsewhere, too.
    if (!isOpen(told.state)) void refresh('/api/v1/imports', '/api/v1/contacts', '/api/v1/products', '/api/v1/topics')
  }, [id, told])
  if (!known || (query.error instanceof Problem && query.error.status === 404)) return <NotFound />
  return <Loaded query={query}>{(data: Import) => <Details of={data} />}</Loaded>
}

function Details({ of: i }: { of: Import }) {
  const t = useWords(words)
  const f = useFormat()
  const took = i.started_at && i.finished_at && (Date.parse(i.finished_at) - Date.parse(i.started_at)) / 1000
  return (
    <Page
      title={t(`ofKind.${i.kind}`)}
      badge={<StateBadge state={i.state} />}
      back={{ to: '/imports', label: t('title') }}
      lead={
        <span className={classes.wrap}>
          {i.file_name || t('noName')}
          {i.size > 0 && <> · {f.bytes(i.size)}</>}
          {i.created_by && <> · {t('by', { name: i.created_by })}</>} · <Time at={i.created_at} relative />
          {took ? <> · {t('took', { time: f.duration(took) })}</> : null}
        </span>
      }
      actions={<Actions of={i} />}
    >
      <Standing of={i} />
      {i.state === 'running' && <Moving of={i} />}
      {(i.started_at !== null || i.rows > 0) && <Counted of={i} />}
      {i.state === 'done' && i.rejected > 0 && <Rejected of={i} />}
      <Setup of={i} />
    </Page>
  )
}

/** In a sentence, where it is and what can be done. Who listens hears it when it changes. */
function Standing({ of: i }: { of: Import }) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const f = useFormat()
  const at = phase(i)
  const what = f.list(counts(i).map(({ of, count }) => t(`result.${of}`, { count })))
  const waited = useNow(i.state === 'waiting' ? 5000 : 0).getTime() - Date.parse(i.created_at)
  const ended = i.state === 'failed' || i.state === 'cancelled'
  const color = {
    failed: 'red',
    none: 'orange',
    some: 'orange',
    empty: 'orange',
    cancelled: 'gray',
    all: 'teal',
    same: 'teal',
  }[at as string]
  return (
    <div aria-live="polite">
      {color === undefined ? (
        <>
          <Text size="sm">{t(`phases.${at}`)}</Text>
          {at !== 'uploading' && (
            <Text size="xs" c="dimmed">
              {at === 'waiting' && waited > 20_000 ? t('waitingLong') : t('goesOn')}
            </Text>
          )}
        </>
      ) : (
        <Alert
          color={color}
          title={t(`phases.${at}`)}
          icon={
            color === 'teal' ? (
              <IconCheck aria-hidden />
            ) : color === 'gray' ? undefined : (
              <IconAlertTriangle aria-hidden />
            )
          }
        >
          <Stack gap={6} align="flex-start">
            {i.state === 'failed' && (
              <Text size="sm" className={classes.wrap}>
                {sentence(fileReason(r, i.reason, (field) => fieldLabel(t, i.kind, field)))}
              </Text>
            )}
            {i.state === 'done' && what && <Text size="sm">{t('done', { kind: t(`kinds.${i.kind}`), what })}</Text>}
            {ended && <Text size="sm">{what ? t('stays', { what }) : t('staysNone')}</Text>}
            {ended && (
              <Text size="sm">
                {i.retryable && i.expires_at ? t('retry.text', { at: f.dateTime(i.expires_at) }) : t('retry.gone')}{' '}
                {i.state === 'failed' && i.retryable && t('retry.mend')}
              </Text>
            )}
            {i.state === 'done' && at !== 'none' && at !== 'empty' && (
              <Group gap="md">
                <Anchor component={Link} underline="always" to={resultLink(i)} size="sm" fw={500}>
                  {t(`show.${i.kind}`)}
                </Anchor>
                {i.kind === 'contacts' && (
                  <Anchor component={Link} underline="always" to={'/segments' as string} size="sm">
                    {t('segment')}
                  </Anchor>
                )}
              </Group>
            )}
          </Stack>
        </Alert>
      )}
    </div>
  )
}

function Moving({ of: i }: { of: Import }) {
  const t = useWords(words)
  const f = useFormat()
  const way = share(i)
  const reading = phase(i) === 'reading'
  return (
    <Stack gap={6} maw={720}>
      <Progress.Root>
        <Progress.Section
          value={(way ?? 1) * 100}
          aria-label={t('progress')}
          aria-valuetext={t(`phases.${reading ? 'reading' : 'writing'}`)}
          striped={way === undefined}
          animated={way === undefined}
          color={reading ? 'indigo' : 'teal'}
        />
      </Progress.Root>
      <Text size="xs" c="dimmed" component="div">
        {reading ? (
          t('readShare', { percent: f.percent(way ?? 0), size: f.bytes(i.size) })
        ) : i.kind === 'orders' ? (
          t('writtenOrders', { n: f.number(i.settled) })
        ) : (
          <Explained formula={t('atMost')}>
            {t('written', { n: f.number(i.settled), all: f.number(i.rows - i.rejected) })}
          </Explained>
        )}
      </Text>
    </Stack>
  )
}

function Counted({ of: i }: { of: Import }) {
  const t = useWords(words)
  const f = useFormat()
  return (
    <Figures>
      <Figure label={t('figures.rows')} value={f.number(i.rows)} formula={t('figures.rowsFormula')} />
      <Figure
        label={t('figures.created')}
        value={f.number(i.created)}
        formula={t(`figures.createdFormula.${i.kind}`)}
      />
      <Figure label={t('figures.updated')} value={f.number(i.updated)} formula={t('figures.updatedFormula')} />
      {i.state === 'done' && (
        <Figure label={t('figures.unchanged')} value={f.number(i.unchanged)} formula={t('figures.unchangedFormula')} />
      )}
      <Figure
        label={t('figures.rejected')}
        value={f.number(i.rejected)}
        formula={t('figures.rejectedFormula')}
        color={i.rejected > 0 ? 'var(--mantine-color-error)' : undefined}
      />
    </Figures>
  )
}

function Actions({ of: i }: { of: Import }) {
  const t = useWords(words)
  const f = useFormat()
  const confirm = useConfirm()
  const [busy, setBusy] = useState(false)
  const params = { params: { path: { id: i.id } } }
  const took = (data: Import | undefined, message: string) => {
    queryClient.setQueryData(importKey(i.id), data)
    void refresh('/api/v1/imports')
    notifications.show({ message })
  }
  const what = f.list(counts({ ...i, unchanged: 0 }).map(({ of, count }) => t(`result.${of}`, { count })))
  const cancel = () =>
    confirm({
      title: t('cancel.title'),
      children: what ? t('cancel.text', { what }) : t('cancel.textNone'),
      confirm: t('cancel.confirm'),
      dismiss: t('cancel.keep'),
      danger: true,
      action: async () => took((await client.POST('/api/v1/imports/{id}/cancel', params)).data, t('cancel.done')),
    })
  const retry = async () => {
    setBusy(true)
    try {
      took((await client.POST('/api/v1/imports/{id}/retry', params)).data, t('retry.done'))
    } catch (error) {
      notifyProblem(error)
      void refresh('/api/v1/imports')
    } finally {
      setBusy(false)
    }
  }
  if (i.state === 'waiting' || i.state === 'running')
    return (
      <Button variant="light" color="red" leftSection={<IconX size={16} aria-hidden />} onClick={() => void cancel()}>
        {t('cancel.button')}
      </Button>
    )
  if (i.state === 'uploading') return null
  return (
    <>
      <Button
        component={Link}
        to={`/imports/new?kind=${i.kind}`}
        variant={i.retryable || i.state === 'done' ? 'default' : 'filled'}
        leftSection={<IconUpload size={16} aria-hidden />}
      >
        {t('another')}
      </Button>
      {i.retryable && (
        <Button loading={busy} leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => void retry()}>
          {t('retry.button')}
        </Button>
      )}
    </>
  )
}

function Rejected({ of: i }: { of: Import }) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const f = useFormat()
  const rejects = i.rejects ?? []
  return (
    <Section
      title={t('rejects.title')}
      actions={
        i.has_rejects && (
          <Button
            component="a"
            href={`/api/v1/imports/${i.id}/rejects`}
            download
            leftSection={<IconDownload size={16} aria-hidden />}
          >
            {t('rejects.download')}
          </Button>
        )
      }
      lead={
        i.has_rejects ? (
          <>
            {t('rejects.how')} {i.expires_at && t('rejects.until', { at: f.dateTime(i.expires_at) })}{' '}
            <Anchor component={Link} underline="always" to={`/imports/new?kind=${i.kind}`} size="sm">
              {t('rejects.import')}
            </Anchor>
          </>
        ) : (
          t('rejects.gone')
        )
      }
    >
      {rejects.length > 0 && (
        <>
          <Table.ScrollContainer minWidth={420} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
            <Table aria-label={t('rejects.label')} withTableBorder verticalSpacing={6} className={classes.rejects}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th w={80}>{t('rejects.line')}</Table.Th>
                  <Table.Th w={200}>{t('rejects.field')}</Table.Th>
                  <Table.Th>{t('rejects.reason')}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rejects.map((x, n) => (
                  <Table.Tr key={n}>
                    <Table.Td>{f.number(x.line)}</Table.Td>
                    <Table.Td>
                      {x.field ? (
                        fieldLabel(t, i.kind, x.field)
                      ) : (
                        <Text span size="sm" c="dimmed">
                          {t('rejects.whole')}
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td className={classes.wrap}>{rowReason(r, x.reason)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {rejects.length < i.rejected && (
            <Text size="xs" c="dimmed">
              {t('rejects.first', { count: rejects.length, all: f.number(i.rejected) })}
            </Text>
          )}
        </>
      )}
    </Section>
  )
}

/** What the file was read by: for the day somebody asks. */
function Setup({ of: i }: { of: Import }) {
  const t = useWords(words)
  const chosen = fromOptions(i.options)
  return (
    <Section title={t('setup.title')}>
      <dl className={classes.facts}>
        {i.kind === 'contacts' && (
          <div>
            <dt>{t('setup.topic')}</dt>
            <dd>{i.options.topic || t('setup.noTopic')}</dd>
          </div>
        )}
        {i.kind === 'contacts' && i.options.source && (
          <div>
            <dt>{t('setup.source')}</dt>
            <dd>{i.options.source}</dd>
          </div>
        )}
        {chosen.map(([name, choice]) => (
          <div key={name}>
            <dt>{t('setup.quoted', { name })}</dt>
            <dd>{choiceLabel(t, i.kind, choice)}</dd>
          </div>
        ))}
        <div>
          <dt>{t('start.columns')}</dt>
          <dd>{t(chosen.length ? 'setup.rest' : 'setup.byName')}</dd>
        </div>
      </dl>
    </Section>
  )
}
