/** Times in a zone, and cron specs that people can read. */

const minute = 60_000

const clocks = new Map<string, Intl.DateTimeFormat>() // one is dear to make

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone)
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
    clocks.set(zone, clock)
  }
  return clock
}

/** How far a zone is ahead of UTC at a moment, in minutes. */
function offset(at: number, zone: string): number {
  const parts = clockOf(zone).formatToParts(at)
  const n = (type: string) => Number(parts.find((p) => p.type === type)?.value)
  return (
    (Date.UTC(n('year'), n('month') - 1, n('day'), n('hour'), n('minute')) - Math.floor(at / minute) * minute) / minute
  )
}

/**
 * The moment at which clocks in a zone show a date and time ("2026-03-29 02:30"). One that
 * spring skips is moved on by as much as the clock is; of one that autumn repeats it is the first.
 */
export function momentOf(civil: string, zone: string): Date | undefined {
  const m = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)/.exec(civil)
  if (!m) return undefined
  const [y, mo, d, h, mi] = m.slice(1).map(Number) as [number, number, number, number, number]
  const asUTC = Date.UTC(y, mo - 1, d, h, mi)
  if (Number.isNaN(asUTC)) return undefined
  const before = offset(asUTC - 24 * 60 * minute, zone)
  const after = offset(asUTC + 24 * 60 * minute, zone)
  // The earlier of the two moments that it can be; in a gap neither shows it, and the offset before gives a time after it.
  const candidates = [before, after]
    .map((o) => asUTC - o * minute)
    .filter((t) => t + offset(t, zone) * minute === asUTC)
  return new Date(candidates.length ? Math.min(...candidates) : asUTC - before * minute)
}

/** What clocks in a zone show at a moment: "2026-03-14 09:00:00". */
export function civilOf(at: string | Date, zone: string): string {
  const t = new Date(at).getTime()
  return new Date(t + offset(t, zone) * minute).toISOString().slice(0, 16).replace('T', ' ') + ':00'
}

/** The day at a moment in a zone: "2026-03-14". */
export function dayOf(at: string | Date, zone: string): string {
  return civilOf(at, zone).slice(0, 10)
}

/** A cron spec as a form shows it. Days of the week are 0 (Sunday) to 6. */
export type Rhythm =
  | { kind: 'daily'; time: string }
  | { kind: 'weekly'; time: string; days: number[] }
  | { kind: 'monthly'; time: string; day: number }
  | { kind: 'raw'; spec: string }

const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Reads a spec; what the form has no fields for is raw. */
export function rhythmOf(spec: string): Rhythm {
  const raw: Rhythm = { kind: 'raw', spec }
  const parts = spec.trim().split(/\s+/)
  if (parts.length !== 5) return raw
  const [mi, h, dom, month, dow] = parts as [string, string, string, string, string]
  if (!/^\d{1,2}$/.test(mi) || !/^\d{1,2}$/.test(h) || Number(mi) > 59 || Number(h) > 23 || month !== '*') return raw
  const time = `${h.padStart(2, '0')}:${mi.padStart(2, '0')}`
  if (dom === '*' && dow === '*') return { kind: 'daily', time }
  if (dom !== '*' && dow === '*') {
    return /^\d{1,2}$/.test(dom) && Number(dom) >= 1 && Number(dom) <= 31
      ? { kind: 'monthly', time, day: Number(dom) }
      : raw
  }
  if (dom !== '*') return raw
  const days = daysOf(dow)
  return days ? { kind: 'weekly', time, days } : raw
}

function daysOf(list: string): number[] | undefined {
  const one = (s: string) => {
    const named = names.indexOf(s.toLowerCase())
    if (named >= 0) return named
    return /^[0-6]$/.test(s) ? Number(s) : undefined
  }
  const days = new Set<number>()
  for (const part of list.split(',')) {
    const [from, to, more] = part.split('-')
    const first = one(from ?? '')
    const last = to === undefined ? first : one(to)
    if (first === undefined || last === undefined || more !== undefined || last < first) return undefined
    for (let d = first; d <= last; d++) days.add(d)
  }
  return [...days].sort((a, b) => a - b)
}

export function specOf(r: Rhythm): string {
  if (r.kind === 'raw') return r.spec
  const [h, mi] = r.time.split(':').map(Number) as [number, number]
  switch (r.kind) {
    case 'daily':
      return `${mi} ${h} * * *`
    case 'weekly':
      return `${mi} ${h} * * ${r.days.length ? [...r.days].sort((a, b) => a - b).join(',') : '*'}`
    case 'monthly':
      return `${mi} ${h} ${r.day} * *`
  }
}

export const zones: string[] = Intl.supportedValuesOf('timeZone').includes('UTC')
  ? Intl.supportedValuesOf('timeZone')
  : ['UTC', ...Intl.supportedValuesOf('timeZone')]
