import { Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useNavigate } from '@tanstack/react-router'

import { client, refresh } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { useWords } from '~/i18n'

import { forget } from './draft'
import { words } from './words'

interface Named {
  id: number
  name: string
  version: number
}

/** What can be done with a template as a whole. Each resolves to whether it was done. */
export function useTemplateActions() {
  const t = useWords(words)
  const confirm = useConfirm()
  const navigate = useNavigate()
  const tell = (message: string) => notifications.show({ message })
  const path = (id: number) => ({ params: { path: { id } } })
  return {
    async duplicate({ id, name }: Named) {
      try {
        const { data } = await client.POST('/api/v1/templates/{id}/duplicate', {
          ...path(id),
          body: { name: t('copyOf', { name }).slice(0, 200) },
        })
        void refresh('/api/v1/templates')
        tell(t('duplicated', { name: data!.name }))
        void navigate({ to: '/templates/$id', params: { id: String(data!.id) } })
      } catch (error) {
        notifyProblem(error)
      }
    },
    archive: ({ id, name }: Named) =>
      confirm({
        title: t('archive.title', { name }),
        children: <Text size="sm">{t('archive.text')}</Text>,
        confirm: t('archive.confirm'),
        action: async () => {
          await client.POST('/api/v1/templates/{id}/archive', path(id))
          void refresh('/api/v1/templates')
          tell(t('archive.done', { name }))
        },
      }),
    async unarchive({ id, name }: Named) {
      try {
        await client.POST('/api/v1/templates/{id}/unarchive', path(id))
        void refresh('/api/v1/templates')
        tell(t('unarchived', { name }))
      } catch (error) {
        notifyProblem(error)
      }
    },
    remove: ({ id, name, version }: Named) =>
      confirm({
        title: t('delete.title', { name }),
        children: <Text size="sm">{t('delete.text', { count: version })}</Text>,
        confirm: t('delete.confirm'),
        danger: true,
        action: async () => {
          await client.DELETE('/api/v1/templates/{id}', path(id))
          forget(id)
          void refresh('/api/v1/templates')
          tell(t('delete.done', { name }))
        },
      }),
  }
}
