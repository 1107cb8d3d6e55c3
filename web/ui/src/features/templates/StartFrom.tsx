import { Button, Group, Modal, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { $api, refresh, type Schemas } from '~/api/client'
import { explain } from '~/api/problem'
import { Loaded } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import classes from './StartFrom.module.css'
import { words } from './words'

/** Chooses what a new template begins with, makes it and goes there. */
export function StartFrom({ onClose }: { onClose: () => void }) {
  const t = useWords(words)
  const c = useWords(common)
  const language = document.documentElement.lang
  const samples = $api.useQuery(
    'get',
    '/api/v1/templates/samples',
    { params: { query: { language } } },
    { staleTime: Infinity },
  )
  return (
    <Modal opened onClose={onClose} title={t('start.title')} size="lg" closeButtonProps={{ 'aria-label': c('close') }}>
      <Loaded query={samples}>{({ items }) => <Form samples={items ?? []} onClose={onClose} />}</Loaded>
    </Modal>
  )
}

function Form({ samples, onClose }: { samples: Schemas['TemplateSampleTemplate'][]; onClose: () => void }) {
  const t = useWords(words)
  const c = useWords(common)
  const navigate = useNavigate()
  const [id, setID] = useState(samples[0]?.id ?? '')
  const [name, setName] = useState('')
  const create = $api.useMutation('post', '/api/v1/templates', {
    onSuccess: (made) => {
      void refresh('/api/v1/templates')
      onClose()
      void navigate({ to: '/templates/$id', params: { id: String(made.id) } })
    },
  })
  const sample = samples.find((s) => s.id === id)
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (!sample) return
        const { subject, preheader, html, mjml, text } = sample
        create.mutate({ body: { name: name.trim() || sample.name, subject, preheader, html, mjml, text } })
      }}
    >
      <Stack>
        <Radio.Group label={t('start.from')} value={id} onChange={setID}>
          <Stack gap="xs" mt={4}>
            {samples.map((s) => (
              <Radio.Card key={s.id} value={s.id} className={classes.card} aria-label={s.name}>
                <Group wrap="nowrap" align="flex-start" gap="sm">
                  <Radio.Indicator mt={2} />
                  <div>
                    <Text fw={600} size="sm">
                      {s.name}
                    </Text>
                    <Text size="sm" c="dimmed">
                      {s.description}
                    </Text>
                  </div>
                </Group>
              </Radio.Card>
            ))}
          </Stack>
        </Radio.Group>
        <TextInput
          label={t('start.name')}
          description={t('start.nameHint')}
          placeholder={sample?.name}
          value={name}
          maxLength={200}
          onChange={(e) => setName(e.currentTarget.value)}
          error={create.error ? explain(create.error) : undefined}
          data-autofocus
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {c('cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('start.create')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
