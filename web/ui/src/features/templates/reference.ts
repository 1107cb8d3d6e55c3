import type { Schemas } from '~/api/client'
import type { CodeLanguage, Offer } from '~/components/code/CodeEditor'
import type { Language } from '~/i18n'

import { filtersInGerman, tagsInGerman, variablesInGerman } from './reference-words'

type Reference = Schemas['TemplateVariables']

/** Something that can be put into a template. */
export interface Insertable {
  /** Unique. */
  key: string
  name: string
  group: Group
  /** Of an event: its name. */
  event?: string
  description: string
  example: string
  available?: Schemas['TemplateVariable']['available']
  insert: string
}

export type Group =
  Schemas['TemplateVariable']['group'] | 'attributes' | 'properties' | Schemas['TemplateFilter']['group'] | 'tags'

/** All that can be put into a template, in the language of the moment. */
export function insertables(reference: Reference, language: Language, ofTheShop: string): Insertable[] {
  const german = language === 'de'
  const out: Insertable[] = (reference.variables ?? []).map((v) => ({
    key: v.name,
    name: v.name,
    group: v.group,
    description: german ? variablesInGerman[v.name] : v.description,
    example: v.example,
    available: v.available,
    insert: v.insert,
  }))
  const after = (group: Group, more: Insertable[]) => {
    const last = out.findLastIndex((i) => i.group === group)
    out.splice(last + 1, 0, ...more)
  }
  after(
    'contact',
    (reference.in_use.attributes ?? []).map((name) => ({
      key: `attributes ${name}`,
      name: member('contact.attributes', name),
      group: 'attributes',
      description: ofTheShop,
      example: '',
      available: 'where_known',
      insert: `{{ ${member('contact.attributes', name)} }}`,
    })),
  )
  after(
    'event',
    (reference.in_use.events ?? []).flatMap((event) =>
      (event.properties ?? []).map((name) => ({
        key: `properties ${event.name} ${name}`,
        name: member('event.properties', name),
        group: 'properties' as const,
        event: event.name,
        description: ofTheShop,
        example: '',
        available: 'event_journey' as const,
        insert: `{{ ${member('event.properties', name)} }}`,
      })),
    ),
  )
  for (const f of reference.filters ?? [])
    out.push({
      key: `filter ${f.name}`,
      name: f.use,
      group: f.group,
      description: german ? filtersInGerman[f.name] : f.description,
      example: `${f.example} → ${f.result}`,
      insert: ` | ${f.use}`,
    })
  for (const tag of reference.tags ?? [])
    out.push({
      key: `tag ${tag.name}`,
      name: tag.use.split('…')[0]!,
      group: 'tags',
      description: german ? tagsInGerman[tag.name] : tag.description,
      example: '',
      insert: tag.use.replaceAll('…', ''),
    })
  return out
}

/** A field of an object: with a point, or in brackets where its name is no identifier. */
export function member(path: string, name: string): string {
  return /^[\p{L}_][\p{L}\p{M}\p{Nd}_-]*$/u.test(name) ? `${path}.${name}` : `${path}["${name}"]`
}

/** Those that fit what is searched for: all words, in the name or in what it means. */
export function search(all: Insertable[], text: string): Insertable[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return all.filter((i) => {
    const hay = `${i.name} ${i.description} ${i.event ?? ''}`.toLowerCase()
    return words.every((w) => hay.includes(w))
  })
}

/** What an editor offers while one types. */
export function codeLanguage(all: Insertable[], kind: 'html' | 'mjml' | 'text'): CodeLanguage {
  const plain = (text: string) => text.replaceAll('`', '')
  const offer = (i: Insertable, label: string, apply: string): Offer => ({
    label,
    apply,
    detail: i.example.length <= 30 ? i.example : undefined,
    info: plain(i.description),
  })
  const name = /^[\p{L}_][\p{L}\p{M}\p{Nd}_.-]*$/u
  return {
    name: 'liquid',
    html: kind !== 'text',
    variables: all
      .filter((i) => i.available && name.test(i.name) && !i.name.endsWith('.NAME'))
      .map((i) => offer(i, i.name, i.name)),
    filters: all
      .filter((i) => i.key.startsWith('filter '))
      .map((i) => {
        const label = i.key.slice('filter '.length)
        return { label, apply: i.name.includes(':') ? `${label}: ` : label, detail: i.name, info: plain(i.description) }
      }),
    tags: all
      .filter((i) => i.key.startsWith('tag '))
      .map((i) => ({ label: i.key.slice('tag '.length), info: plain(i.description) })),
    elements: kind === 'mjml' ? mjmlElements : undefined,
  }
}

const mjmlElements = [
  'mjml',
  'mj-head',
  'mj-body',
  'mj-title',
  'mj-preview',
  'mj-attributes',
  'mj-all',
  'mj-class',
  'mj-font',
  'mj-style',
  'mj-wrapper',
  'mj-section',
  'mj-group',
  'mj-column',
  'mj-hero',
  'mj-text',
  'mj-button',
  'mj-image',
  'mj-table',
  'mj-divider',
  'mj-spacer',
  'mj-raw',
  'mj-social',
  'mj-social-element',
  'mj-navbar',
  'mj-navbar-link',
  'mj-accordion',
  'mj-accordion-element',
  'mj-accordion-title',
  'mj-accordion-text',
]
