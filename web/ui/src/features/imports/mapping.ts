/**
 * Which column of a file becomes what. The server says what it takes each column for; a
 * person's choices come before that, and go along with each question.
 */
import type { Schemas } from '~/api/client'
import { isTopic } from '~/features/topics/topic'

import type { Kind } from './search'

export type Preview = Schemas['ImportPreview']
export type Column = Schemas['ImportPreviewColumn']
export type Row = Schemas['ImportPreviewRow']
export type Fault = Schemas['ImportPreviewFault']

/** What a column becomes. "other" is an attribute, or nothing where the kind has none. */
export type Choice =
  { as: 'field'; field: string } | { as: 'consent'; topic: string } | { as: 'attribute'; name: string } | { as: 'skip' }

/** What a person chose, by the name of the column; see names. */
export type Choices = Record<string, Choice>

export interface Mapping {
  map: string[]
  skip: string[]
}

export const consent = 'consent.'
export const attribute = 'attr:'

/**
 * How the columns are told apart: by their titles, and of several with one title by their
 * number, as the API has it. A column without a title has no name and cannot be chosen.
 */
export function names(columns: Pick<Column, 'title'>[]): string[] {
  const seen = new Map<string, number>()
  const often = new Map<string, number>()
  for (const { title } of columns) often.set(title, (often.get(title) ?? 0) + 1)
  return columns.map(({ title }) => {
    const n = (seen.get(title) ?? 0) + 1
    seen.set(title, n)
    return title && often.get(title)! > 1 ? `${title}#${n}` : title
  })
}

/** One of the four columns of a file of rejected rows that say what was wrong. */
export const isNote = (c: Column) => c.skipped && !c.mapped

/** What the server takes a column for. */
export function taken(c: Column, kind: Kind): Choice {
  if (c.field?.startsWith(consent)) return { as: 'consent', topic: c.field.slice(consent.length) }
  if (c.field) return { as: 'field', field: c.field }
  if (c.skipped || !c.attribute || kind === 'orders') return { as: 'skip' }
  return { as: 'attribute', name: c.attribute }
}

/** Where two columns cannot both be that. */
function same(a: Choice, b: Choice): boolean {
  if (a.as === 'field' && b.as === 'field') return a.field === b.field
  if (a.as === 'consent' && b.as === 'consent') return a.topic !== '' && a.topic === b.topic
  return false
}

/** The choices after one more: what another column was chosen for before is that one's no longer. */
export function choose(choices: Choices, name: string, choice: Choice): Choices {
  const kept = Object.entries(choices).filter(([other, c]) => other !== name && !same(c, choice))
  return { ...Object.fromEntries(kept), [name]: choice }
}

/** Those of the choices whose columns a file has. */
export function within(choices: Choices, known: string[]): Choices {
  return Object.fromEntries(Object.entries(choices).filter(([name]) => known.includes(name)))
}

/** A choice that lacks something; it is not sent before it is whole. */
export function unfinished(c: Choice): boolean {
  return (c.as === 'consent' && !isTopic(c.topic)) || (c.as === 'attribute' && !attributeName(c.name))
}

/** In a request the field ends at the first "=". */
const attributeName = (s: string) => s.trim() !== '' && !s.includes('=')

/** The choices as the API takes them. */
export function toQuery(choices: Choices): Mapping {
  const out: Mapping = { map: [], skip: [] }
  for (const [name, c] of Object.entries(choices).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (unfinished(c)) continue
    if (c.as === 'skip') out.skip.push(name)
    else if (c.as === 'field') out.map.push(`${c.field}=${name}`)
    else if (c.as === 'consent') out.map.push(`${consent}${c.topic}=${name}`)
    else out.map.push(`${attribute}${c.name.trim()}=${name}`)
  }
  return out
}

/** The other way: what an import was begun with. */
export function fromOptions(options: Schemas['ImportOptions']): [string, Choice][] {
  const chosen = Object.entries(options.map ?? {}).map(([field, name]): [string, Choice] => [
    name,
    field.startsWith(attribute)
      ? { as: 'attribute', name: field.slice(attribute.length) }
      : field.startsWith(consent)
        ? { as: 'consent', topic: field.slice(consent.length) }
        : { as: 'field', field },
  ])
  return [...chosen, ...(options.skip ?? []).map((name): [string, Choice] => [name, { as: 'skip' }])]
}

/** Fields that a file must have and this one lacks. Of a contact's external_id and email one is enough: "who". */
export function missing(preview: Preview, kind: Kind): string[] {
  const columns = preview.columns ?? []
  const has = (field: string) => columns.some((c) => c.field === field)
  if (kind === 'contacts') return has('external_id') || has('email') ? [] : ['who']
  return (preview.fields ?? []).filter((f) => f.required && !has(f.name)).map((f) => f.name)
}

/** What else is wrong with the file as a whole. */
export function problems(preview: Preview): Fault[] {
  return (preview.problems ?? []).filter((p) => !/ is missing; the first line names: /.test(p.message))
}

/** Under which key of a row's values a column's value is; undefined: it is not stored. */
export function key(c: Column, kind: Kind): string | undefined {
  if (c.field) return c.field
  if (c.skipped || !c.attribute || kind === 'orders') return undefined
  return attribute + c.attribute
}

export interface Shown {
  key: string
  /** The column of the file; -1: what the import adds. */
  cell: number
}

/** The columns of a preview: those of the file that are stored, and what is stored besides. */
export function shown(preview: Preview, kind: Kind): Shown[] {
  const of: Shown[] = []
  preview.columns?.forEach((c, cell) => {
    const k = key(c, kind)
    if (k) of.push({ key: k, cell })
  })
  const added = new Set<string>()
  for (const row of preview.rows ?? [])
    for (const k of Object.keys(row.values)) if (!of.some((s) => s.key === k)) added.add(k)
  return [...of, ...[...added].sort().map((k) => ({ key: k, cell: -1 }))]
}

/** What is wrong with one cell of a row. */
export function cellProblems(row: Row, s: Shown, columns: Column[]): Fault[] {
  const title = columns[s.cell]?.title
  return (row.problems ?? []).filter((p) => p.field !== '' && (p.field === s.key || p.field === title))
}

/** What is wrong with a row and with none of the cells that are shown. */
export function rowProblems(row: Row, all: Shown[], columns: Column[]): Fault[] {
  const atCells = all.flatMap((s) => cellProblems(row, s, columns))
  return (row.problems ?? []).filter((p) => !atCells.includes(p))
}
