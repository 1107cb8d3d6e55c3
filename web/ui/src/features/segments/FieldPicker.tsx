import { Select, TextInput } from '@mantine/core'
import { useEffect, useMemo, useRef, useState } from 'react'

import { useWords } from '~/i18n'

import { useBuilder } from './builder'
import { fieldName } from './names'
import classes from './RuleBuilder.module.css'
import { words } from './words'

const contact = ['email', 'first_name', 'last_name', 'country', 'language', 'timezone', 'phone', 'external_id']
const families = [
  { family: 'attributes', group: 'attributes', other: 'otherAttribute' },
  { family: 'consent', group: 'consent', other: 'otherConsent' },
  { family: 'event', group: 'events', other: 'otherEvent' },
  { family: 'properties', group: 'properties', other: 'otherProperty' },
] as const

interface Props {
  value: string
  wrong: boolean
  /** renamed: it is the same kind of field, whose name was typed. */
  onChange: (field: string, renamed?: boolean) => void
}

/** Chooses what a condition looks at: all fields, and the names that the data has. */
export function FieldPicker({ value, wrong, onChange }: Props) {
  const t = useWords(words)
  const { known } = useBuilder()
  const input = useRef<HTMLInputElement>(null)
  const [typing, setTyping] = useState(value.endsWith('.'))
  const fresh = useRef(value === '')
  useEffect(() => {
    if (fresh.current) input.current?.focus()
  }, [])

  const data = useMemo(() => {
    const fields = known.fields ?? []
    const has = (name: string) => fields.some((f) => f.name === name)
    const item = (name: string) => ({ value: name, label: fieldName(t, name) })
    const fixed = (prefix: string) => fields.filter((f) => !f.family && f.name.startsWith(prefix)).map((f) => f.name)
    const names = {
      attributes: (known.attributes ?? []).map((a) => a.name),
      consent: known.topics ?? [],
      event: known.events ?? [],
      properties: [],
    }
    const groups = [
      { group: t('groups.order'), items: fixed('order.').map(item) },
      { group: t('groups.contact'), items: [...contact, 'created_at'].filter(has).map(item) },
      {
        group: t('groups.orders'),
        items: [...fixed('bought.'), ...fixed('orders.')].map(item),
      },
    ]
    let listed = groups.flatMap((g) => g.items.map((i) => i.value))
    for (const { family, group, other } of families) {
      if (!has(`${family}.`)) continue
      const items = [
        ...[...new Set<string>(names[family])].map((name) => item(`${family}.${name}`)),
        { value: `${family}.`, label: t(`fields.${other}`) },
      ]
      listed = [...listed, ...items.map((i) => i.value)]
      groups.push({ group: t(`groups.${group}`), items })
    }
    // What the data has no more, and what this version has no name for.
    if (value && !listed.includes(value)) groups.push({ group: '…', items: [item(value)] })
    return groups.filter((g) => g.items.length > 0)
  }, [known, t, value])

  const family = value.slice(0, value.indexOf('.') + 1)
  return (
    <>
      <Select
        ref={input}
        className={classes.field}
        aria-label={t('builder.field')}
        placeholder={t('builder.fieldChoose')}
        nothingFoundMessage={t('builder.fieldNothing')}
        searchable
        error={wrong}
        data={data}
        maxDropdownHeight={320}
        value={typing ? family : value || null}
        onChange={(next) => {
          if (!next) return
          setTyping(next.endsWith('.'))
          onChange(next)
        }}
      />
      {typing && (
        <TextInput
          className={classes.operator}
          aria-label={t('builder.name')}
          placeholder={t('builder.name')}
          maxLength={200}
          error={wrong && value === family}
          value={value.slice(family.length)}
          onChange={(e) => onChange(family + e.currentTarget.value, true)}
        />
      )}
    </>
  )
}
