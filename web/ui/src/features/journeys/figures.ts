import type { Schemas } from '~/api/client'

import type { Step } from './definition'

/** A number at a step: its words are chips.KEY, and how it comes about chips.KEYFormula. */
export interface Chip {
  key:
    | 'here'
    | 'sent'
    | 'coming'
    | 'skipped'
    | 'failed'
    | 'unknown'
    | 'ended'
    | 'came'
    | 'mails'
    | 'skippedSim'
    | 'waits'
    | 'left'
  n: number
  color: string
}

/** What the picture and the list show beside what a definition says. */
export interface Figures {
  entered?: number
  finished?: number
  step: (step: Step) => Chip[]
  /** How many took a way out of a step; undefined: not known. */
  way?: (step: Step, way: string) => number | undefined
}

const chosen = (chips: Chip[], always: Chip['key'][] = []) => chips.filter((c) => c.n > 0 || always.includes(c.key))

/** Where contacts are now, and what became of mails. */
export function liveFigures(told: Pick<Schemas['JourneyFigures'], 'counts' | 'mails'>): Figures {
  const { counts, mails } = told
  return {
    entered: counts.total.enrolled,
    finished: counts.total.finished,
    step: (step) => {
      const at = counts.steps[step.id]
      const mail = mails[step.id] ?? {}
      const n = (...states: string[]) => states.reduce((sum, s) => sum + (mail[s] ?? 0), 0)
      const waits = step.type === 'wait' || step.type === 'wait_until'
      return chosen(
        [
          { key: 'here', n: at ? at.active + at.waiting : 0, color: 'indigo' },
          { key: 'sent', n: n('sent'), color: 'teal' },
          { key: 'coming', n: n('planned', 'sending', 'deferred'), color: 'indigo' },
          { key: 'skipped', n: n('skipped', 'cancelled'), color: 'gray' },
          { key: 'failed', n: n('failed'), color: 'red' },
          { key: 'unknown', n: n('unknown'), color: 'yellow' },
          { key: 'ended', n: at ? at.finished + at.exited : 0, color: 'gray' },
        ],
        waits ? ['here'] : step.type === 'send' ? ['sent'] : [],
      )
    },
  }
}

/** What would have become of contacts, and how many mails. */
export function simulatedFigures(told: Schemas['Simulated']): Figures {
  return {
    entered: told.enrolled,
    finished: told.statuses.finished ?? 0,
    step: (step) => {
      const at = told.steps[step.id]
      if (!at) return []
      return chosen(
        [
          { key: 'came', n: at.came, color: 'indigo' },
          { key: 'mails', n: at.mails, color: 'teal' },
          { key: 'skippedSim', n: at.skipped, color: 'gray' },
          { key: 'waits', n: at.waiting, color: 'indigo' },
          { key: 'left', n: at.left, color: 'gray' },
        ],
        step.type === 'send' ? ['came', 'mails'] : ['came'],
      )
    },
    way: (step, way) => {
      const at = told.steps[step.id]
      return at && (at.ways[way] ?? 0)
    },
  }
}

/** Enrolments that have entered and not ended. */
export const underWay = (c: Schemas['JourneyCounts']) => c.active + c.waiting
