import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

import { useTimezone } from '~/app/session'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** Numbers and times as people read them in a language and a time zone (IANA name). */
export function formatter(language: string, timeZone: string) {
  const number = new Intl.NumberFormat(language)
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 })
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone })
  const exact = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long', timeZone })
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone })
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium', timeZone })
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const list = new Intl.ListFormat(language)
  const at = (t: string | Date) => (typeof t === 'string' ? new Date(t) : t)
  return {
    timeZone,
    number: (n: number) => number.format(n),
    /** 12.3K: where there is no room. */
    compact: (n: number) => compact.format(n),
    /** share is from 0 to 1. */
    percent: (share: number, digits = 0) =>
      new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: digits }).format(share),
    money: (amount: number, currency: string) => {
      try {
        return new Intl.NumberFormat(language, { style: 'currency', currency }).format(amount)
      } catch {
        return `${number.format(amount)} ${currency}` // a shop's own unit
      }
    },
    dateTime: (t: string | Date) => dateTime.format(at(t)),
    /** With weekday, seconds and zone: for titles. */
    exact: (t: string | Date) => exact.format(at(t)),
    date: (t: string | Date) => date.format(at(t)),
    time: (t: string | Date) => time.format(at(t)),
    /** "3 minutes ago", "in 2 days". */
    relative: (t: string | Date, now: Date = new Date()) => {
      const s = Math.round((at(t).getTime() - now.getTime()) / 1000)
      const size = Math.abs(s)
      if (size < minute) return relative.format(s, 'second')
      if (size < hour) return relative.format(Math.round(s / minute), 'minute')
      if (size < day) return relative.format(Math.round(s / hour), 'hour')
      if (size < 60 * day) return relative.format(Math.round(s / day), 'day')
      return relative.format(Math.round(s / day / 30.44), 'month')
    },
    /** A length of time in its two largest units: "3 min 20 sec". */
    duration: (seconds: number) => {
      const parts: [number, string][] = [
        [Math.floor(seconds / day), 'day'],
        [Math.floor((seconds % day) / hour), 'hour'],
        [Math.floor((seconds % hour) / minute), 'minute'],
        [seconds < 10 ? Math.round((seconds % minute) * 10) / 10 : Math.floor(seconds % minute), 'second'],
      ]
      const first = parts.findIndex(([n]) => n > 0)
      const shown = first < 0 ? [parts[3]!] : parts.slice(first, first + 2).filter(([n], i) => i === 0 || n > 0)
      return shown
        .map(([n, unit]) => new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(n))
        .join(' ')
    },
    bytes: (n: number) => {
      const step = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(n, 1)) / 3)))
      const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte'][step]
      return new Intl.NumberFormat(language, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: 1,
      }).format(n / 1000 ** step)
    },
    list: (items: string[]) => list.format(items),
  }
}

export type Format = ReturnType<typeof formatter>

/** The formatter of who is signed in. */
export function useFormat(): Format {
  const { i18n } = useTranslation()
  const zone = useTimezone()
  return useMemo(() => formatter(i18n.language, zone), [i18n.language, zone])
}
