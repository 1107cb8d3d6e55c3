import type { Queue, QueueName, TaskState } from './show'

/** Where the address does not say: the first queue that has something dead, or to be retried. */
export function firstWithTrouble(queues: Queue[]): { queue: QueueName; state: TaskState } {
  const dead = queues.find((q) => q.archived > 0)
  if (dead) return { queue: dead.name, state: 'archived' }
  return { queue: queues.find((q) => q.retry > 0)?.name ?? 'bulk', state: 'retry' }
}
