import { Alert, Anchor, Button, Group, Loader, Radio, Text } from '@mantine/core'
import { IconAlertTriangle, IconFileSpreadsheet, IconUpload } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'

import { explain, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { fieldLabel } from './fields'
import classes from './imports.module.css'
import type { Preview } from './mapping'
import { fileReason, reasonWords } from './reasons'
import { kinds, type Kind } from './search'
import { StepFrame } from './StepFrame'
import { maxFile, type Picked } from './usePreview'
import { words } from './words'

interface Props {
  kind: Kind
  onKind: (kind: Kind) => void
  picked: Picked | undefined
  onPick: (file: File) => void
  preview: { data: Preview | undefined; error: unknown; isFetching: boolean; refetch: () => unknown }
  onNext: () => void
}

export function FileStep({ kind, onKind, picked, onPick, preview, onNext }: Props) {
  const t = useWords(words)
  const f = useFormat()
  const [tooLarge, setTooLarge] = useState<File>()
  const [several, setSeveral] = useState('')
  const take = (list: FileList | null | undefined) => {
    const file = list?.[0]
    if (!file) return
    setSeveral(list.length > 1 ? file.name : '')
    setTooLarge(file.size > maxFile ? file : undefined)
    if (file.size <= maxFile) onPick(file)
  }
  const over = useDropped(take)
  const input = useRef<HTMLInputElement>(null)
  const file = picked?.file
  return (
    <StepFrame
      first
      title={t('file.title')}
      buttons={
        file && (
          <Button onClick={onNext} disabled={!preview.data} loading={preview.isFetching && !preview.data}>
            {t('file.next')}
          </Button>
        )
      }
    >
      <Radio.Group
        label={t('file.kind')}
        value={kind}
        onChange={(v) => onKind(v as Kind)}
        name="kind"
        classNames={{ label: classes.question }}
      >
        <div className={classes.kinds}>
          {kinds.map((k) => (
            <Radio
              key={k}
              value={k}
              label={t(`kinds.${k}`)}
              description={t(`file.about.${k}`)}
              size="xs"
              classNames={{ root: classes.kind, label: classes.kindName, labelWrapper: classes.kindText }}
              mod={{ chosen: k === kind }}
            />
          ))}
        </div>
      </Radio.Group>
      <div className={classes.drop} data-over={over || undefined}>
        {file ? (
          <IconFileSpreadsheet size={28} stroke={1.3} aria-hidden />
        ) : (
          <IconUpload size={28} stroke={1.3} aria-hidden />
        )}
        {file ? (
          <Text size="sm" className={classes.wrap}>
            <b>{file.name}</b> · {f.bytes(file.size)}
          </Text>
        ) : (
          <Text size="sm">{t('file.dropped')}</Text>
        )}
        <div aria-live="polite" className={classes.found}>
          {preview.isFetching && !preview.data && (
            <Group gap={6} justify="center">
              <Loader size={12} aria-hidden />
              <Text size="xs" c="dimmed">
                {t('file.looking')}
              </Text>
            </Group>
          )}
          {preview.data && (
            <Text size="xs" c="dimmed">
              {t('file.found', {
                count: preview.data.columns?.length ?? 0,
                separator: t(`file.separators.${preview.data.separator}`),
                charset: t(`file.charsets.${preview.data.charset}`),
              })}
            </Text>
          )}
          {several && (
            <Text size="xs" c="dimmed">
              {t('file.several', { name: several })}
            </Text>
          )}
        </div>
        <Button variant={file ? 'default' : undefined} onClick={() => input.current?.click()} aria-describedby="limits">
          {t(file ? 'file.other' : 'file.choose')}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          accept=".csv,.tsv,.txt,.gz,text/csv,text/tab-separated-values,application/gzip"
          onChange={(e) => {
            take(e.currentTarget.files)
            e.currentTarget.value = '' // the same file, mended, can be chosen again
          }}
        />
        <Text size="xs" c="dimmed" id="limits">
          {t('file.limits', { size: f.bytes(maxFile) })}
        </Text>
        <Anchor href={`/app/examples/${kind}.csv`} download size="xs">
          {t('file.example')}: {kind}.csv
        </Anchor>
      </div>
      <div aria-live="assertive">
        {tooLarge ? (
          <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t('file.bad')}>
            {t('file.tooLarge', { name: tooLarge.name, size: f.bytes(tooLarge.size), limit: f.bytes(maxFile) })}
          </Alert>
        ) : (
          preview.error !== null &&
          !preview.isFetching && <Refused kind={kind} error={preview.error} retry={() => void preview.refetch()} />
        )}
      </div>
    </StepFrame>
  )
}

/** Why a file is no CSV file at all, and what to do; or that the server was not reached. */
export function Refused({ kind, error, retry }: { kind: Kind; error: unknown; retry: () => void }) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const say = (message: string) => fileReason(r, message, (field) => fieldLabel(t, kind, field))
  const faults = error instanceof Problem ? Object.values(error.fields) : []
  const again = error instanceof Problem && (error.temporary || error.status >= 500)
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t('file.bad')}>
      {faults.length
        ? faults.map((message) => (
            <p key={message} className={classes.line}>
              {say(message)}
            </p>
          ))
        : explain(error)}
      {again && (
        <Button size="xs" variant="default" mt="xs" onClick={retry}>
          {t('again')}
        </Button>
      )}
    </Alert>
  )
}

/**
 * Takes a file that is dropped anywhere on the page, and says whether one is over it: beside
 * its place the browser would open the file in place of the app.
 */
function useDropped(take: (list: FileList | undefined) => void): boolean {
  const [over, setOver] = useState(false)
  const latest = useRef(take)
  useEffect(() => {
    latest.current = take
  })
  useEffect(() => {
    let depth = 0
    const files = (e: DragEvent) => e.dataTransfer?.types.includes('Files')
    const enter = (e: DragEvent) => {
      if (files(e) && ++depth === 1) setOver(true)
    }
    const leave = (e: DragEvent) => {
      if (files(e) && --depth <= 0) setOver(false)
    }
    const move = (e: DragEvent) => {
      if (files(e)) e.preventDefault()
    }
    const drop = (e: DragEvent) => {
      if (!files(e)) return
      e.preventDefault()
      depth = 0
      setOver(false)
      latest.current(e.dataTransfer?.files)
    }
    window.addEventListener('dragenter', enter)
    window.addEventListener('dragleave', leave)
    window.addEventListener('dragover', move)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragenter', enter)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('dragover', move)
      window.removeEventListener('drop', drop)
    }
  }, [])
  return over
}
