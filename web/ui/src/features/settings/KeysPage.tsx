import { Alert, Badge, Button, Code, Group, Modal, Radio, Stack, Text, TextInput, VisuallyHidden } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { explain, Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { Secret } from '~/components/Secret'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { words as userWords } from '~/features/users/words'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { words } from './words'

type Key = Schemas['APIKey']

export function KeysPage() {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const confirm = useConfirm()
  const list = useList('/api/v1/api-keys')
  const [creating, setCreating] = useState(false)
  const [made, setMade] = useState<Schemas['NewAPIKey']>()

  const revoke = (key: Key) =>
    confirm({
      title: t('keys.revokeTitle', { name: key.name }),
      children: (
        <Text size="sm">
          {t('keys.revokeText', { used: key.last_used_at ? f.relative(key.last_used_at) : say('never') })}
        </Text>
      ),
      confirm: t('keys.revoke'),
      danger: true,
      action: async () => {
        await client.DELETE('/api/v1/api-keys/{id}', { params: { path: { id: key.id } } })
        await refresh('/api/v1/api-keys')
      },
    })
  const create = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      {t('keys.create')}
    </Button>
  )
  return (
    <Page title={t('keys.title')} lead={t('keys.lead')} actions={list.items.length > 0 && create}>
      <List<Key>
        label={t('keys.title')}
        list={list}
        id={(k) => k.id}
        empty={
          <Empty icon={IconKey} title={t('keys.empty')} action={create}>
            {t('keys.emptyText')}
          </Empty>
        }
        minWidth={640}
        columns={[
          {
            accessor: 'name',
            title: t('keys.name'),
            render: (k) => (
              <Text size="sm" fw={500}>
                {k.name}
              </Text>
            ),
          },
          {
            accessor: 'role',
            title: t('keys.role'),
            width: 120,
            render: (k) => <Badge color={k.role === 'owner' ? 'orange' : 'gray'}>{say(`roles.${k.role}`)}</Badge>,
          },
          { accessor: 'prefix', title: t('keys.key'), render: (k) => k.prefix && <Code>{k.prefix}…</Code> },
          { accessor: 'created_at', title: t('keys.made'), render: (k) => <Time at={k.created_at} /> },
          { accessor: 'last_used_at', title: t('keys.used'), render: (k) => <Time at={k.last_used_at} relative /> },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            render: (k) => (
              <Button
                size="compact-xs"
                variant="subtle"
                color="red"
                aria-label={t('keys.revokeOf', { name: k.name })}
                onClick={() => void revoke(k)}
              >
                {t('keys.revoke')}
              </Button>
            ),
          },
        ]}
      />
      {creating && (
        <NewKey
          onClose={() => setCreating(false)}
          onMade={(key) => {
            setCreating(false)
            setMade(key)
          }}
        />
      )}
      {made && <Shown made={made} onClose={() => setMade(undefined)} />}
    </Page>
  )
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: Schemas['NewAPIKey']) => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const roles = useWords(userWords)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { name: '', role: 'shop' as Key['role'] },
    validate: { name: (v) => (v.trim() ? null : words.t('missing')) },
  })
  const make = form.onSubmit(async (body) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.POST('/api/v1/api-keys', { body })
      void refresh('/api/v1/api-keys')
      onMade(data!)
    } catch (e) {
      setBusy(false)
      if (e instanceof Problem && e.status === 409) form.setFieldError('name', t('keys.nameTaken'))
      else if (e instanceof Problem && e.fields.name) form.setFieldError('name', e.fields.name)
      else setProblem(e)
    }
  })
  return (
    <Modal
      opened
      onClose={() => !busy && onClose()}
      title={t('keys.create')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={make} noValidate>
        <Stack gap="sm">
          <TextInput
            label={t('keys.name')}
            description={t('keys.nameHint')}
            maxLength={100}
            autoComplete="off"
            data-autofocus
            key={form.key('name')}
            {...form.getInputProps('name')}
          />
          <Radio.Group label={t('keys.role')} key={form.key('role')} {...form.getInputProps('role')}>
            <Stack gap={8} mt={6}>
              {(['shop', 'marketer', 'ops', 'owner'] as const).map((role) => (
                <Radio key={role} value={role} label={say(`roles.${role}`)} description={roles(`rolesText.${role}`)} />
              ))}
            </Stack>
          </Radio.Group>
          {problem !== undefined && (
            <Alert color="red" role="alert">
              {explain(problem)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {t('keys.create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** The only time that a key is shown. */
function Shown({ made, onClose }: { made: Schemas['NewAPIKey']; onClose: () => void }) {
  const t = useWords(words)
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      title={t('keys.shownTitle', { name: made.name })}
    >
      <Stack gap="sm">
        <Text size="sm">{t('keys.shownText')}</Text>
        <Secret label={t('keys.key')} value={made.key} />
        <Text size="sm" c="dimmed">
          {t('keys.shownUse')} <Code>Authorization: Bearer {made.prefix}…</Code>
        </Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>{t('keys.done')}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
