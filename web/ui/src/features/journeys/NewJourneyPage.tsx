import { Button, Group } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { $api, client, refresh } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { Page } from '~/components/Page'
import { Loading } from '~/components/states'
import { UnsavedGuard } from '~/components/UnsavedGuard'
import { useWords } from '~/i18n'

import { JourneyEditor, useCheck } from './JourneyEditor'
import { sample } from './sample'
import { words } from './words'

export function NewJourneyPage() {
  const t = useWords(words)
  const options = { staleTime: 60_000 }
  const one = { params: { query: { limit: 1 } } }
  const templates = $api.useQuery('get', '/api/v1/templates', one, options)
  const topics = $api.useQuery('get', '/api/v1/topics', {}, options)
  const campaigns = $api.useQuery('get', '/api/v1/campaigns', one, options)
  return (
    <Page title={t('editor.newTitle')} lead={t('editor.newLead')} back={{ to: '/journeys', label: t('title') }} wide>
      {templates.isPending || topics.isPending || campaigns.isPending ? (
        <Loading />
      ) : (
        <Editor
          begin={sample({
            template: templates.data?.items?.[0]?.name,
            topic: topics.data?.items?.toSorted((a, b) => b.subscribed - a.subscribed)[0]?.topic,
            sender: campaigns.data?.items?.[0]?.sender.address,
          })}
        />
      )}
    </Page>
  )
}

function Editor({ begin }: { begin: string }) {
  const t = useWords(words)
  const navigate = useNavigate()
  const [first] = useState(begin)
  const [name, setName] = useState(() => t('editor.newName'))
  const [text, setText] = useState(begin)
  const [busy, setBusy] = useState(false)
  const check = useCheck(text)
  const create = async () => {
    if (!name.trim()) return
    setBusy(true)
    try {
      const checked = await client.POST('/api/v1/journeys/check', { body: { text } })
      if (!checked.data!.ok) {
        notifications.show({ color: 'red', message: t('editor.cannotSave') })
        return
      }
      const { data } = await client.POST('/api/v1/journeys', {
        body: { name: name.trim(), definition: checked.data!.definition },
      })
      void refresh('/api/v1/journeys')
      notifications.show({ message: t('editor.created') })
      await navigate({ to: '/journeys/$id', params: { id: String(data!.id) }, ignoreBlocker: true })
    } catch (e) {
      notifyProblem(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <UnsavedGuard when={text !== first} />
      <JourneyEditor
        name={name}
        onName={setName}
        nameError={name.trim() ? undefined : t('editor.nameMissing')}
        text={text}
        onText={setText}
        check={check}
      />
      <Group>
        <Button loading={busy} onClick={() => void create()}>
          {t('editor.create')}
        </Button>
      </Group>
    </>
  )
}
