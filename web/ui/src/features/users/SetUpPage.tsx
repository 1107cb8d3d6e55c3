import { Alert, Anchor, Button, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { Link, useRouter } from '@tanstack/react-router'
import { useState } from 'react'

import { client } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { browserZone, signedInAs } from '~/app/session'
import { useWords, type Language } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useWait, waitOf } from './attempts'
import { Door } from './Door'
import classes from './Door.module.css'
import { checks, Password } from './fields'
import { words } from './words'

/** The first person becomes the owner. The link in the server's log has the code behind its #. */
export function SetUpPage() {
  const t = useWords(words)
  const f = useFormat()
  const router = useRouter()
  const [problem, setProblem] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const wait = useWait()
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { code: window.location.hash.slice(1), name: '', email: '', password: '' },
    validate: { code: checks.filled, email: checks.email, password: checks.newPassword },
  })

  const setUp = form.onSubmit(async (values) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const language = document.documentElement.lang as Language
      const { data } = await client.POST('/api/v1/setup', { body: { ...values, language, timezone: browserZone } })
      signedInAs(data!)
      void router.navigate({ to: '/', replace: true })
    } catch (e) {
      setBusy(false)
      wait.begin(waitOf(e))
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.code) form.setFieldError('code', t('setUp.codeWrong'))
      if (fields.email) form.setFieldError('email', t('emailWrong'))
      if (fields.password) form.setFieldError('password', t('passwordWeak'))
      if (fields.name) form.setFieldError('name', fields.name)
      if (!fields.code && !fields.email && !fields.password && !fields.name) setProblem(e)
    }
  })

  const done = problem instanceof Problem && problem.status === 409
  const waiting = waitOf(problem) > 0
  return (
    <Door title={t('setUp.title')} lead={t('setUp.lead')}>
      <form onSubmit={setUp} noValidate>
        <Stack gap="sm">
          <div role="alert" className={classes.said}>
            {problem !== undefined && (
              <Alert color={waiting && wait.over ? 'gray' : 'red'} py="xs">
                {done && t('setUp.done')}
                {waiting && (wait.over ? t('tooManyOver') : t('tooMany', { wait: f.duration(wait.left) }))}
                {!done && !waiting && explain(problem)}
              </Alert>
            )}
          </div>
          {done && (
            <Anchor component={Link} to="/sign-in" size="sm">
              {t('invitation.toSignIn')}
            </Anchor>
          )}
          <TextInput
            label={t('setUp.code')}
            description={t('setUp.codeHint')}
            autoComplete="off"
            spellCheck={false}
            placeholder="ABCDE-12345-FGHJK-67890"
            key={form.key('code')}
            {...form.getInputProps('code')}
          />
          <TextInput
            label={t('name')}
            autoComplete="name"
            maxLength={100}
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <TextInput
            type="email"
            label={t('email')}
            autoComplete="username"
            autoCapitalize="off"
            spellCheck={false}
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <Password
            label={t('password')}
            description={t('passwordHint')}
            autoComplete="new-password"
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={busy} disabled={wait.left > 0} fullWidth mt="xs">
            {t('setUp.button')}
          </Button>
        </Stack>
      </form>
    </Door>
  )
}
