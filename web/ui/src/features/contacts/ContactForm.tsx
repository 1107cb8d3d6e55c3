import { Autocomplete, Button, Group, Modal, Select, SimpleGrid, Stack, TagsInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMemo, useState } from 'react'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { zones } from '~/features/users/zones'
import { isTopic } from '~/features/topics/topic'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { nameOf } from './names'
import { useSource } from './source'
import { words } from './words'

interface Props {
  /** Who is changed; undefined: somebody new. */
  contact?: Schemas['Contact']
  onClose: () => void
  onSaved?: (externalId: string) => void
}

/** Adds a contact, or changes what is known about one. Attributes and consents have forms of their own. */
export function ContactForm({ contact, onClose, onSaved }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const source = useSource()
  const [busy, setBusy] = useState(false)
  const topics = $api.useQuery('get', '/api/v1/topics').data?.items ?? []
  const countries = $api.useQuery('get', '/api/v1/segments/values', {
    params: { query: { field: 'country' } },
  }).data?.items
  const zoneData = useMemo(() => zones(contact?.timezone ?? ''), [contact])
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: {
      external_id: contact?.external_id ?? '',
      email: contact?.email ?? '',
      first_name: contact?.first_name ?? '',
      last_name: contact?.last_name ?? '',
      phone: contact?.phone ?? '',
      country: contact?.country ?? '',
      language: contact?.language ?? '',
      timezone: (contact?.timezone ?? '') as string | null,
      topics: [] as string[],
    },
    validate: {
      external_id: (v) => (v.trim() ? null : t('form.missing')),
      topics: (list) => (list.every(isTopic) ? null : t('consents.topicWrong')),
    },
  })
  const save = form.onSubmit(async (values) => {
    setBusy(true)
    const { external_id: typed, topics: chosen, timezone, ...rest } = values
    const external_id = contact?.external_id ?? typed.trim()
    const params = { path: { external_id } }
    try {
      if (!contact && (await exists(external_id))) {
        form.setFieldError('external_id', t('form.exists'))
        return setBusy(false)
      }
      await client.PUT('/api/v1/contacts/{external_id}', { params, body: { ...rest, timezone: timezone ?? '' } })
      for (const topic of chosen) {
        const body = { state: 'subscribed' as const, source }
        await client.PUT('/api/v1/contacts/{external_id}/consents/{topic}', {
          params: { path: { external_id, topic } },
          body,
        })
      }
      void refresh('/api/v1/contacts', '/api/v1/topics')
      notifications.show({ color: 'teal', message: contact ? say('saved') : t('form.created') })
      onClose()
      onSaved?.(external_id)
    } catch (e) {
      setBusy(false)
      const fields = Object.entries(e instanceof Problem ? e.fields : {}).filter(([name]) => name in values)
      for (const [name, message] of fields)
        form.setFieldError(
          name,
          name === 'email' ? t('form.emailWrong') : name === 'timezone' ? t('form.zoneWrong') : message,
        )
      if (fields.length === 0) notifyProblem(e)
    }
  })
  return (
    <Modal
      opened
      size="lg"
      closeOnClickOutside={false}
      onClose={() => !busy && onClose()}
      title={contact ? t('form.edit', { who: nameOf(contact) }) : t('form.add')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={save} noValidate>
        <Stack gap="sm">
          {!contact && (
            <TextInput
              label={t('externalId')}
              description={t('externalIdHint')}
              required
              maxLength={200}
              autoComplete="off"
              data-autofocus
              key={form.key('external_id')}
              {...form.getInputProps('external_id')}
            />
          )}
          <TextInput
            type="email"
            label={t('address')}
            description={contact && t('form.emailHint')}
            maxLength={320}
            autoComplete="off"
            data-autofocus={!!contact || undefined}
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="sm">
            <TextInput
              label={t('firstName')}
              maxLength={200}
              autoComplete="off"
              key={form.key('first_name')}
              {...form.getInputProps('first_name')}
            />
            <TextInput
              label={t('lastName')}
              maxLength={200}
              autoComplete="off"
              key={form.key('last_name')}
              {...form.getInputProps('last_name')}
            />
            <Autocomplete
              label={t('country')}
              description={t('countryHint')}
              maxLength={100}
              autoComplete="off"
              data={[...new Set((countries ?? []).map((c) => c.value))]}
              key={form.key('country')}
              {...form.getInputProps('country')}
            />
            <TextInput
              label={t('language')}
              description={t('languageHint')}
              maxLength={35}
              autoComplete="off"
              key={form.key('language')}
              {...form.getInputProps('language')}
            />
            <Select
              label={t('timezone')}
              searchable
              clearable
              clearButtonProps={{ 'aria-label': say('clear') }}
              limit={100}
              data={zoneData}
              key={form.key('timezone')}
              {...form.getInputProps('timezone')}
            />
            <TextInput
              type="tel"
              label={t('phone')}
              maxLength={50}
              autoComplete="off"
              key={form.key('phone')}
              {...form.getInputProps('phone')}
            />
          </SimpleGrid>
          {!contact && (
            <TagsInput
              label={t('form.topics')}
              description={t('form.topicsHint', { source })}
              placeholder={t('form.topicsPlaceholder')}
              maxTags={20}
              data={topics.map((row) => row.topic)}
              key={form.key('topics')}
              {...form.getInputProps('topics')}
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {contact ? say('save') : say('create')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** A PUT would change whoever has the number already. */
async function exists(external_id: string) {
  try {
    await client.GET('/api/v1/contacts/{external_id}', { params: { path: { external_id } } })
    return true
  } catch (e) {
    if (e instanceof Problem && e.status === 404) return false
    throw e
  }
}
