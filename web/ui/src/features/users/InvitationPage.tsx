import { Alert, Anchor, Button, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { Link, useRouter } from '@tanstack/react-router'
import { useState } from 'react'

import { client, type Schemas } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { signedInAs } from '~/app/session'
import { Failed, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { Door } from './Door'
import classes from './Door.module.css'
import { checks, Password } from './fields'
import { words } from './words'

/** What the link leads to that an owner hands over. Its token stands behind the #. */
export function InvitationPage() {
  const t = useWords(words)
  const token = window.location.hash.slice(1)
  const query = useQuery({
    queryKey: ['invitation', token],
    queryFn: async ({ signal }) => (await client.POST('/api/v1/invitation', { body: { token }, signal })).data!,
    retry: false,
    staleTime: Infinity,
  })
  if (query.error instanceof Problem && query.error.status === 404) return <Void />
  if (query.error)
    return (
      <Door title={t('invitation.title')}>
        <Failed error={query.error} retry={() => void query.refetch()} />
      </Door>
    )
  if (!query.data)
    return (
      <Door title={t('invitation.title')}>
        <Loading lines={3} />
      </Door>
    )
  return <Accept token={token} invitee={query.data} />
}

function Void() {
  const t = useWords(words)
  return (
    <Door title={t('invitation.void')}>
      <Text size="sm">{t('invitation.voidText')}</Text>
      <Anchor component={Link} to="/sign-in" size="sm">
        {t('invitation.toSignIn')}
      </Anchor>
    </Door>
  )
}

function Accept({ token, invitee }: { token: string; invitee: Schemas['Invitee'] }) {
  const t = useWords(words)
  const roles = useWords(common)
  const router = useRouter()
  const [problem, setProblem] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { name: invitee.name, password: '' },
    validate: { password: checks.newPassword },
  })
  if (problem instanceof Problem && problem.status === 404) return <Void />

  const accept = form.onSubmit(async (values) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.PUT('/api/v1/invitation', { body: { token, ...values } })
      signedInAs(data!)
      void router.navigate({ to: '/', replace: true })
    } catch (e) {
      setBusy(false)
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.password) form.setFieldError('password', t('passwordWeak'))
      if (fields.name) form.setFieldError('name', fields.name)
      if (!fields.password && !fields.name) setProblem(e)
    }
  })
  return (
    <Door title={t('invitation.title')} lead={t('invitation.lead', { role: roles(`roles.${invitee.role}`) })}>
      <form onSubmit={accept} noValidate>
        <Stack gap="sm">
          <div role="alert" className={classes.said}>
            {problem !== undefined && (
              <Alert color="red" py="xs">
                {explain(problem)}
              </Alert>
            )}
          </div>
          <TextInput type="email" label={t('email')} autoComplete="username" value={invitee.email} readOnly />
          <TextInput
            label={t('name')}
            autoComplete="name"
            maxLength={100}
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <Password
            label={t('newPassword')}
            description={t('passwordHint')}
            autoComplete="new-password"
            autoFocus
            key={form.key('password')}
            {...form.getInputProps('password')}
          />
          <Button type="submit" loading={busy} fullWidth mt="xs">
            {t('invitation.button')}
          </Button>
        </Stack>
      </form>
    </Door>
  )
}
