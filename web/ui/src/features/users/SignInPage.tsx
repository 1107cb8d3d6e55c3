import { Alert, Button, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconAlertTriangle } from '@tabler/icons-react'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { useState } from 'react'

import { client } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { signedInAs } from '~/app/session'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useWait, waitOf } from './attempts'
import { Door } from './Door'
import classes from './Door.module.css'
import { checks, Password } from './fields'
import { innerPath } from './next'
import { words } from './words'

const route = getRouteApi('/sign-in')

export function SignInPage() {
  const t = useWords(words)
  const f = useFormat()
  const router = useRouter()
  const { next } = route.useSearch()
  const [problem, setProblem] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const wait = useWait()
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { email: '', password: '' },
    validate: { email: checks.filled, password: checks.filled },
  })

  const signIn = form.onSubmit(async (body) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.POST('/api/v1/session', { body })
      signedInAs(data!)
      router.history.push(`/app${innerPath(next)}`)
    } catch (e) {
      wait.begin(waitOf(e))
      setProblem(e)
      setBusy(false)
    }
  })

  const text = () => {
    if (!problem) return ''
    if (waitOf(problem)) return wait.over ? t('tooManyOver') : t('tooMany', { wait: f.duration(wait.left) })
    return problem instanceof Problem && problem.status === 401 ? t('signIn.wrong') : explain(problem)
  }
  const calm = waitOf(problem) > 0 && wait.over
  return (
    <Door title={t('signIn.title')} foot={t('signIn.forgot')}>
      <form onSubmit={signIn} noValidate>
        <Stack gap="sm">
          <div role="alert" className={classes.said}>
            {problem !== undefined && (
              <Alert color={calm ? 'gray' : 'red'} icon={<IconAlertTriangle aria-hidden />} py="xs">
                {text()}
              </Alert>
            )}
          </div>
          <TextInput
            type="email"
            label={t('email')}
            autoComplete="username"
            autoCapitalize="off"
            spellCheck={false}
            autoFocus
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <Password
            label={t('password')}
            autoComplete="current-password"
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={busy} disabled={wait.left > 0} fullWidth mt="xs">
            {t('signIn.button')}
          </Button>
        </Stack>
      </form>
    </Door>
  )
}
