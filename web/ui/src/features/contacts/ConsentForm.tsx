import { Alert, Autocomplete, Button, Group, Modal, Radio, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'

import { $api, client, refresh } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { consentStates, type ConsentState } from '~/features/topics/consent'
import { words as topicWords } from '~/features/topics/words'
import { isTopic } from '~/features/topics/topic'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { useSource } from './source'
import { words } from './words'

interface Props {
  externalId: string
  /** undefined: one is chosen. */
  topic?: string
  /** What is recorded; it can be changed where no topic is given. */
  state: ConsentState
  onClose: () => void
}

/** Records what a contact said to a topic, with where they said so. */
export function ConsentForm({ externalId, topic, state, onClose }: Props) {
  const t = useWords(words)
  const topicWord = useWords(topicWords)
  const say = useWords(common)
  const source = useSource()
  const topics = $api.useQuery('get', '/api/v1/topics').data?.items ?? []
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const form = useForm({
    initialValues: { topic: topic ?? '', state: state as string, source },
    validate: {
      topic: (v) => (isTopic(v.trim()) ? null : t(v.trim() ? 'consents.topicWrong' : 'consents.topicMissing')),
      source: (v) => (v.trim() ? null : t('consents.sourceMissing')),
    },
  })
  const save = form.onSubmit(async (values) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await client.PUT('/api/v1/contacts/{external_id}/consents/{topic}', {
        params: { path: { external_id: externalId, topic: values.topic.trim() } },
        body: { state: values.state as ConsentState, source: values.source.trim() },
      })
      void refresh('/api/v1/contacts', '/api/v1/topics')
      notifications.show({ color: 'teal', message: say('saved') })
      onClose()
    } catch (e) {
      setBusy(false)
      const fields = e instanceof Problem ? e.fields : {}
      if (fields.source) form.setFieldError('source', fields.source)
      else setProblem(e)
    }
  })
  const leaving = form.values.state === 'unsubscribed'
  const title = topic
    ? t(state === 'unsubscribed' ? 'consents.unsubscribeWhich' : 'consents.subscribeWhich', { topic })
    : t('consents.title')
  return (
    <Modal opened onClose={() => !busy && onClose()} title={title} closeButtonProps={{ 'aria-label': say('close') }}>
      <form onSubmit={save} noValidate>
        <Stack gap="sm">
          {!topic && (
            <>
              <Autocomplete
                label={t('topic')}
                description={t('consents.topicHint')}
                maxLength={64}
                data={topics.map((row) => row.topic)}
                data-autofocus
                {...form.getInputProps('topic')}
              />
              <Radio.Group label={t('consent')} {...form.getInputProps('state')}>
                <Stack gap={8} mt={6}>
                  {consentStates.map((value) => (
                    <Radio
                      key={value}
                      value={value}
                      label={topicWord(`states.${value}`)}
                      description={topicWord(`statesText.${value}`)}
                    />
                  ))}
                </Stack>
              </Radio.Group>
            </>
          )}
          {form.values.state !== 'pending' && (
            <Text size="sm">{t(leaving ? 'consents.unsubscribeText' : 'consents.subscribeText')}</Text>
          )}
          <TextInput
            label={t('consents.source')}
            description={t('consents.sourceHint')}
            maxLength={200}
            data-autofocus={!!topic || undefined}
            {...form.getInputProps('source')}
          />
          {problem !== undefined && (
            <Alert color="red" role="alert">
              {explain(problem)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy} color={topic && leaving ? 'red' : undefined}>
              {topic ? t(leaving ? 'consents.unsubscribe' : 'consents.subscribe') : say('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
