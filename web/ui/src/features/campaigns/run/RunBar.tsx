import type { Schemas } from '~/api/client'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { sharedWords } from '../shared-words'

export type Run = Schemas['CampaignRun']
export type MessageState = Schemas['Message']['state']

/** What a run's recipients are, in the order in which it is shown. */
export const shown = ['sent', 'failed', 'unknown', 'skipped', 'cancelled', 'deferred', 'sending'] as const

/** How many of a run nothing more has to be done for. */
export function settled(r: Run): number {
  return r.recipients - r.planned - r.sending - r.deferred
}

/** A run's states side by side, and in words for who does not see it. */
export function RunBar({ run, small }: { run: Run; small?: boolean }) {
  const t = useWords(sharedWords)
  const f = useFormat()
  const all = Math.max(run.recipients, 1)
  const left = run.planned + run.sending + run.deferred
  return (
    <div
      className={classes.bar}
      data-small={small || undefined}
      role="img"
      aria-label={t('bar', {
        sent: f.number(run.sent),
        other: f.number(run.recipients - run.sent - left),
        left: f.number(left),
        all: f.number(run.recipients),
      })}
    >
      {shown.map(
        (s) => run[s] > 0 && <span key={s} className={classes[s]} style={{ width: `${(100 * run[s]) / all}%` }} />,
      )}
    </div>
  )
}
