import { ActionIcon, Badge, Button, Group, Menu, Stack, Text, VisuallyHidden } from '@mantine/core'
import { IconDots, IconUserPlus } from '@tabler/icons-react'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { Problem } from '~/api/problem'
import { useUser } from '~/app/session'
import { useConfirm } from '~/components/confirm-context'
import { List } from '~/components/List'
import { Page, Section } from '~/components/Page'
import { Empty } from '~/components/states'
import { Time, useNow } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { InvitationLink } from './InvitationLink'
import { UserForm } from './UserForm'
import { words } from './words'

type User = Schemas['User']

const colors = { invited: 'blue', active: 'teal', disabled: 'gray' } as const
const who = (user: User) => user.name || user.email

export function UsersPage() {
  const t = useWords(words)
  const say = useWords(common)
  const me = useUser()
  const confirm = useConfirm()
  const list = useList('/api/v1/users')
  const [editing, setEditing] = useState<User | 'new'>()
  const [invitation, setInvitation] = useState<Schemas['Invitation']>()

  const setDisabled = async (user: User, disabled: boolean) => {
    const body = { email: user.email, name: user.name, role: user.role, disabled }
    const put = async () => {
      try {
        await client.PUT('/api/v1/users/{id}', { params: { path: { id: user.id } }, body })
      } catch (e) {
        throw e instanceof Problem && e.status === 409 ? new Error(t('list.lastOwner')) : e
      }
      await refresh('/api/v1/users')
    }
    await confirm({
      title: t(disabled ? 'disable.title' : 'enable.title', { who: who(user) }),
      children: <Text size="sm">{t(disabled ? 'disable.text' : 'enable.text')}</Text>,
      confirm: t(disabled ? 'disable.confirm' : 'list.enable'),
      danger: disabled,
      action: put,
    })
  }
  const relink = async (user: User) => {
    let made: Schemas['Invitation'] | undefined
    await confirm({
      title: t('relink.title', { who: who(user) }),
      children: <Text size="sm">{t('relink.text')}</Text>,
      confirm: t('relink.confirm'),
      action: async () => {
        made = (await client.POST('/api/v1/users/{id}/invitation', { params: { path: { id: user.id } } })).data
      },
    })
    if (!made) return
    setInvitation(made)
    await refresh('/api/v1/users')
  }

  return (
    <Page
      title={t('list.title')}
      lead={t('list.lead')}
      actions={
        <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setEditing('new')}>
          {t('list.invite')}
        </Button>
      }
    >
      <List<User>
        label={t('list.title')}
        list={list}
        id={(u) => u.id}
        empty={<Empty title={t('list.empty')} />}
        minWidth={620}
        columns={[
          {
            accessor: 'name',
            title: t('list.person'),
            render: (u) => (
              <div>
                <Group gap={6} wrap="nowrap">
                  <Text size="sm" fw={500} truncate>
                    {who(u)}
                  </Text>
                  {u.id === me?.id && (
                    <Badge size="xs" color="gray">
                      {t('list.you')}
                    </Badge>
                  )}
                </Group>
                {u.name && (
                  <Text size="xs" c="dimmed" truncate>
                    {u.email}
                  </Text>
                )}
              </div>
            ),
          },
          { accessor: 'role', title: t('role'), render: (u) => say(`roles.${u.role}`) },
          { accessor: 'state', title: t('list.state'), width: 170, render: (u) => <StateOf user={u} /> },
          {
            accessor: 'signed_in_at',
            title: t('list.lastSignIn'),
            render: (u) => <Time at={u.signed_in_at} relative />,
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            width: 56,
            render: (u) => (
              <Menu position="bottom-end" shadow="md">
                <Menu.Target>
                  <ActionIcon variant="subtle" color="gray" aria-label={t('list.actions', { who: who(u) })}>
                    <IconDots size={16} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => setEditing(u)}>{t('list.edit')}</Menu.Item>
                  {u.state !== 'disabled' && <Menu.Item onClick={() => void relink(u)}>{t('list.link')}</Menu.Item>}
                  {u.state !== 'disabled' ? (
                    <Menu.Item color="var(--mantine-color-error)" onClick={() => void setDisabled(u, true)}>
                      {t('list.disable')}
                    </Menu.Item>
                  ) : (
                    <Menu.Item onClick={() => void setDisabled(u, false)}>{t('list.enable')}</Menu.Item>
                  )}
                </Menu.Dropdown>
              </Menu>
            ),
          },
        ]}
      />
      <Section title={t('list.rolesTitle')}>
        <Stack gap={6} component="dl" m={0}>
          {(['owner', 'marketer', 'ops'] as const).map((role) => (
            <div key={role}>
              <Text component="dt" size="sm" fw={500}>
                {say(`roles.${role}`)}
              </Text>
              <Text component="dd" size="sm" c="dimmed" m={0}>
                {t(`rolesText.${role}`)}
              </Text>
            </div>
          ))}
        </Stack>
      </Section>
      {editing && (
        <UserForm
          user={editing === 'new' ? undefined : editing}
          onClose={() => setEditing(undefined)}
          onInvited={(made) => {
            setEditing(undefined)
            setInvitation(made)
          }}
        />
      )}
      {invitation && <InvitationLink invitation={invitation} onClose={() => setInvitation(undefined)} />}
    </Page>
  )
}

function StateOf({ user }: { user: User }) {
  const t = useWords(words)
  const f = useFormat()
  const now = useNow(60_000)
  const until = user.invitation_until
  return (
    <div>
      <Badge color={colors[user.state]}>{t(`states.${user.state}`)}</Badge>
      {until && (
        <Text size="xs" c="dimmed" mt={2}>
          {new Date(until) > now ? t('invitedUntil', { time: f.dateTime(until) }) : t('invitedOver')}
        </Text>
      )}
    </div>
  )
}
