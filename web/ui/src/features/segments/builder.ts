/** What the parts of a rule's editor know of the whole. */
import { createContext, useContext } from 'react'

import type { Schemas } from '~/api/client'

import type { Gap } from './rule'

export interface Builder {
  known: Schemas['SegmentFieldList']
  /** In a journey a period may begin at the trigger. */
  inJourney: boolean
  errors: Record<string, string>
  gaps: Record<string, Gap>
  /** The whole rule is one condition. */
  bare: boolean
  /** Says to a screen reader what was done. */
  announce: (text: string) => void
  /** Gives the focus back to a button of a node after the tree was drawn anew. */
  focus: (id: string | undefined, ...acts: string[]) => void
}

export const BuilderContext = createContext<Builder>({
  known: { fields: [], attributes: [], topics: [], events: [], currencies: [] },
  inJourney: false,
  errors: {},
  gaps: {},
  bare: false,
  announce: () => {},
  focus: () => {},
})

export const useBuilder = () => useContext(BuilderContext)

/** A condition's or group's place, as people count: "2.1". */
export const placeOf = (path: number[]) => path.map((i) => i + 1).join('.')
