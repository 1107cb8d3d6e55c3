/** Where an import is, and what came of it. */
import type { Schemas } from '~/api/client'

export type Import = Schemas['Import']
export type State = Import['state']

export const isOpen = (state: State) => state === 'uploading' || state === 'waiting' || state === 'running'

/** What is going on, more finely than the state: a file is read first, and what it says is written then. */
export type Phase =
  'uploading' | 'waiting' | 'reading' | 'writing' | 'empty' | 'none' | 'same' | 'some' | 'all' | 'failed' | 'cancelled'

export function phase(
  i: Pick<Import, 'state' | 'read_share' | 'settled' | 'rows' | 'rejected' | 'created' | 'updated'>,
): Phase {
  switch (i.state) {
    case 'running':
      return i.settled > 0 || i.read_share >= 1 ? 'writing' : 'reading'
    case 'done':
      if (i.rows === 0) return 'empty'
      if (i.rejected >= i.rows) return 'none'
      if (i.created + i.updated === 0 && i.rejected === 0) return 'same'
      return i.rejected > 0 ? 'some' : 'all'
    default:
      return i.state
  }
}

/** The share of the whole way, from 0 to 1; undefined: it cannot be told. */
export function share(
  i: Pick<Import, 'kind' | 'state' | 'read_share' | 'settled' | 'rows' | 'rejected' | 'created' | 'updated'>,
): number | undefined {
  switch (phase(i)) {
    case 'reading':
      return Math.min(i.read_share, 1)
    case 'writing':
      // An order has many rows: how many orders there are is known when all are written.
      return i.kind === 'orders' || i.rows <= i.rejected ? undefined : Math.min(i.settled / (i.rows - i.rejected), 1)
    default:
      return undefined
  }
}

/** What was done, as far as it is not nothing. */
export function counts(i: Pick<Import, 'created' | 'updated' | 'unchanged'>) {
  return (['created', 'updated', 'unchanged'] as const).map((of) => ({ of, count: i[of] })).filter((c) => c.count > 0)
}

/** Where one sees what was imported. */
export function resultLink(i: Pick<Import, 'kind' | 'options'>): string {
  switch (i.kind) {
    case 'products':
      return '/products'
    case 'orders':
      return '/contacts?ordered=yes&sort=last_order'
    default:
      return i.options.topic ? `/contacts?topic=${encodeURIComponent(i.options.topic)}&consent=subscribed` : '/contacts'
  }
}
