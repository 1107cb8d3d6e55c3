import { useNavigate } from '@tanstack/react-router'

import { client, refresh, type Schemas } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { sharedWords } from './shared-words'

/** Makes a new draft and goes there. */
export function useCreate() {
  const t = useWords(sharedWords)
  const f = useFormat()
  const make = useMake()
  return () => make({ name: t('newName', { date: f.date(new Date()) }) } as Schemas['CampaignFields'], true)
}

/** Makes a draft of what is given and goes there; fresh: its name is to be typed. Resolves to whether it did. */
export function useMake() {
  const navigate = useNavigate()
  return async (body: Schemas['CampaignFields'], fresh: boolean): Promise<boolean> => {
    try {
      const { data } = await client.POST('/api/v1/campaigns', { body })
      void refresh('/api/v1/campaigns')
      await navigate({ to: '/campaigns/$id', params: { id: String(data!.id) }, state: { fresh } as never })
      return true
    } catch (error) {
      notifyProblem(error)
      return false
    }
  }
}
