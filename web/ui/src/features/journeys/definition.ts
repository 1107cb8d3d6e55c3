/**
 * A journey's definition as the API gives it. The API's document leaves it open, since
 * package journeys describes it (docs/journeys.md); here stands what pages show of it.
 */

export type StepType = 'send' | 'wait' | 'wait_until' | 'branch' | 'split' | 'update_contact' | 'webhook' | 'exit'

export type TriggerType =
  'order' | 'event' | 'abandoned' | 'not_bought' | 'win_back' | 'replenishment' | 'segment' | 'date'

export interface Condition {
  field: string
  operator: string
  value?: unknown
  from?: string
  to?: string
  within_days?: number
  times?: unknown
  quantity?: number
}

export interface Group {
  combinator: 'and' | 'or'
  rules: Rule[]
  not?: boolean
}

export type Rule = Condition | Group

export interface Trigger {
  type: TriggerType
  on?: string
  name?: string
  where?: Rule
  within?: string
  unless?: Rule
  products?: string[]
  categories?: string[]
  interval?: string
  segment_id?: number
  attribute?: string
  offset?: string
  at?: string
  yearly?: boolean
}

export interface Step {
  id: string
  type: StepType
  template_id?: number
  sender?: { name?: string; address: string }
  topic?: string
  relay?: string
  transactional?: boolean
  promotes?: string[]
  for?: string
  at?: string
  on?: string[]
  event?: string
  timeout?: string
  if?: Rule
  then?: Step[]
  else?: Step[]
  paths?: { weight: number; steps: Step[] }[]
  set?: Record<string, unknown>
  subscribe?: string[]
  unsubscribe?: string[]
  url?: string
  reason?: string
}

export interface Definition {
  trigger: Trigger
  entry?: { key?: 'order' | 'event' | 'contact'; again_after?: string; if?: Rule }
  exit?: { goal?: Rule; on_refund?: boolean }
  steps: Step[]
}

/** The definition in an answer; undefined where the role may not see it. */
export function definitionOf(answer: { definition: unknown }): Definition | undefined {
  const d = answer.definition as Definition | null | undefined
  return d && Array.isArray(d.steps) ? d : undefined
}

/** A way out of a step, as the API names it: "then", "else", "path 2". Empty: the only one. */
export type Way = string

/** The lists in a step, by way, with the share of those who are drawn for it. */
export function waysOf(step: Step): { way: Way; steps: Step[]; share?: number }[] {
  switch (step.type) {
    case 'branch':
    case 'wait_until':
      return [
        { way: 'then', steps: step.then ?? [] },
        { way: 'else', steps: step.else ?? [] },
      ]
    case 'split': {
      const paths = step.paths ?? []
      const total = paths.reduce((sum, p) => sum + p.weight, 0)
      return paths.map((p, i) => ({ way: `path ${i + 1}`, steps: p.steps ?? [], share: total ? p.weight / total : 0 }))
    }
  }
  return []
}

/** All steps, in the sequence in which they are written. */
export function allSteps(steps: Step[]): Step[] {
  return steps.flatMap((s) => [s, ...waysOf(s).flatMap((w) => allSteps(w.steps))])
}
