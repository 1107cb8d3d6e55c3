import { Alert, Button, Progress, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconUpload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { queryClient, refresh, tellSignedOut } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { upload } from '~/api/upload'
import { UnsavedGuard } from '~/components/UnsavedGuard'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { fieldLabel } from './fields'
import { importKey } from './importKey'
import classes from './imports.module.css'
import { consent, isNote, taken, type Mapping, type Preview } from './mapping'
import { fileReason, reasonWords } from './reasons'
import type { Kind } from './search'
import { BackButton, StepFrame } from './StepFrame'
import { why } from './usePreview'
import { words } from './words'

interface Props {
  kind: Kind
  file: File
  preview: Preview
  query: Mapping & { topic?: string; source?: string }
  onBack: () => void
}

/** What will be imported; then the file goes up, and the import has a page of its own. */
export function StartStep({ kind, file, preview, query, onBack }: Props) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const navigate = useNavigate()
  const [sent, setSent] = useState(0)
  const stop = useRef<AbortController>(undefined)
  useEffect(() => () => stop.current?.abort(), [])
  const send = useMutation({
    mutationFn: async () => {
      setSent(0)
      const { signal } = (stop.current = new AbortController())
      try {
        return await upload('/api/v1/imports', { kind, name: file.name.slice(-300), ...query }, file, {
          onProgress: (n) => setSent(Math.min(n, file.size)),
          signal,
        })
      } catch (error) {
        throw signal.aborted ? error : await why(error, file)
      }
    },
    onSuccess: (imp) => {
      queryClient.setQueryData(importKey(imp.id), imp)
      void refresh('/api/v1/imports')
      void navigate({ to: '/imports/$id', params: { id: String(imp.id) } as never, replace: true, ignoreBlocker: true })
    },
    onError: (error) => {
      tellSignedOut(error)
      if (isAbort(error)) notifications.show({ message: t('start.stopped') })
    },
  })
  const sending = send.isPending
  const failed = send.error && !isAbort(send.error) ? send.error : undefined
  const faults = failed instanceof Problem ? Object.values(failed.fields) : []
  return (
    <StepFrame
      title={t('start.title')}
      lead={t('start.text')}
      buttons={
        sending ? (
          <Button variant="default" onClick={() => stop.current?.abort()}>
            {t('start.stop')}
          </Button>
        ) : (
          <>
            <BackButton onClick={onBack} />
            <Button leftSection={<IconUpload size={16} aria-hidden />} onClick={() => send.mutate()}>
              {t(`start.go.${kind}`)}
            </Button>
          </>
        )
      }
    >
      <Summary kind={kind} file={file} preview={preview} query={query} />
      <div aria-live="polite">
        {failed !== undefined && (
          <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t('start.failed')}>
            {faults.length
              ? faults.map((m) => fileReason(r, m, (x) => fieldLabel(t, kind, x))).join(' ')
              : explain(failed)}{' '}
            {t('start.nothingDone')}
          </Alert>
        )}
        {sending && <Sending file={file} sent={sent} />}
      </div>
      <UnsavedGuard
        when={sending}
        anywhere
        onLeave={() => stop.current?.abort()}
        say={{
          title: t('start.leave.title'),
          text: t('start.leave.text'),
          leave: t('start.leave.leave'),
          stay: t('start.leave.stay'),
        }}
      />
    </StepFrame>
  )
}

const isAbort = (error: unknown) => error instanceof DOMException && error.name === 'AbortError'

function Sending({ file, sent }: { file: File; sent: number }) {
  const t = useWords(words)
  const f = useFormat()
  const there = sent >= file.size
  return (
    <Stack gap={6} maw={560}>
      <Text size="sm" fw={500} className={classes.wrap}>
        {t('start.uploading', { name: file.name })}
      </Text>
      <Progress.Root>
        <Progress.Section
          value={(100 * sent) / Math.max(file.size, 1)}
          aria-label={t('start.uploading', { name: file.name })}
          striped={there}
          animated={there}
        />
      </Progress.Root>
      {/* It moves: who listens hears that it began, and what came of it. */}
      <Text size="xs" c="dimmed" aria-live="off">
        {there ? t('start.finishing') : t('start.sent', { sent: f.bytes(sent), size: f.bytes(file.size) })}
      </Text>
      <Text size="xs" c="dimmed">
        {t('start.background')}
      </Text>
    </Stack>
  )
}

function Summary({ kind, file, preview, query }: Omit<Props, 'onBack'>) {
  const t = useWords(words)
  const f = useFormat()
  const columns = (preview.columns ?? []).filter((c) => !isNote(c)).map((c) => taken(c, kind).as)
  const many = (...as: string[]) => f.number(columns.filter((c) => as.includes(c)).length)
  const says = (preview.columns ?? []).some((c) => c.field === 'topics' || c.field?.startsWith(consent))
  const facts: [string, string][] = [
    [t('start.file'), `${file.name} · ${f.bytes(file.size)}`],
    [
      t('start.columns'),
      t(kind === 'orders' ? 'start.columnsPlain' : 'start.columnsText', {
        fields: many('field', 'consent'),
        attributes: many('attribute'),
        skipped: many('skip'),
      }),
    ],
  ]
  if (kind === 'contacts') {
    const to = [query.topic, says ? t('start.asFile') : ''].filter(Boolean).join(', ')
    facts.push([t('start.subscribes'), to || t('start.nothing')])
    if (to && query.source) facts.push([t('start.source'), query.source])
  }
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
