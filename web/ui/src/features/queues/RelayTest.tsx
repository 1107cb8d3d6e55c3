import { Alert, Button, Checkbox, Group, Loader, Modal, Stack, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import { useState } from 'react'

import { client, type Schemas } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import classes from './Queues.module.css'
import { reason, span } from './show'
import { words } from './words'

type Test = Schemas['RelayTest']

interface Props {
  name: string
  last: Test | null
  onClose: () => void
}

/** Has a worker try a relay, and shows how each step went. */
export default function RelayTest({ name, last, onClose }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState<Test>()
  const [problem, setProblem] = useState<unknown>()
  const needed = (v: string, all: { mail: boolean }) => (all.mail && !v.trim() ? words.t('relays.needed') : null)
  const form = useForm({ initialValues: { mail: false, to: '', from: '' }, validate: { to: needed, from: needed } })
  const { mail } = form.getValues()
  const test = made ?? last
  const start = form.onSubmit(async (v) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.POST('/api/v1/relays/{name}/test', {
        params: { path: { name } },
        body: v.mail ? { to: v.to.trim(), from: v.from.trim() } : {},
      })
      setMade(data)
    } catch (e) {
      const fields = Object.entries(e instanceof Problem ? e.fields : {}).filter(([field]) => field in v)
      fields.forEach(([field, message]) => form.setFieldError(field, message))
      if (fields.length === 0) setProblem(e)
    } finally {
      setBusy(false)
    }
  })
  return (
    <Modal
      opened
      size="lg"
      onClose={() => !busy && onClose()}
      title={t('relays.testTitle', { name })}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={start} noValidate>
        <Stack gap="sm">
          <Text size="sm">
            {t('relays.testLead')} {!mail && t('relays.testNothing')}
          </Text>
          <Checkbox label={t('relays.mail')} {...form.getInputProps('mail', { type: 'checkbox' })} />
          {mail && (
            <>
              <TextInput
                label={t('relays.to')}
                type="email"
                autoComplete="email"
                maxLength={254}
                {...form.getInputProps('to')}
              />
              <TextInput
                label={t('relays.from')}
                description={t('relays.fromHint')}
                type="email"
                maxLength={254}
                {...form.getInputProps('from')}
              />
            </>
          )}
          {problem !== undefined && (
            <Alert color="red" role="alert">
              {explain(problem)}
            </Alert>
          )}
          <div aria-live="polite">
            {busy ? (
              <Group gap="xs">
                <Loader size="xs" aria-hidden />
                <Text size="sm">{t('relays.under')}</Text>
              </Group>
            ) : (
              test?.finished_at && <Outcome test={test} />
            )}
          </div>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('close')}
            </Button>
            <Button type="submit" loading={busy} data-autofocus>
              {test ? t('relays.again') : t('relays.start')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

function Outcome({ test }: { test: Test }) {
  const t = useWords(words)
  const f = useFormat()
  const steps = test.steps ?? []
  const failed = steps.find((s) => !s.ok)
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600} c={failed ? 'var(--mantine-color-error)' : undefined}>
        {failed ? t('relays.failedAt', { step: t(`relays.steps.${failed.name}`) }) : t('relays.passed')}
      </Text>
      <ol className={classes.steps}>
        {steps.map((s, i) => (
          <li key={`${s.name} ${i}`}>
            {s.ok ? (
              <IconCircleCheck size={18} color="var(--mantine-color-teal-6)" aria-hidden />
            ) : (
              <IconCircleX size={18} color="var(--mantine-color-red-6)" aria-hidden />
            )}
            <Text size="sm">
              {t(`relays.steps.${s.name}`)}
              <VisuallyHidden>: {s.ok ? t('relays.stepOk') : t('relays.stepFailed')}</VisuallyHidden>
              {s.reason && ` – ${reason(s.reason)}`}
            </Text>
            <Text size="xs" c="dimmed">
              {span(f, s.took_seconds)}
            </Text>
            {(s.detail || s.code) && (
              <Text size="xs" c="dimmed" className={classes.detail}>
                {[s.code || '', s.detail ?? ''].filter(Boolean).join(' ')}
              </Text>
            )}
          </li>
        ))}
      </ol>
      {test.worker && test.finished_at && (
        <Text size="xs" c="dimmed">
          {t('relays.by', { worker: test.worker, time: f.dateTime(test.finished_at) })}
        </Text>
      )}
    </Stack>
  )
}
