import type { KeyOf, Translate } from '~/i18n'

import { attribute, consent, type Choice } from './mapping'
import type { Kind } from './search'
import { words } from './words'

type T = Translate<KeyOf<typeof words>>

const known: Record<Kind, readonly string[]> = {
  contacts: [
    'external_id',
    'email',
    'first_name',
    'last_name',
    'phone',
    'country',
    'language',
    'timezone',
    'created_at',
    'topics',
  ],
  products: ['sku', 'name', 'category', 'price', 'currency', 'url', 'image_url', 'in_stock'],
  orders: ['order_id', 'contact_external_id', 'placed_at', 'sku', 'quantity', 'unit_price', 'currency', 'status'],
}

/** What a field, or the key of a row's value, is called. One that is not known is shown as it is. */
export function fieldLabel(t: T, kind: Kind, field: string): string {
  if (field.startsWith(attribute)) return field.slice(attribute.length)
  if (field.startsWith(consent) && kind === 'contacts') return t('consentTo', { topic: field.slice(consent.length) })
  return known[kind].includes(field) ? t(`fields.${kind}.${field}` as KeyOf<typeof words>) : field
}

/** What a column was chosen for. */
export function choiceLabel(t: T, kind: Kind, c: Choice): string {
  switch (c.as) {
    case 'field':
      return fieldLabel(t, kind, c.field)
    case 'consent':
      return t('consentTo', { topic: c.topic })
    case 'attribute':
      return `${t('map.attribute')}: ${c.name}`
    case 'skip':
      return t('map.skip')
  }
}
