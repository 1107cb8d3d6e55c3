import { Badge, Button, Paper, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useBlocker, useNavigate, useParams } from '@tanstack/react-router'
import { useCallback, useRef, useState } from 'react'

import { $api, client, queryClient, refresh, type Schemas } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { Page, Section } from '~/components/Page'
import { Failed, Loaded, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { RuleBuilder, type RuleState } from './RuleBuilder'
import classes from './SegmentPage.module.css'
import { useRemove } from './useRemove'
import { Uses } from './Uses'
import { useLiveEstimate, Who } from './Who'
import { words } from './words'

type Segment = Schemas['Segment']
const path = '/api/v1/segments/{id}'
const everyone = { combinator: 'and', rules: [] }

export function NewSegmentPage() {
  return <Editor />
}

export function SegmentPage() {
  const t = useWords(words)
  const id = Number(useParams({ from: '/shell/segments/$id' }).id)
  // What is edited is what was there at the beginning: it must not change under the hands.
  const query = $api.useQuery(
    'get',
    path,
    { params: { path: { id } } },
    { refetchOnWindowFocus: false, refetchOnReconnect: false, gcTime: 0 },
  )
  if (query.data) return <Editor key={id} segment={query.data} />
  return (
    <Page title={t('list.name')} back={{ to: '/segments', label: t('list.title') }}>
      {query.error ? <Failed error={query.error} retry={() => void query.refetch()} /> : <Loading />}
    </Page>
  )
}

function Editor({ segment }: { segment?: Segment }) {
  const t = useWords(words)
  const say = useWords(common)
  const navigate = useNavigate()
  const confirm = useConfirm()
  const [remove, dialog] = useRemove()
  const [initial] = useState(() => segment?.rule ?? everyone)
  const [name, setName] = useState(segment?.name ?? '')
  const [state, setState] = useState<RuleState>()
  const [saved, setSaved] = useState<{ name: string; rule?: string }>({ name: segment?.name ?? '' })
  const [strict, setStrict] = useState(false)
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<{ name: string; rule: string; fields: Record<string, string> }>()
  const leaving = useRef(false)
  const nameInput = useRef<HTMLInputElement>(null)

  const json = state ? JSON.stringify(state.rule) : undefined
  // What the builder says first is the rule that was read.
  const rule = useCallback((next: RuleState) => {
    setState(next)
    setSaved((before) => (before.rule === undefined ? { ...before, rule: JSON.stringify(next.rule) } : before))
  }, [])
  const changed = name !== saved.name || json !== saved.rule
  const estimate = useLiveEstimate(state)

  useBlocker({
    shouldBlockFn: async () =>
      changed &&
      !leaving.current &&
      !(await confirm({
        title: say('unsaved.title'),
        children: <Text size="sm">{say('unsaved.text')}</Text>,
        confirm: say('leave'),
        danger: true,
        action: () => Promise.resolve(),
      })),
    enableBeforeUnload: () => changed && !leaving.current,
  })

  const estimated = estimate.error instanceof Problem ? estimate.error.fields : {}
  const errors = refused && refused.rule === json ? refused.fields : estimated
  const nameError =
    refused?.fields.name && refused.name === name
      ? refused.fields.name
      : strict && !name.trim() && t('page.nameMissing')

  const save = async () => {
    setStrict(true)
    if (!name.trim()) return nameInput.current?.focus()
    if (!state?.complete || json === undefined)
      return notifications.show({ color: 'red', message: t('page.incomplete') })
    setBusy(true)
    setRefused(undefined)
    try {
      const body = { name, rule: state.rule }
      if (segment) {
        const { data } = await client.PUT(path, { params: { path: { id: segment.id } }, body })
        setName(data!.name)
        setSaved({ name: data!.name, rule: json })
        setStrict(false)
        queryClient.setQueryData(['get', path, { params: { path: { id: segment.id } } }], data)
        notifications.show({ color: 'teal', message: say('saved') })
      } else {
        const { data } = await client.POST('/api/v1/segments', { body })
        leaving.current = true
        notifications.show({ color: 'teal', message: t('page.created') })
        await navigate({ to: '/segments/$id', params: { id: String(data!.id) }, replace: true })
      }
      void refresh('/api/v1/segments')
    } catch (e) {
      const fields = e instanceof Problem ? e.fields : {}
      if (Object.keys(fields).length === 0) notifyProblem(e)
      else {
        setRefused({ name, rule: json, fields })
        if (fields.name) nameInput.current?.focus()
        if (Object.keys(fields).some((f) => f.startsWith('rule')))
          notifications.show({ color: 'red', message: t('page.wrong') })
      }
    } finally {
      setBusy(false)
    }
  }

  return (
    <Page
      title={segment ? saved.name : t('page.newTitle')}
      badge={changed && segment ? <Badge color="yellow">{t('page.unsaved')}</Badge> : undefined}
      back={{ to: '/segments', label: t('list.title') }}
      wide
      actions={
        <>
          {segment && (
            <Button
              variant="default"
              onClick={() =>
                void remove(segment).then((done) => {
                  leaving.current = done
                  if (done) void navigate({ to: '/segments' })
                })
              }
            >
              {say('delete')}
            </Button>
          )}
          <Button loading={busy} disabled={!!segment && !changed} onClick={() => void save()}>
            {segment ? say('save') : t('page.create')}
          </Button>
        </>
      }
    >
      <div className={classes.columns}>
        <Stack gap="lg" miw={0}>
          <TextInput
            ref={nameInput}
            label={t('page.name')}
            maxLength={200}
            maw={480}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={nameError}
            required
          />
          <Section title={t('page.rule')} lead={t('page.ruleLead')}>
            <RuleBuilder initial={initial} onChange={rule} errors={errors} strict={strict} />
          </Section>
          {segment && <UsedBy id={segment.id} />}
        </Stack>
        <Who estimate={estimate} />
      </div>
      {dialog}
    </Page>
  )
}

function UsedBy({ id }: { id: number }) {
  const t = useWords(words)
  const uses = $api.useQuery('get', '/api/v1/segments/{id}/uses', { params: { path: { id } } })
  return (
    <Section title={t('uses.title')}>
      <Loaded query={uses} loading={<Loading lines={2} />}>
        {({ items }) =>
          items?.length ? (
            <Paper withBorder p="md">
              <Text size="sm" c="dimmed" mb="sm">
                {t('uses.change')}
              </Text>
              <Uses list={items} told />
            </Paper>
          ) : (
            <Text size="sm" c="dimmed">
              {t('uses.none')}
            </Text>
          )
        }
      </Loaded>
    </Section>
  )
}
