import type { Schemas } from '~/api/client'

type Source = Schemas['TemplateSource']

export type Kind = 'html' | 'mjml' | 'text'

/** A template as it is being written. */
export interface Draft {
  name: string
  subject: string
  preheader: string
  /** What the body is written in. The other kind is kept, so that trying one loses nothing. */
  kind: Kind
  html: string
  mjml: string
  text: string
  /** Whether the plain text is written, or made of the body. */
  ownText: boolean
}

export function draftOf(t: Source & { name: string }): Draft {
  return {
    name: t.name,
    subject: t.subject,
    preheader: t.preheader ?? '',
    kind: t.mjml ? 'mjml' : t.html ? 'html' : 'text',
    html: t.html ?? '',
    mjml: t.mjml ?? '',
    text: t.text ?? '',
    ownText: !!t.text,
  }
}

/** What would be saved. */
export function sourceOf(d: Draft): Required<Source> {
  return {
    subject: d.subject,
    preheader: d.preheader,
    html: d.kind === 'html' ? d.html : '',
    mjml: d.kind === 'mjml' ? d.mjml : '',
    text: d.kind === 'text' || d.ownText ? d.text : '',
  }
}

/** Whether saving would change nothing. */
export function same(a: Draft, b: Draft): boolean {
  return a.name.trim() === b.name.trim() && JSON.stringify(sourceOf(a)) === JSON.stringify(sourceOf(b))
}

/** The part that the editor of the body shows. */
export function bodyOf(d: Draft): string {
  return d[d.kind]
}

// What was not saved is kept in this browser, so that a crash or an ended session loses nothing.

interface Backup {
  draft: Draft
  /** The version that it is a change of. */
  version: number
  at: string
}

const key = (id: number) => `template-draft-${id}`

export function keep(id: number, draft: Draft, version: number, now: Date) {
  try {
    localStorage.setItem(key(id), JSON.stringify({ draft, version, at: now.toISOString() } satisfies Backup))
  } catch {
    // There is no room: then it is kept in this page alone.
  }
}

export function kept(id: number): Backup | undefined {
  try {
    const raw = localStorage.getItem(key(id))
    const backup = raw ? (JSON.parse(raw) as Backup) : undefined
    return backup && typeof backup.draft?.subject === 'string' ? backup : undefined
  } catch {
    return undefined
  }
}

export function forget(id: number) {
  localStorage.removeItem(key(id))
}
