/** What stands in the addresses of the contacts' pages. What does not fit is left out. */

export const sorts = ['newest', 'oldest', 'name', 'last_order'] as const
export const consents = ['subscribed', 'pending', 'unsubscribed', 'never_asked'] as const

export interface ListSearch {
  q?: string
  topic?: string
  consent?: (typeof consents)[number]
  segment?: number
  suppressed?: 'yes' | 'no'
  ordered?: 'yes' | 'no'
  country?: string
  sort?: (typeof sorts)[number]
}

export const kinds = ['mail', 'order', 'event', 'step', 'consent', 'suppression'] as const
export type Kind = (typeof kinds)[number]

export interface ContactSearch {
  tab?: 'orders'
  kind?: Kind
}

const one = <T extends string>(v: unknown, of: readonly T[]) => (of.includes(v as T) ? (v as T) : undefined)
/** The router reads 42 in an address as a number. */
const text = (v: unknown) =>
  (typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean') && v !== '' ? String(v) : undefined
const yesNo = ['yes', 'no'] as const

export function listSearch(s: Record<string, unknown>): ListSearch {
  const topic = text(s.topic)
  return {
    q: text(s.q),
    topic,
    consent: topic ? (one(s.consent, consents) ?? 'subscribed') : undefined,
    segment: Number.isSafeInteger(s.segment) && Number(s.segment) > 0 ? Number(s.segment) : undefined,
    suppressed: one(s.suppressed, yesNo),
    ordered: one(s.ordered, yesNo),
    country: text(s.country),
    sort: one(s.sort, sorts),
  }
}

export const contactSearch = (s: Record<string, unknown>): ContactSearch => ({
  tab: one(s.tab, ['orders']),
  kind: one(s.kind, kinds),
})

/** The search as the API takes it. */
export function listQuery({ q, ...rest }: ListSearch) {
  return { query: q, ...rest, sort: rest.sort ?? 'newest' }
}

/** How many filters are set; the search and the order are none. */
export const filterCount = (s: ListSearch) =>
  [s.topic, s.segment, s.suppressed, s.ordered, s.country].filter((v) => v !== undefined).length
