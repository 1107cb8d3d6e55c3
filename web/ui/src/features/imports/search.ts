/** What stands in the address of the page that begins an import. */

export const kinds = ['contacts', 'products', 'orders'] as const
export type Kind = (typeof kinds)[number]

export type Step = 'file' | 'columns' | 'consent' | 'start'

export interface NewSearch {
  kind?: Kind
  /** None is the first: the file. */
  step?: Exclude<Step, 'file'>
}

export const stepsOf = (kind: Kind): Step[] =>
  kind === 'contacts' ? ['file', 'columns', 'consent', 'start'] : ['file', 'columns', 'start']

export function newSearch(s: Record<string, unknown>): NewSearch {
  const kind = kinds.find((k) => k === s.kind)
  const step = stepsOf(kind ?? 'contacts').find((x) => x === s.step)
  return { kind, step: step === 'file' ? undefined : step }
}
