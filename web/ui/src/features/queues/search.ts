import type { QueueName, TaskState } from './show'

const names: readonly string[] = ['triggered', 'bulk', 'events', 'control', 'webhooks'] satisfies QueueName[]
const states: readonly string[] = ['retry', 'archived', 'pending', 'active'] satisfies TaskState[]

/** What the address says about the page: whose tasks are listed, and whose history is shown. */
export interface QueueSearch {
  queue?: QueueName
  state?: TaskState
  history?: QueueName
}

export function searchOf(search: Record<string, unknown>): QueueSearch {
  const one = <T>(value: unknown, of: readonly string[]) =>
    typeof value === 'string' && of.includes(value) ? (value as T) : undefined
  const queue = one<QueueName>(search.queue, names)
  const state = one<TaskState>(search.state, states)
  const history = one<QueueName>(search.history, names)
  return { ...(queue && { queue }), ...(state && { state }), ...(history && { history }) }
}
