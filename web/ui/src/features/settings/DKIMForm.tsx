import { Alert, Anchor, Button, Group, Modal, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { words } from './words'

interface Props {
  /** Names of the records that are there: the same again would change an old key. */
  taken: string[]
  onClose: () => void
  onMade: (key: Schemas['DKIMKey']) => void
}

/** Makes a key that does not sign yet: its record has to be published first. */
export function DKIMForm({ taken, onClose, onMade }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const [own, setOwn] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const filled = (v: string) => (v.trim() ? null : words.t('missing'))
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: {
      domain: '',
      selector: `ph${new Date().getFullYear()}`,
      algorithm: 'rsa-sha256' as 'rsa-sha256' | 'ed25519-sha256',
      private_key: '',
    },
    validate: {
      domain: filled,
      selector: (v, all) =>
        taken.includes(`${v.trim()}._domainkey.${all.domain.trim()}`.toLowerCase())
          ? words.t('dkim.exists')
          : filled(v),
    },
  })
  const make = form.onSubmit(async (v) => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.PUT('/api/v1/domains/{domain}/dkim/{selector}', {
        params: { path: { domain: v.domain.trim(), selector: v.selector.trim() } },
        body: {
          algorithm: v.algorithm,
          active: false,
          ...(v.private_key.trim() ? { private_key: v.private_key } : {}),
        },
      })
      void refresh('/api/v1/dkim')
      onMade(data!)
    } catch (e) {
      setBusy(false)
      const fields = Object.entries(e instanceof Problem ? e.fields : {}).filter(([name]) => name in v)
      fields.forEach(([name, message]) => form.setFieldError(name, message))
      if (fields.length === 0) setProblem(e)
    }
  })
  return (
    <Modal
      opened
      onClose={() => !busy && onClose()}
      title={t('dkim.add')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={make} noValidate>
        <Stack gap="sm">
          <TextInput
            label={t('dkim.domain')}
            description={t('dkim.domainHint')}
            placeholder="shop.example"
            maxLength={253}
            spellCheck={false}
            data-autofocus
            key={form.key('domain')}
            {...form.getInputProps('domain')}
          />
          <TextInput
            label={t('dkim.selector')}
            description={t('dkim.selectorHint')}
            maxLength={63}
            spellCheck={false}
            key={form.key('selector')}
            {...form.getInputProps('selector')}
          />
          <Select
            label={t('dkim.algorithm')}
            data={(['rsa-sha256', 'ed25519-sha256'] as const).map((v) => ({
              value: v,
              label: t(`dkim.algorithms.${v}`),
            }))}
            key={form.key('algorithm')}
            {...form.getInputProps('algorithm')}
          />
          {own ? (
            <Textarea
              label={t('dkim.own')}
              description={t('dkim.ownHint')}
              placeholder="-----BEGIN PRIVATE KEY-----"
              minRows={4}
              maxRows={8}
              autosize
              spellCheck={false}
              key={form.key('private_key')}
              {...form.getInputProps('private_key')}
            />
          ) : (
            <Group>
              <Anchor component="button" type="button" size="sm" onClick={() => setOwn(true)}>
                {t('dkim.ownShow')}
              </Anchor>
            </Group>
          )}
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
              {t('dkim.make')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
