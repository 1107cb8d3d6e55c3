import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Group,
  Input,
  Menu,
  Modal,
  SegmentedControl,
  Stack,
  Tabs,
  Text,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { IconArchive, IconArchiveOff, IconCopy, IconDeviceFloppy, IconDots, IconTrash } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { $api, queryClient, refresh, type Schemas } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { CodeEditor, type CodeHandle } from '~/components/code/CodeEditor'
import type { Mark } from '~/components/code/place'
import { Page } from '~/components/Page'
import { Failed, Loaded } from '~/components/states'
import { UnsavedGuard } from '~/components/UnsavedGuard'
import { useWords, type Language } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { useTemplateActions } from './actions'
import { bodyOf, draftOf, forget, keep, kept, same, sourceOf, type Draft, type Kind } from './draft'
import { MailPreview } from './MailPreview'
import { PreviewAs, type As } from './PreviewAs'
import { previewWords } from './preview-words'
import { Problems, type Found } from './Problems'
import { codeLanguage, insertables } from './reference'
import classes from './TemplatePage.module.css'
import { Uses } from './Uses'
import { Variables } from './Variables'
import { Versions } from './Versions'
import { words } from './words'

const route = getRouteApi('/shell/templates/$id')

export function TemplatePage() {
  const id = Number(route.useParams().id) || 0
  const template = $api.useQuery('get', '/api/v1/templates/{id}', { params: { path: { id } } })
  return <Loaded query={template}>{(t) => <Editor key={t.id} template={t} />}</Loaded>
}

type Part = 'subject' | 'preheader' | 'body' | 'text'

function Editor({ template }: { template: Schemas['Template'] }) {
  const t = useWords(words)
  const { tab = 'edit' } = route.useSearch()
  const navigate = useNavigate({ from: '/templates/$id' })
  const actions = useTemplateActions()
  const { id } = template

  // What was begun with. A newer version of somebody else's takes its place unless there are changes.
  const [base, setBase] = useState(template)
  const [draft, setDraft] = useState(() => draftOf(template))
  const dirty = !same(draft, draftOf(base))
  if (base.version !== template.version && !dirty) {
    setBase(template)
    setDraft(draftOf(template))
  }
  const set = useCallback((change: Partial<Draft>) => setDraft((d) => ({ ...d, ...change })), [])
  const readOnly = template.archived_at !== null

  const [backup, setBackup] = useState(() => kept(id))
  useEffect(() => {
    if (!dirty) return
    const timer = setTimeout(() => keep(id, draft, base.version, new Date()), 1000)
    return () => clearTimeout(timer)
  }, [id, draft, dirty, base.version])
  const offered = backup && !dirty && !readOnly && !same(backup.draft, draftOf(base)) ? backup : undefined

  const [conflict, setConflict] = useState(false)
  const save = $api.useMutation('put', '/api/v1/templates/{id}')
  const check = useCheck(draft)
  const write = async (over: boolean) => {
    try {
      const saved = await save.mutateAsync({
        params: { path: { id } },
        body: { name: draft.name, ...sourceOf(draft), version: over ? undefined : base.version },
      })
      forget(id)
      setBackup(undefined)
      setConflict(false)
      setBase(saved)
      setDraft((d) => (same(d, draft) ? { ...draftOf(saved), html: d.html, mjml: d.mjml, text: d.text } : d))
      queryClient.setQueryData(
        $api.queryOptions('get', '/api/v1/templates/{id}', { params: { path: { id } } }).queryKey,
        saved,
      )
      void refresh('/api/v1/templates')
      notifications.show({ message: t('saved', { version: saved.version }) })
    } catch (error) {
      if (error instanceof Problem && error.status === 409 && error.state !== 'archived') setConflict(true)
      else notifyProblem(error)
    }
  }

  return (
    <Page
      wide
      title={draft.name.trim() || template.name}
      back={{ to: '/templates', label: t('title') }}
      badge={
        readOnly ? (
          <Badge color="gray">{t('archived')}</Badge>
        ) : dirty ? (
          <Badge color="yellow">{t('unsaved')}</Badge>
        ) : (
          <Badge color="gray" tt="none">
            {base.updated_by
              ? t('savedBy', { version: base.version, name: base.updated_by })
              : t('isSaved', { version: base.version })}
          </Badge>
        )
      }
      actions={
        <>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon variant="default" size={34} aria-label={t('menu.for', { name: template.name })}>
                <IconDots size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => void actions.duplicate(template)}>
                {t('menu.duplicate')}
              </Menu.Item>
              {readOnly ? (
                <Menu.Item leftSection={<IconArchiveOff size={16} />} onClick={() => void actions.unarchive(template)}>
                  {t('menu.unarchive')}
                </Menu.Item>
              ) : (
                <Menu.Item leftSection={<IconArchive size={16} />} onClick={() => void actions.archive(template)}>
                  {t('menu.archive')}
                </Menu.Item>
              )}
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} />}
                onClick={() =>
                  void actions.remove(template).then((done) => {
                    if (done) void navigate({ to: '/templates', ignoreBlocker: true })
                  })
                }
              >
                {t('menu.delete')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
          {!readOnly && (
            <Button
              leftSection={<IconDeviceFloppy size={16} aria-hidden />}
              disabled={!dirty}
              loading={save.isPending}
              onClick={() => {
                if (check.failed) notifications.show({ color: 'red', message: t('cannotSave') })
                else void write(false)
              }}
            >
              {t('save')}
            </Button>
          )}
        </>
      }
    >
      <UnsavedGuard when={dirty} onLeave={() => forget(id)} />
      {conflict && (
        <Conflict
          theirs={template.version}
          mine={base.version}
          busy={save.isPending}
          onLook={() => {
            setConflict(false)
            void refresh('/api/v1/templates')
            void navigate({ search: { tab: 'versions' } })
          }}
          onOver={() => void write(true)}
          onClose={() => setConflict(false)}
        />
      )}
      {readOnly && <Alert color="gray">{t('archivedNote')}</Alert>}
      {offered && (
        <Backup
          at={offered.at}
          onRestore={() => {
            setDraft(offered.draft)
            setBackup(undefined)
          }}
          onDiscard={() => {
            forget(id)
            setBackup(undefined)
          }}
        />
      )}
      <Tabs
        value={tab}
        onChange={(v) => void navigate({ search: { tab: v === 'edit' ? undefined : (v as 'versions') } })}
        keepMounted={false}
      >
        <Tabs.List mb="sm">
          {(['edit', 'versions', 'uses'] as const).map((v) => (
            <Tabs.Tab key={v} value={v}>
              {t(`tabs.${v}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="edit">
          <EditPanel draft={draft} set={set} readOnly={readOnly} check={check} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <Versions
            id={id}
            newest={template.version}
            draft={dirty ? draft : undefined}
            readOnly={readOnly}
            onRestored={() => {
              forget(id)
              setDraft(draftOf(base)) // no longer changed: the newest version takes its place
            }}
          />
        </Tabs.Panel>
        <Tabs.Panel value="uses">
          <Uses id={id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Backup({ at, onRestore, onDiscard }: { at: string; onRestore: () => void; onDiscard: () => void }) {
  const t = useWords(words)
  const f = useFormat()
  return (
    <Alert color="yellow" title={t('backup.title')} role="status">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('backup.text', { when: f.dateTime(at) })}</Text>
        <Group gap="xs">
          <Button size="xs" onClick={onRestore}>
            {t('backup.restore')}
          </Button>
          <Button size="xs" variant="default" onClick={onDiscard}>
            {t('backup.discard')}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}

interface ConflictProps {
  theirs: number
  mine: number
  busy: boolean
  onLook: () => void
  onOver: () => void
  onClose: () => void
}

function Conflict({ theirs, mine, busy, onLook, onOver, onClose }: ConflictProps) {
  const t = useWords(words)
  const c = useWords(common)
  return (
    <Modal opened onClose={onClose} title={t('conflict.title')} closeButtonProps={{ 'aria-label': c('close') }}>
      <Stack>
        <Text size="sm">{t('conflict.text', { theirs: Math.max(theirs, mine + 1), mine })}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" loading={busy} onClick={onOver}>
            {t('conflict.over')}
          </Button>
          <Button onClick={onLook} data-autofocus>
            {t('conflict.look')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

interface Check {
  as: As
  setAs: (as: As) => void
  /** Of what was written a moment ago; undefined: not yet. */
  problems: Schemas['TemplateProblem'][] | undefined
  failed: boolean
  checking: boolean
  /** The newest mail that could be made. */
  mail: Schemas['SourcePreview'] | undefined
  /** The newest could not. */
  stale: boolean
  error: unknown
}

/** Checks and shows what is being written, a moment after the last key. */
function useCheck(draft: Draft): Check {
  const [as, setAs] = useState<As>({ sample: 'full' })
  const [settled] = useDebouncedValue(draft, 350)
  const body = useMemo(() => ({ ...as, source: sourceOf(settled) }), [as, settled])
  const query = $api.useQuery(
    'post',
    '/api/v1/templates/preview',
    { body },
    { placeholderData: (before) => before, staleTime: Infinity, gcTime: 30_000, refetchOnWindowFocus: false },
  )
  const [mail, setMail] = useState<Schemas['SourcePreview']>()
  const told = query.data
  if (told?.ok && told !== mail) setMail(told)
  return {
    as,
    setAs,
    problems: told && (told.problems ?? []),
    failed: told !== undefined && !told.ok && !query.isPlaceholderData,
    checking: query.isFetching || settled !== draft,
    mail,
    stale: told !== undefined && !told.ok,
    error: query.isError && !query.isFetching ? query.error : undefined,
  }
}

interface EditProps {
  draft: Draft
  set: (change: Partial<Draft>) => void
  readOnly: boolean
  check: Check
}

function EditPanel({ draft, set, readOnly, check }: EditProps) {
  const t = useWords(words)
  const [shown, setShown] = useState<'body' | 'text'>('body')
  const [side, setSide] = useState<'preview' | 'variables'>('preview')
  const subject = useRef<HTMLInputElement>(null)
  const preheader = useRef<HTMLInputElement>(null)
  const code = useRef<CodeHandle>(null)
  const last = useRef<Part>('body')
  const reference = $api.useQuery('get', '/api/v1/templates/variables', {}, { staleTime: 300_000 })
  const language = document.documentElement.lang as Language
  const all = useMemo(
    () => (reference.data ? insertables(reference.data, language, t('variables.attribute')) : []),
    [reference.data, language, t],
  )
  const editing = draft.kind === 'text' ? 'text' : shown
  const part = editing === 'body' ? draft.kind : 'text'
  const syntax = useMemo(() => codeLanguage(all, part), [all, part])
  const problems = check.problems
  const marks = useMemo(() => problems?.filter((p) => p.part === part) as Mark[] | undefined, [problems, part])
  const inLine = (name: 'subject' | 'preheader') => {
    const p = problems?.find((p) => p.part === name && p.severity === 'error')
    return p && (p.column > 0 ? t('fields.at', { column: p.column, message: p.message }) : p.message)
  }

  const insert = (text: string) => {
    const input = last.current === 'subject' ? subject.current : last.current === 'preheader' ? preheader.current : null
    if (!input) return code.current?.insert(text)
    const [from, to] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length]
    const value = input.value.slice(0, from) + text + input.value.slice(to)
    set({ [last.current]: value })
    requestAnimationFrame(() => {
      input.focus()
      input.setSelectionRange(from + text.length, from + text.length)
    })
  }
  const show = (p: Schemas['TemplateProblem']) => {
    if (p.part === 'subject' || p.part === 'preheader') {
      const input = p.part === 'subject' ? subject.current : preheader.current
      input?.focus()
      if (p.column > 0) input?.setSelectionRange(p.column - 1, p.column - 1 + p.length)
      return
    }
    setShown(p.part === 'text' && draft.kind !== 'text' ? 'text' : 'body')
    // The editor of the other part is there after the next drawing.
    requestAnimationFrame(() => code.current?.show(p as Mark))
  }
  const found = problems?.map((p): Found => ({
    severity: p.severity as 'error',
    place:
      p.line > 0 && p.part !== 'subject' && p.part !== 'preheader'
        ? t('problems.place', { part: t(`problems.parts.${p.part as 'html'}`), line: p.line })
        : t(`problems.parts.${p.part as 'html'}`),
    message: p.message,
    onShow: p.part === 'text' && draft.kind !== 'text' && !draft.ownText ? undefined : () => show(p),
  }))
  return (
    <div className={classes.editor}>
      <Stack gap="xs" miw={0}>
        <Group gap="xs" align="flex-start" grow preventGrowOverflow={false}>
          <TextInput
            size="xs"
            label={t('fields.name')}
            value={draft.name}
            maxLength={200}
            readOnly={readOnly}
            onChange={(e) => set({ name: e.currentTarget.value })}
          />
          <Stack gap={0} align="flex-start">
            <Input.Label component="div" size="xs" id="kind-label">
              {t('fields.kind')}
            </Input.Label>
            <SegmentedControl
              size="xs"
              aria-labelledby="kind-label"
              readOnly={readOnly}
              value={draft.kind}
              onChange={(kind) => set({ kind: kind as Kind })}
              data={[
                { value: 'html', label: t('fields.html') },
                { value: 'mjml', label: t('fields.mjml') },
                { value: 'text', label: t('fields.textOnly') },
              ]}
            />
          </Stack>
        </Group>
        <TextInput
          size="xs"
          ref={subject}
          label={t('fields.subject')}
          value={draft.subject}
          readOnly={readOnly}
          error={inLine('subject')}
          onFocus={() => (last.current = 'subject')}
          onChange={(e) => set({ subject: e.currentTarget.value })}
          classNames={{ input: classes.mono }}
        />
        <TextInput
          size="xs"
          ref={preheader}
          label={t('fields.preheader')}
          description={t('fields.preheaderHint')}
          value={draft.preheader}
          readOnly={readOnly}
          error={inLine('preheader')}
          onFocus={() => (last.current = 'preheader')}
          onChange={(e) => set({ preheader: e.currentTarget.value })}
          classNames={{ input: classes.mono }}
        />
        {draft.kind !== 'text' && (
          <Group justify="space-between" gap="xs">
            <SegmentedControl
              size="xs"
              aria-label={t('fields.body')}
              value={shown}
              onChange={(v) => setShown(v as 'body')}
              data={[
                { value: 'body', label: t(`kinds.${draft.kind}`) },
                { value: 'text', label: t('fields.text') },
              ]}
            />
            {shown === 'text' && draft.ownText && !readOnly && (
              <Button size="compact-xs" variant="subtle" onClick={() => set({ ownText: false })}>
                {t('fields.dropText')}
              </Button>
            )}
          </Group>
        )}
        <div className={classes.code}>
          {editing === 'text' && draft.kind !== 'text' && !draft.ownText ? (
            <Stack gap="xs" align="flex-start">
              <Text size="sm" c="dimmed">
                {t('fields.textMade')}
              </Text>
              {!readOnly && (
                <Button
                  size="xs"
                  variant="default"
                  onClick={() =>
                    set({
                      ownText: true,
                      text: draft.text || t('fields.textStart', { unsubscribe_url: '{{ unsubscribe_url }}' }),
                    })
                  }
                >
                  {t('fields.writeText')}
                </Button>
              )}
            </Stack>
          ) : (
            <CodeEditor
              key={part}
              ref={code}
              label={editing === 'body' ? t(`kinds.${draft.kind}`) : t('fields.text')}
              value={editing === 'body' ? bodyOf(draft) : draft.text}
              onChange={(value) => set({ [part]: value })}
              onFocus={() => (last.current = 'body')}
              language={syntax}
              marks={marks}
              readOnly={readOnly}
            />
          )}
        </div>
        <Problems list={found} checking={check.checking} />
      </Stack>
      <section className={classes.side} aria-label={t('side.label')}>
        <SegmentedControl
          size="xs"
          aria-label={t('side.label')}
          value={side}
          onChange={(v) => setSide(v as 'preview')}
          data={(['preview', 'variables'] as const).map((value) => ({ value, label: t(`side.${value}`) }))}
        />
        <div className={classes.sideContent}>
          {side === 'preview' ? (
            <Shown draft={draft} check={check} />
          ) : (
            <Loaded query={reference}>{() => <Variables all={all} onInsert={insert} />}</Loaded>
          )}
        </div>
      </section>
    </div>
  )
}

function Shown({ draft, check }: { draft: Draft; check: Check }) {
  const t = useWords(previewWords)
  const source = `${draft.subject} ${draft.preheader} ${bodyOf(draft)} ${draft.text}`
  return (
    <Stack gap="xs" h="100%" mih={0}>
      <PreviewAs value={check.as} onChange={check.setAs} source={source} />
      {check.error !== undefined && <Failed error={check.error} />}
      {check.mail ? (
        <div style={{ flex: 1, minHeight: 0 }}>
          <MailPreview mail={check.mail} updating={check.checking} stale={check.stale && t('stale')} />
        </div>
      ) : (
        check.problems && (
          <Text size="sm" c="dimmed">
            {t('none')}
          </Text>
        )
      )}
    </Stack>
  )
}
