import { ActionIcon, Badge, Button, Code, Group, Menu, Modal, Stack, Text, VisuallyHidden } from '@mantine/core'
import { IconDots, IconPlus, IconSignature } from '@tabler/icons-react'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { useConfirm } from '~/components/confirm-context'
import { List } from '~/components/List'
import { Section } from '~/components/Page'
import { Secret } from '~/components/Secret'
import { Empty } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { DKIMForm } from './DKIMForm'
import { words } from './words'

type Key = Schemas['DKIMKey']
type Algorithm = 'rsa-sha256' | 'ed25519-sha256'

const name = (key: Key) => key.record.name
const put = (key: Key, active: boolean) =>
  client.PUT('/api/v1/domains/{domain}/dkim/{selector}', {
    params: { path: { domain: key.domain, selector: key.selector } },
    body: { algorithm: key.algorithm as Algorithm, active },
  })

/** The keys that sign, with what has to stand in the DNS. */
export function DKIMKeys({ may }: { may: boolean }) {
  const t = useWords(words)
  const say = useWords(common)
  const confirm = useConfirm()
  const list = useList('/api/v1/dkim')
  const [adding, setAdding] = useState(false)
  const [shown, setShown] = useState<Key>()

  const activate = (key: Key) =>
    confirm({
      title: t('dkim.activateTitle', { ...key }),
      children: (
        <Stack gap="xs">
          <Text size="sm">{t('dkim.activateText')}</Text>
          <Text size="sm">{t('dkim.check')}</Text>
          <Code block tabIndex={0}>
            dig +short TXT {key.record.name}
          </Code>
        </Stack>
      ),
      confirm: t('dkim.activate'),
      action: async () => {
        await put(key, true)
        await refresh('/api/v1/dkim')
      },
    })
  const deactivate = (key: Key) =>
    confirm({
      title: t('dkim.deactivateTitle', { ...key }),
      children: <Text size="sm">{t('dkim.deactivateText')}</Text>,
      confirm: t('dkim.deactivate'),
      danger: true,
      action: async () => {
        await put(key, false)
        await refresh('/api/v1/dkim')
      },
    })
  const remove = (key: Key) =>
    confirm({
      title: t('dkim.deleteTitle', { ...key }),
      children: (
        <Text size="sm">
          {t('dkim.deleteText')} {key.active && t('dkim.deactivateText')}
        </Text>
      ),
      confirm: say('delete'),
      danger: true,
      action: async () => {
        await client.DELETE('/api/v1/domains/{domain}/dkim/{selector}', {
          params: { path: { domain: key.domain, selector: key.selector } },
        })
        await refresh('/api/v1/dkim')
      },
    })
  const add = may && (
    <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      {t('dkim.add')}
    </Button>
  )
  return (
    <Section title={t('dkim.title')} lead={t('dkim.lead')} actions={list.items.length > 0 && add}>
      <List<Key>
        label={t('dkim.table')}
        list={list}
        id={name}
        empty={
          <Empty icon={IconSignature} title={t('dkim.empty')} action={add}>
            {t('dkim.emptyText')}
          </Empty>
        }
        minWidth={640}
        columns={[
          {
            accessor: 'domain',
            title: t('dkim.domain'),
            render: (k) => (
              <Text size="sm" fw={500}>
                {k.domain}
              </Text>
            ),
          },
          { accessor: 'selector', title: t('dkim.selector'), render: (k) => <Code>{k.selector}</Code> },
          {
            accessor: 'algorithm',
            title: t('dkim.algorithm'),
            render: (k) => t(`dkim.short.${k.algorithm as Algorithm}`),
          },
          {
            accessor: 'active',
            title: t('dkim.state'),
            width: 160,
            render: (k) => (
              <Badge color={k.active ? 'teal' : 'yellow'}>{k.active ? t('dkim.active') : t('dkim.inactive')}</Badge>
            ),
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
            textAlign: 'right',
            render: (k) => (
              <Group gap={4} justify="flex-end" wrap="nowrap">
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={t('dkim.recordOf', { name: name(k) })}
                  onClick={() => setShown(k)}
                >
                  {t('dkim.record')}
                </Button>
                {may && (
                  <Menu position="bottom-end" shadow="md">
                    <Menu.Target>
                      <ActionIcon variant="subtle" color="gray" aria-label={`${say('actions')}: ${name(k)}`}>
                        <IconDots size={16} />
                      </ActionIcon>
                    </Menu.Target>
                    <Menu.Dropdown>
                      {k.active ? (
                        <Menu.Item onClick={() => void deactivate(k)}>{t('dkim.deactivate')}</Menu.Item>
                      ) : (
                        <Menu.Item onClick={() => void activate(k)}>{t('dkim.activate')}</Menu.Item>
                      )}
                      <Menu.Item color="var(--mantine-color-error)" onClick={() => void remove(k)}>
                        {say('delete')}
                      </Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                )}
              </Group>
            ),
          },
        ]}
      />
      {adding && (
        <DKIMForm
          taken={list.items.map(name)}
          onClose={() => setAdding(false)}
          onMade={(key) => {
            setAdding(false)
            setShown(key)
          }}
        />
      )}
      {shown && <RecordOf dkim={shown} onClose={() => setShown(undefined)} />}
    </Section>
  )
}

function RecordOf({ dkim, onClose }: { dkim: Key; onClose: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={dkim.active ? t('dkim.recordOf', { name: name(dkim) }) : t('dkim.recordTitle')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <Stack gap="sm">
        {dkim.active ? (
          <Text size="sm">{t('dkim.stepsActive')}</Text>
        ) : (
          <Text component="ol" size="sm" m={0} pl="md">
            <li>{t('dkim.steps.publish')}</li>
            <li>{t('dkim.steps.wait')}</li>
            <li>{t('dkim.steps.sign')}</li>
          </Text>
        )}
        <Secret label={t('dkim.recordName')} value={dkim.record.name} />
        <Secret label={t('dkim.recordValue')} value={dkim.record.value} />
        <div>
          <Text size="sm" mb={4}>
            {t('dkim.check')}
          </Text>
          <Code block tabIndex={0}>
            dig +short TXT {dkim.record.name}
          </Code>
        </div>
        <Group justify="flex-end">
          <Button onClick={onClose}>{t('dkim.done')}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
