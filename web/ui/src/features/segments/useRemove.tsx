import { Modal, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState, type ReactNode } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { notifyProblem, Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { Uses } from './Uses'
import { words } from './words'

type Segment = Schemas['Segment']

async function usesOf(id: number) {
  return (await client.GET('/api/v1/segments/{id}/uses', { params: { path: { id } } })).data!.items ?? []
}

/** Deletes a segment after asking; where something uses it, that is named instead. */
export function useRemove(): [remove: (segment: Segment) => Promise<boolean>, dialog: ReactNode] {
  const t = useWords(words)
  const say = useWords(common)
  const confirm = useConfirm()
  const [refused, setRefused] = useState<{ segment: Segment; uses: Schemas['SegmentUse'][] }>()

  const refuse = async (segment: Segment, uses: Schemas['SegmentUse'][]) => {
    const keeping = uses.filter((u) => u.keeps)
    if (keeping.length > 0) setRefused({ segment, uses: keeping })
    return keeping.length > 0
  }
  const remove = async (segment: Segment) => {
    const { id, name } = segment
    try {
      const uses = await usesOf(id)
      if (await refuse(segment, uses)) return false
      const done = await confirm({
        title: t('remove.title', { name }),
        children: (
          <Text size="sm">
            {t('remove.text')} {uses.length > 0 && t('remove.ended')}
          </Text>
        ),
        confirm: t('remove.confirm'),
        danger: true,
        action: async () => {
          try {
            await client.DELETE('/api/v1/segments/{id}', { params: { path: { id } } })
          } catch (e) {
            // Somebody deleted it first: it is gone all the same.
            if (!(e instanceof Problem && e.status === 404)) throw e
          }
          await refresh('/api/v1/segments')
        },
      })
      if (done) notifications.show({ color: 'teal', message: words.t('remove.done') })
      return done
    } catch (e) {
      notifyProblem(e)
      return false
    }
  }
  const dialog = (
    <Modal
      opened={refused !== undefined}
      onClose={() => setRefused(undefined)}
      title={t('remove.refused', { name: refused?.segment.name })}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <Stack gap="sm">
        <Text size="sm">{t('remove.refusedText')}</Text>
        <Uses list={refused?.uses ?? []} />
      </Stack>
    </Modal>
  )
  return [remove, dialog]
}
