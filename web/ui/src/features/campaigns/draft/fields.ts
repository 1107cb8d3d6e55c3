/** What a marketer sets of a campaign, as the page edits it, and how two versions of it meet. */
import type { Schemas } from '~/api/client'

export type Campaign = Schemas['Campaign']

/** When it is sent: null at start, else once or at every tick of a cron spec. */
export type Schedule = { at: string } | { cron: string; timezone: string } | null

export interface Fields {
  name: string
  template_id: number
  sender_name: string
  sender_address: string
  topic: string
  relay: string
  include: number[]
  exclude: number[]
  schedule: Schedule
  in_doubt: 'hold' | 'resend'
}

export type Field = keyof Fields

export const fieldNames = [
  'name',
  'include',
  'exclude',
  'topic',
  'template_id',
  'sender_name',
  'sender_address',
  'schedule',
  'relay',
  'in_doubt',
] as const satisfies Field[]

export function fieldsOf(c: Campaign): Fields {
  return {
    name: c.name,
    template_id: c.template_id,
    sender_name: c.sender.name,
    sender_address: c.sender.address,
    topic: c.topic,
    relay: c.relay,
    include: c.audience.include ?? [],
    exclude: c.audience.exclude ?? [],
    schedule: scheduleOf(c.schedule),
    in_doubt: c.in_doubt,
  }
}

function scheduleOf(s: Campaign['schedule']): Schedule {
  if (s?.at) return { at: s.at }
  if (s?.cron) return { cron: s.cron, timezone: s.timezone || 'UTC' }
  return null
}

/** The body that saves fields. */
export function bodyOf(f: Fields): Schemas['CampaignFields'] {
  return {
    name: f.name,
    template_id: f.template_id,
    sender: { name: f.sender_name, address: f.sender_address },
    topic: f.topic,
    relay: f.relay,
    audience: { include: f.include, exclude: f.exclude },
    ...(f.schedule ? { schedule: f.schedule } : {}),
    in_doubt: f.in_doubt,
  }
}

/** The field that a location of the API's errors is about. */
export function fieldAt(location: string): Field | undefined {
  const known: [string, Field][] = [
    ['name', 'name'],
    ['template_id', 'template_id'],
    ['sender.name', 'sender_name'],
    ['sender.address', 'sender_address'],
    ['topic', 'topic'],
    ['relay', 'relay'],
    ['audience.include', 'include'],
    ['audience.exclude', 'exclude'],
    ['schedule', 'schedule'],
    ['in_doubt', 'in_doubt'],
  ]
  return known.find(([at]) => location === at || location.startsWith(`${at}.`) || location.startsWith(`${at}[`))?.[1]
}

/** The server trims texts: what differs by that alone is not a change. */
const plain = (v: Fields[Field]) => (typeof v === 'string' ? v.trim() : JSON.stringify(v))

export function changed(a: Fields, b: Fields): Field[] {
  return fieldNames.filter((k) => plain(a[k]) !== plain(b[k]))
}

/** A field that two people have made different things of. */
export interface Difference {
  field: Field
  /** Whose change it is; both: each has changed it. */
  by: 'me' | 'them' | 'both'
}

/** What differs between mine and theirs, both made of base. */
export function differences(base: Fields, mine: Fields, theirs: Fields): Difference[] {
  return changed(mine, theirs).map((field) => ({
    field,
    by:
      plain(mine[field]) === plain(base[field]) ? 'them' : plain(theirs[field]) === plain(base[field]) ? 'me' : 'both',
  }))
}

/** Theirs, with the fields of mine that were chosen. */
export function merged(mine: Fields, theirs: Fields, keep: Field[]): Fields {
  return { ...theirs, ...Object.fromEntries(keep.map((k) => [k, mine[k]])) }
}

/** What cannot be saved as it is, and is kept back until it can. */
export function unfit(f: Fields): Partial<Record<Field, 'missing' | 'address'>> {
  return {
    ...(f.name.trim() ? {} : { name: 'missing' as const }),
    ...(f.sender_address.trim() === '' || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(f.sender_address.trim())
      ? {}
      : { sender_address: 'address' as const }),
  }
}
