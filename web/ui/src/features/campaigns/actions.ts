/** What can be done with a campaign as a whole, from the list and from its page. */
import { notifications } from '@mantine/notifications'

import { client, refresh } from '~/api/client'
import { useConfirm } from '~/components/confirm-context'
import { useWords } from '~/i18n'

import { useMake } from './create'
import { bodyOf, type Campaign, type Fields } from './draft/fields'
import { words } from './words'

const maxName = 200

/** Makes a new draft of a campaign's fields and goes there. Its time, which may have passed, is left out. */
export function useCopy() {
  const t = useWords(words)
  const make = useMake()
  return async (fields: Fields) => {
    const schedule = fields.schedule && 'cron' in fields.schedule ? fields.schedule : null
    const name = t('menu.copyName', { name: [...fields.name].slice(0, maxName - 12).join('') })
    if (await make(bodyOf({ ...fields, schedule, name }), false)) notifications.show({ message: t('menu.copied') })
  }
}

/** Asks, and deletes a draft; resolves to whether it did. */
export function useDelete() {
  const t = useWords(words)
  const confirm = useConfirm()
  return (c: Pick<Campaign, 'id' | 'name'>) =>
    confirm({
      title: t('delete.title', { name: c.name }),
      children: t('delete.text'),
      confirm: t('delete.confirm'),
      danger: true,
      action: async () => {
        await client.DELETE('/api/v1/campaigns/{id}', { params: { path: { id: c.id } } })
        localStorage.removeItem(`campaign-draft-${c.id}`)
        void refresh('/api/v1/campaigns')
        notifications.show({ message: t('delete.done') })
      },
    })
}
