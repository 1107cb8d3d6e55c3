import {
  Button,
  Group,
  Paper,
  SegmentedControl,
  Select,
  Stack,
  Text,
  TextInput,
  useMantineColorScheme,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMemo, useState } from 'react'

import { client, queryClient, type Schemas } from '~/api/client'
import { notifyProblem, Problem, showInForm } from '~/api/problem'
import { navWords } from '~/app/nav'
import { browserZone, leave, sessionQuery, useUser } from '~/app/session'
import { useConfirm } from '~/components/confirm-context'
import { Page, Section } from '~/components/Page'
import { languages, preferredLanguage, setLanguage, useWords, type Language } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { waitOf } from './attempts'
import { checks, Password } from './fields'
import { words } from './words'
import { zones } from './zones'

export function ProfilePage() {
  const t = useWords(words)
  const user = useUser()
  if (!user) return null
  return (
    <Page title={t('profile.title')} lead={user.email}>
      <Stack gap="xl" maw={560}>
        <About key={user.language} user={user} />
        <Appearance />
        <NewPassword email={user.email} />
        <Sessions />
      </Stack>
    </Page>
  )
}

function About({ user }: { user: Schemas['User'] }) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { name: user.name, language: user.language as string, timezone: user.timezone },
  })
  const zoneData = useMemo(
    () => [{ value: '', label: t('profile.browserZone', { zone: browserZone }) }, ...zones(user.timezone)],
    [t, user.timezone],
  )
  const save = form.onSubmit(async (values) => {
    setBusy(true)
    try {
      const body = { ...values, language: values.language as '' | Language }
      const { data } = await client.PUT('/api/v1/session/profile', { body })
      queryClient.setQueryData(sessionQuery.queryKey, data)
      if (!body.language) localStorage.removeItem('language')
      setLanguage(body.language || preferredLanguage())
      form.resetDirty()
      notifications.show({ color: 'teal', message: common.t('saved') })
    } catch (e) {
      showInForm(form, e)
    } finally {
      setBusy(false)
    }
  })
  return (
    <Section title={t('profile.about')}>
      <Paper withBorder p="md" component="form" onSubmit={save}>
        <Stack gap="sm">
          <TextInput
            label={t('name')}
            description={t('profile.nameHint')}
            autoComplete="name"
            maxLength={100}
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <Select
            label={t('profile.language')}
            data={[
              { value: '', label: t('profile.browserLanguage') },
              ...Object.entries(languages).map(([value, label]) => ({ value, label })),
            ]}
            key={form.key('language')}
            {...form.getInputProps('language')}
          />
          <Select
            label={t('profile.timezone')}
            description={t('profile.timezoneHint')}
            searchable
            data={zoneData}
            limit={100}
            key={form.key('timezone')}
            {...form.getInputProps('timezone')}
          />
          <Group>
            <Button type="submit" loading={busy}>
              {say('save')}
            </Button>
          </Group>
        </Stack>
      </Paper>
    </Section>
  )
}

function Appearance() {
  const t = useWords(words)
  const nav = useWords(navWords)
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Section title={t('profile.appearance')} lead={t('profile.appearanceHint')}>
      <SegmentedControl
        aria-label={t('profile.appearance')}
        value={colorScheme}
        onChange={(v) => setColorScheme(v as typeof colorScheme)}
        data={(['auto', 'light', 'dark'] as const).map((v) => ({ value: v, label: nav(`themes.${v}`) }))}
      />
    </Section>
  )
}

function NewPassword({ email }: { email: string }) {
  const t = useWords(words)
  const f = useFormat()
  const [busy, setBusy] = useState(false)
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { current_password: '', new_password: '' },
    validate: {
      current_password: checks.filled,
      new_password: (value, all) =>
        checks.newPassword(value) ?? (value === all.current_password ? words.t('passwordSame') : null),
    },
  })
  const change = form.onSubmit(async (body) => {
    setBusy(true)
    try {
      const { data } = await client.PUT('/api/v1/session/password', { body })
      queryClient.setQueryData(sessionQuery.queryKey, data)
      form.reset()
      notifications.show({ color: 'teal', message: words.t('profile.passwordDone') })
    } catch (e) {
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.current_password) form.setFieldError('current_password', t('passwordWrong'))
      else if (fields.new_password) form.setFieldError('new_password', t('passwordWeak'))
      else if (waitOf(e)) form.setFieldError('current_password', t('tooMany', { wait: f.duration(waitOf(e)) }))
      else notifyProblem(e)
    } finally {
      setBusy(false)
    }
  })
  return (
    <Section title={t('profile.passwordTitle')} lead={t('profile.passwordLead')}>
      <Paper withBorder p="md" component="form" onSubmit={change} noValidate>
        <Stack gap="sm">
          {/* For the browser's list of passwords. */}
          <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
          <Password
            label={t('currentPassword')}
            autoComplete="current-password"
            key={form.key('current_password')}
            {...form.getInputProps('current_password')}
          />
          <Password
            label={t('newPassword')}
            description={t('passwordHint')}
            autoComplete="new-password"
            key={form.key('new_password')}
            {...form.getInputProps('new_password')}
          />
          <Group>
            <Button type="submit" loading={busy} variant="default">
              {t('profile.passwordButton')}
            </Button>
          </Group>
        </Stack>
      </Paper>
    </Section>
  )
}

function Sessions() {
  const t = useWords(words)
  const confirm = useConfirm()
  const everywhere = async () => {
    const done = await confirm({
      title: `${t('profile.everywhere')}?`,
      children: <Text size="sm">{t('profile.everywhereText')}</Text>,
      confirm: t('profile.everywhere'),
      action: () => client.DELETE('/api/v1/sessions'),
    })
    if (done) leave()
  }
  return (
    <Section title={t('profile.sessions')} lead={t('profile.sessionsLead')}>
      <Group>
        <Button variant="default" onClick={() => void everywhere()}>
          {t('profile.everywhere')}
        </Button>
      </Group>
    </Section>
  )
}
