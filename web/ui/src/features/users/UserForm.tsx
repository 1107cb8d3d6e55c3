import { Alert, Button, Group, Modal, Radio, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { checks } from './fields'
import { words } from './words'

interface Props {
  /** Who is changed; undefined: somebody new. */
  user?: Schemas['User']
  onClose: () => void
  onInvited: (invitation: Schemas['Invitation']) => void
}

/** Invites somebody, or changes somebody's address, name and role. */
export function UserForm({ user, onClose, onInvited }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: {
      email: user?.email ?? '',
      name: user?.name ?? '',
      role: user?.role ?? ('marketer' as Schemas['User']['role']),
    },
    validate: { email: checks.email },
  })
  const save = form.onSubmit(async (values) => {
    setBusy(true)
    setProblem(undefined)
    try {
      if (user) {
        const body = { ...values, disabled: user.state === 'disabled' }
        await client.PUT('/api/v1/users/{id}', { params: { path: { id: user.id } }, body })
        void refresh('/api/v1/users', '/api/v1/session')
        onClose()
      } else {
        const { data } = await client.POST('/api/v1/users', { body: values })
        void refresh('/api/v1/users')
        onInvited(data!)
      }
    } catch (e) {
      setBusy(false)
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.email) form.setFieldError('email', t(/somebody/.test(fields.email) ? 'emailTaken' : 'emailWrong'))
      else if (fields.name) form.setFieldError('name', fields.name)
      else setProblem(e)
    }
  })
  const lastOwner = problem instanceof Problem && problem.status === 409
  return (
    <Modal
      opened
      onClose={() => !busy && onClose()}
      title={user ? t('invite.editTitle', { who: user.name || user.email }) : t('invite.title')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={save} noValidate>
        <Stack gap="sm">
          <TextInput
            type="email"
            label={t('email')}
            autoComplete="off"
            data-autofocus
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <TextInput
            label={t('name')}
            autoComplete="off"
            maxLength={100}
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <Radio.Group label={t('role')} key={form.key('role')} {...form.getInputProps('role')}>
            <Stack gap={8} mt={6}>
              {(['marketer', 'ops', 'owner'] as const).map((role) => (
                <Radio key={role} value={role} label={say(`roles.${role}`)} description={t(`rolesText.${role}`)} />
              ))}
            </Stack>
          </Radio.Group>
          {problem !== undefined && (
            <Alert color="red" role="alert">
              {lastOwner ? t('list.lastOwner') : explain(problem)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {user ? say('save') : t('invite.button')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
