import { Alert, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconDeviceFloppy } from '@tabler/icons-react'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { UnsavedGuard } from '~/components/UnsavedGuard'
import { useWords } from '~/i18n'

import { JourneyEditor, useCheck } from './JourneyEditor'
import { words } from './words'

/** The newest version as text. Saving writes a new draft; what is live stays live. */
export function DefinitionTab({ journey, archived }: { journey: Schemas['JourneyDetail']; archived: boolean }) {
  const t = useWords(words)
  // What was begun with. A newer one of somebody else's takes its place unless there are changes.
  const [base, setBase] = useState(journey)
  const [name, setName] = useState(journey.name)
  const [text, setText] = useState(journey.text)
  const [busy, setBusy] = useState(false)
  const [conflict, setConflict] = useState(false)
  const dirty = name.trim() !== base.name || text !== base.text
  const savedAt = (j: Schemas['JourneyDetail']) => j.versions?.[0]?.created_at
  const take = (j: Schemas['JourneyDetail']) => {
    setBase(j)
    setName(j.name)
    setText(j.text)
    setConflict(false)
  }
  const newer = savedAt(journey) !== savedAt(base) || journey.name !== base.name
  if (newer && !dirty) take(journey)
  const check = useCheck(text, !archived)

  const save = async (over: boolean) => {
    if (!name.trim()) return
    setBusy(true)
    try {
      const checked = await client.POST('/api/v1/journeys/check', { body: { text } })
      if (!checked.data!.ok) {
        notifications.show({ color: 'red', message: t('editor.cannotSave') })
        return
      }
      await client.PUT('/api/v1/journeys/{id}', {
        params: { path: { id: journey.id } },
        body: {
          name: name.trim(),
          definition: checked.data!.definition,
          saved_at: over ? undefined : savedAt(base),
        },
      })
      const { data } = await client.GET('/api/v1/journeys/{id}', { params: { path: { id: journey.id } } })
      setConflict(false)
      setBase(data!)
      setName(data!.name)
      setText((now) => (now === text ? data!.text : now)) // what was typed meanwhile stays
      await refresh('/api/v1/journeys')
      const same = savedAt(data!) === savedAt(base) && data!.version === base.version && data!.name === base.name
      notifications.show({ message: t(same ? 'editor.same' : 'editor.saved', { version: data!.version }) })
    } catch (e) {
      if (e instanceof Problem && e.status === 409 && e.state !== 'archived') {
        setConflict(true)
        void refresh('/api/v1/journeys')
      } else notifyProblem(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack gap="sm">
      <UnsavedGuard when={dirty} />
      {conflict && (
        <Alert color="yellow" role="alert" title={t('editor.changed')}>
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{t('editor.changedText', { version: journey.version })}</Text>
            <Group gap="xs">
              <Button size="xs" onClick={() => void save(true)} loading={busy}>
                {t('editor.over')}
              </Button>
              <Button size="xs" variant="default" onClick={() => take(journey)}>
                {t('editor.theirs')}
              </Button>
            </Group>
          </Stack>
        </Alert>
      )}
      <JourneyEditor
        name={name}
        onName={setName}
        nameError={name.trim() ? undefined : t('editor.nameMissing')}
        text={text}
        onText={setText}
        check={check}
        readOnly={archived}
      />
      {!archived && (
        <Group gap="sm">
          <Button
            leftSection={<IconDeviceFloppy size={16} aria-hidden />}
            disabled={!dirty}
            loading={busy}
            onClick={() => void save(false)}
          >
            {t('editor.save')}
          </Button>
          {dirty && <Badge color="yellow">{t('editor.unsaved')}</Badge>}
        </Group>
      )}
    </Stack>
  )
}
