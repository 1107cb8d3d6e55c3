/** A contact's attributes as a form holds them, and back. */

export type AttributeType = 'text' | 'number' | 'flag' | 'json'
export const attributeTypes = ['text', 'number', 'flag', 'json'] as const

export interface AttributeRow {
  name: string
  type: AttributeType
  value: string
}

export function typeOf(value: unknown): AttributeType {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'flag' : 'json'
}

/** A value as one reads it: texts bare, everything else as JSON. */
export const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

export function rowsOf(attributes: Record<string, unknown>): AttributeRow[] {
  return Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => ({ name, type: typeOf(value), value: shown(value) }))
}

/** "1,5" is read as people write it who separate with a comma; undefined: no number. */
function numberOf(text: string): number | undefined {
  const s = text.trim().replace(/^(-?\d+),(\d+)$/, '$1.$2')
  const n = Number(s)
  return s !== '' && Number.isFinite(n) ? n : undefined
}

export function valueOf(row: AttributeRow): unknown {
  switch (row.type) {
    case 'text':
      return row.value
    case 'number':
      return numberOf(row.value)
    case 'flag':
      return row.value === 'true'
    case 'json':
      return JSON.parse(row.value) as unknown
  }
}

export type RowProblem = 'nameMissing' | 'nameTwice' | 'notNumber' | 'notJSON'

/** What is wrong with a row among all, by field. */
export function problemsOf(row: AttributeRow, all: AttributeRow[]): { name?: RowProblem; value?: RowProblem } {
  const name = row.name.trim()
  const out: { name?: RowProblem; value?: RowProblem } = {}
  if (!name) out.name = 'nameMissing'
  else if (all.filter((other) => other.name.trim() === name).length > 1) out.name = 'nameTwice'
  if (row.type === 'number' && numberOf(row.value) === undefined) out.value = 'notNumber'
  if (row.type === 'json') {
    try {
      if (JSON.parse(row.value) === null) out.value = 'notJSON' // null deletes an attribute
    } catch {
      out.value = 'notJSON'
    }
  }
  return out
}

/** What a PUT has to say so that the attributes become these rows: what changed, and null for what goes. */
export function changesOf(before: Record<string, unknown>, rows: AttributeRow[]): Record<string, unknown> {
  const after = new Map(rows.map((row) => [row.name.trim(), valueOf(row)]))
  const changes: [string, unknown][] = []
  for (const [name, value] of after)
    if (!Object.hasOwn(before, name) || JSON.stringify(before[name]) !== JSON.stringify(value))
      changes.push([name, value])
  for (const name of Object.keys(before)) if (!after.has(name)) changes.push([name, null])
  return Object.fromEntries(changes)
}
