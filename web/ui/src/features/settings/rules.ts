import type { Schemas } from '~/api/client'

import { words } from './words'

/** What the form of the sending rules holds; numbers may be half typed. */
export interface RuleValues {
  capOn: boolean
  mails: number | string
  days: number | string
  quietOn: boolean
  from: string
  to: string
  timezone: string
}

export function valuesOf(rules: Schemas['SendingRules'], zone: string): RuleValues {
  const { frequency_cap: cap, quiet_hours: quiet } = rules
  return {
    capOn: !!cap,
    mails: cap?.mails ?? 3,
    days: cap?.days ?? 7,
    quietOn: !!quiet,
    from: quiet?.from ?? '22:00',
    to: quiet?.to ?? '08:00',
    // Nobody has chosen one yet: whoever sets up the rules is likely where the customers are.
    timezone: !cap && !quiet && rules.timezone === 'UTC' ? zone : rules.timezone,
  }
}

export function bodyOf(v: RuleValues): Schemas['PutSendingRulesInputBody'] {
  return {
    ...(v.capOn ? { frequency_cap: { mails: Number(v.mails), days: Number(v.days) } } : {}),
    ...(v.quietOn ? { quiet_hours: { from: v.from, to: v.to } } : {}),
    timezone: v.timezone,
  }
}

const within = (v: number | string, min: number, max: number) => {
  const n = Number(v)
  return v !== '' && Number.isInteger(n) && n >= min && n <= max ? null : words.t('rules.numberWrong', { min, max })
}
const time = /^([01]\d|2[0-3]):[0-5]\d$/

/** What is wrong with what is switched on, by field. */
export const validate = {
  mails: (v: number | string, all: RuleValues) => (all.capOn ? within(v, 1, 1000) : null),
  days: (v: number | string, all: RuleValues) => (all.capOn ? within(v, 1, 366) : null),
  from: (v: string, all: RuleValues) => (all.quietOn && !time.test(v) ? words.t('rules.timeWrong') : null),
  to: (v: string, all: RuleValues) => {
    if (!all.quietOn) return null
    return !time.test(v) ? words.t('rules.timeWrong') : v === all.from ? words.t('rules.timeSame') : null
  },
}

/** The rules as people say them. */
export function sentences(v: RuleValues): string[] {
  const t = words.t
  return [
    v.capOn
      ? t('rules.sentenceCap', {
          count: Number(v.mails) || 0,
          days: t('rules.days', { count: Number(v.days) || 0 }),
        })
      : t('rules.sentenceNoCap'),
    v.quietOn
      ? t('rules.sentenceQuiet', { from: v.from, to: v.to, zone: v.timezone.replaceAll('_', ' ') })
      : t('rules.sentenceNoQuiet'),
  ]
}
