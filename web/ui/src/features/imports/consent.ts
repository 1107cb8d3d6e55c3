import { isTopic } from '~/features/topics/topic'

/** What keeps somebody from being subscribed: a topic that is none, or nothing that shows the consent. */
export function consentProblem({ topic = '', source = '' }: { topic?: string; source?: string }) {
  if (topic.trim() === '') return undefined
  if (!isTopic(topic.trim())) return 'topic'
  return source.trim() === '' ? 'source' : undefined
}
