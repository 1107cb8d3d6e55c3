import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'

import { client, refresh } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { words } from './words'

/** Suppresses an address by hand. */
export function SuppressionForm({ onClose }: { onClose: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { email: '', detail: '' },
    validate: { email: (v) => (v.trim() ? null : t('emailMissing')) },
  })
  const save = form.onSubmit(async (values) => {
    setBusy(true)
    try {
      const body = { ...values, cause: 'manual' as const }
      const { data } = await client.POST('/api/v1/suppressions', { body })
      void refresh('/api/v1/suppression', '/api/v1/contacts', '/api/v1/topics')
      notifications.show({ color: 'teal', message: t('added', { email: data!.email }) })
      onClose()
    } catch (e) {
      setBusy(false)
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.email) form.setFieldError('email', t('emailWrong'))
      else if (fields.detail) form.setFieldError('detail', fields.detail)
      else notifyProblem(e)
    }
  })
  return (
    <Modal opened onClose={() => !busy && onClose()} title={t('add')} closeButtonProps={{ 'aria-label': say('close') }}>
      <form onSubmit={save} noValidate>
        <Stack gap="sm">
          <Text size="sm">
            {t('addText')} {t('already')}
          </Text>
          <TextInput
            type="email"
            label={t('address')}
            autoComplete="off"
            maxLength={320}
            data-autofocus
            key={form.key('email')}
            {...form.getInputProps('email')}
          />
          <TextInput
            label={t('detail')}
            description={t('detailHint')}
            autoComplete="off"
            maxLength={500}
            key={form.key('detail')}
            {...form.getInputProps('detail')}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {t('addButton')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
