import { ActionIcon, Button, Group, Menu, Stack, Tabs, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconDots, IconPencil, IconTrash } from '@tabler/icons-react'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { useConfirm } from '~/components/confirm-context'
import { CopyButton } from '~/components/CopyButton'
import { Page } from '~/components/Page'
import { Loaded } from '~/components/states'
import { CauseBadge } from '~/features/suppressions/cause'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { AttributesForm } from './AttributesForm'
import { ConsentForm } from './ConsentForm'
import { ContactForm } from './ContactForm'
import classes from './ContactPage.module.css'
import { DeleteText } from './DeleteText'
import { nameOf } from './names'
import { Orders } from './Orders'
import { Attributes, Consents, Facts, OrderFigures, Segments, SuppressionNote } from './parts'
import type { ContactSearch } from './search'
import { Timeline } from './Timeline'
import { words } from './words'

export function ContactPage() {
  const t = useWords(words)
  const { externalId } = useParams({ from: '/shell/contacts/$externalId' })
  const query = $api.useQuery('get', '/api/v1/contacts/{external_id}/profile', {
    params: { path: { external_id: externalId } },
  })
  if (query.data === undefined)
    return (
      <Page title={externalId} back={{ to: '/contacts', label: t('title') }}>
        <Loaded query={query}>{() => null}</Loaded>
      </Page>
    )
  return <Profile key={externalId} profile={query.data} />
}

type Form = 'edit' | 'attributes' | { topic?: string; state: 'subscribed' | 'unsubscribed' }

function Profile({ profile }: { profile: Schemas['ContactProfile'] }) {
  const t = useWords(words)
  const f = useFormat()
  const confirm = useConfirm()
  const search = useSearch({ from: '/shell/contacts/$externalId' })
  const navigate = useNavigate()
  const { contact, suppression } = profile
  const externalId = contact.external_id
  const who = nameOf(contact)
  const [form, setForm] = useState<Form>()
  const close = () => setForm(undefined)
  const set = (patch: Partial<ContactSearch>) =>
    void navigate({
      to: '/contacts/$externalId',
      params: { externalId },
      search: { ...search, ...patch },
      replace: true,
      resetScroll: false,
    })
  const remove = async () => {
    const done = await confirm({
      title: t('delete.title', { who }),
      children: <DeleteText deletes={profile.deletes} suppressed={!!suppression} />,
      confirm: t('delete.confirm'),
      danger: true,
      action: () => client.DELETE('/api/v1/contacts/{external_id}', { params: { path: { external_id: externalId } } }),
    })
    if (!done) return
    notifications.show({ color: 'teal', message: t('delete.done') })
    await navigate({ to: '/contacts' })
    void refresh('/api/v1/contacts', '/api/v1/topics', '/api/v1/suppressions')
  }
  return (
    <Page
      title={who}
      badge={suppression && <CauseBadge cause={suppression.cause} />}
      back={{ to: '/contacts', label: t('title') }}
      lead={
        <Group gap={4}>
          <Text size="sm" component="span" style={{ overflowWrap: 'anywhere' }}>
            {contact.email || t('noAddress')}
          </Text>
          {contact.email && <CopyButton value={contact.email} what={t('address')} />}
        </Group>
      }
      actions={
        <>
          <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setForm('edit')}>
            {t('page.edit')}
          </Button>
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <ActionIcon variant="default" size={36} aria-label={t('page.more')}>
                <IconDots size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                color="var(--mantine-color-error)"
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => void remove()}
              >
                {t('page.delete')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      }
    >
      {suppression && <SuppressionNote suppression={suppression} />}
      <OrderFigures stats={profile.stats} />
      <div className={classes.columns}>
        <Stack gap="lg">
          <Facts contact={contact} />
          <Consents
            consents={profile.consents ?? []}
            onChange={(topic, state) => setForm({ topic, state })}
            onAdd={() => setForm({ state: 'subscribed' })}
          />
          <Segments segments={profile.segments ?? []} />
          <Attributes attributes={contact.attributes} onEdit={() => setForm('attributes')} />
        </Stack>
        <Tabs
          className={classes.main}
          value={search.tab ?? 'timeline'}
          onChange={(tab) => set({ tab: tab === 'orders' ? 'orders' : undefined })}
          keepMounted={false}
        >
          <Tabs.List mb="sm">
            <Tabs.Tab value="timeline">{t('page.timelineTab')}</Tabs.Tab>
            <Tabs.Tab value="orders">
              {t('page.orderTab')} ({f.number(profile.deletes.orders)})
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="timeline">
            <Timeline externalId={externalId} who={who} kind={search.kind} onKind={(kind) => set({ kind })} />
          </Tabs.Panel>
          <Tabs.Panel value="orders">
            <Orders externalId={externalId} who={who} />
          </Tabs.Panel>
        </Tabs>
      </div>
      {form === 'edit' && <ContactForm contact={contact} onClose={close} />}
      {form === 'attributes' && <AttributesForm contact={contact} onClose={close} />}
      {typeof form === 'object' && <ConsentForm externalId={externalId} {...form} onClose={close} />}
    </Page>
  )
}
