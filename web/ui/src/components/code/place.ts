/** Something that an editor underlines: a place in a text as the API says it. */
export interface Mark {
  severity: 'error' | 'warning'
  /** From 1; 0: the text as a whole. */
  line: number
  /** From 1, in characters (code points); 0: the line as a whole. */
  column: number
  /** In characters, on this line; 0: not known. */
  length: number
  message: string
}

/** The parts of CodeMirror's Text that are looked at. */
interface Lines {
  lines: number
  length: number
  line(n: number): { from: number; to: number; text: string }
}

/**
 * Where a mark is in an editor, which counts UTF-16 units. The text may have changed since
 * it was checked: the range is always inside of it. A mark of the whole text is none.
 */
export function rangeOf(doc: Lines, mark: Mark): { from: number; to: number } | undefined {
  if (mark.line < 1) return undefined
  const line = doc.line(Math.min(mark.line, doc.lines))
  if (mark.column < 1) return { from: line.from, to: line.to }
  const from = line.from + units(line.text, mark.column - 1)
  const to = mark.length > 0 ? line.from + units(line.text, mark.column - 1 + mark.length) : from
  return { from, to: Math.max(from, to) }
}

/** How many UTF-16 units the first n characters of a text are. */
function units(text: string, n: number): number {
  let at = 0
  for (const character of text) {
    if (n-- <= 0) break
    at += character.length
  }
  return at
}
