import { ActionIcon, Button, Group, Text, VisuallyHidden } from '@mantine/core'
import { IconPencil, IconPlus, IconServer, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { Problem } from '~/api/problem'
import { useMay } from '~/app/session'
import { useConfirm } from '~/components/confirm-context'
import { List } from '~/components/List'
import { Page, Section } from '~/components/Page'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { DKIMKeys } from './DKIMKeys'
import { RelayForm } from './RelayForm'
import { words } from './words'

type Relay = Schemas['Relay']

export function RelaysPage() {
  const t = useWords(words)
  const may = useMay('ops')
  return (
    <Page title={t('relays.title')} lead={`${t('relays.lead')}${may ? '' : ` ${t('readOnlyRelays')}`}`}>
      <Relays may={may} />
      <DKIMKeys may={may} />
    </Page>
  )
}

function Relays({ may }: { may: boolean }) {
  const t = useWords(words)
  const say = useWords(common)
  const confirm = useConfirm()
  const list = useList('/api/v1/relays')
  const [editing, setEditing] = useState<Relay | 'new'>()

  const remove = (relay: Relay) =>
    confirm({
      title: t('relays.deleteTitle', { name: relay.name }),
      children: <Text size="sm">{t('relays.deleteText')}</Text>,
      confirm: t('relays.deleteOf', { name: relay.name }),
      danger: true,
      action: async () => {
        try {
          await client.DELETE('/api/v1/relays/{name}', { params: { path: { name: relay.name } } })
        } catch (e) {
          throw e instanceof Problem && e.status === 409 ? new Error(t('relays.deleteInUse')) : e
        }
        await refresh('/api/v1/relays')
      },
    })
  const add = may && (
    <Button
      variant={list.items.length ? 'default' : 'filled'}
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setEditing('new')}
    >
      {t('relays.add')}
    </Button>
  )
  return (
    <Section title={t('relays.relays')} lead={t('relays.relaysLead')} actions={list.items.length > 0 && add}>
      <List<Relay>
        label={t('relays.table')}
        list={list}
        id={(r) => r.name}
        empty={
          <Empty icon={IconServer} title={t('relays.empty')} action={add}>
            {may ? t('relays.emptyText') : t('relays.emptyRead')}
          </Empty>
        }
        minWidth={680}
        columns={[
          {
            accessor: 'name',
            title: t('relays.name'),
            render: (r) => (
              <Text size="sm" fw={500}>
                {r.name}
              </Text>
            ),
          },
          {
            accessor: 'host',
            title: t('relays.address'),
            render: (r) => `${r.host.includes(':') ? `[${r.host}]` : r.host}:${r.port}`,
          },
          { accessor: 'tls', title: t('relays.tls'), render: (r) => t(`relays.tlsNames.${r.tls as 'tls'}`) },
          { accessor: 'username', title: t('relays.login'), render: (r) => r.username || t('relays.noLogin') },
          {
            accessor: 'connections',
            title: t('relays.limits'),
            render: (r) =>
              `${t('relays.limitsOf', { connections: r.connections })}, ${r.rate_per_second ? t('relays.perSecond', { n: r.rate_per_second }) : t('relays.noLimit')}`,
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            width: 90,
            hidden: !may,
            render: (r) => (
              <Group gap={4} justify="flex-end" wrap="nowrap">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t('relays.editOf', { name: r.name })}
                  onClick={() => setEditing(r)}
                >
                  <IconPencil size={16} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="red"
                  aria-label={t('relays.deleteOf', { name: r.name })}
                  onClick={() => void remove(r)}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Group>
            ),
          },
        ]}
      />
      {editing && (
        <RelayForm
          relay={editing === 'new' ? undefined : editing}
          first={list.items.length === 0}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Section>
  )
}
