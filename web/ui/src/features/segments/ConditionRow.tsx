import { Select, Text } from '@mantine/core'
import { useId } from 'react'
import type { RuleProps } from 'react-querybuilder'

import { useWords } from '~/i18n'

import { placeOf, useBuilder } from './builder'
import { FieldPicker } from './FieldPicker'
import { leafFor, operatorName } from './names'
import { NodeActions } from './NodeActions'
import { Options } from './Options'
import classes from './RuleBuilder.module.css'
import {
  errorsAt,
  fieldOf,
  operatorsOf,
  replaceAt,
  shapeOf,
  type Condition,
  type Leaf,
  type Tree,
  type ValueType,
} from './rule'
import { ValueEditor } from './values'
import { words } from './words'

const types: ValueType[] = ['text', 'number', 'boolean', 'date']

/** One condition: what is looked at, how, with what, and in which period. */
export function ConditionRow(props: RuleProps) {
  const t = useWords(words)
  const errorId = useId()
  const { known, errors, gaps, bare } = useBuilder()
  const { schema, path } = props
  const leaf = props.rule as Leaf
  const field = fieldOf(leaf.field, known.fields ?? [])
  const as = field?.kind === 'any' ? (leaf.value.as ?? 'text') : undefined
  const gap = gaps[path.join('.')]
  const found = errorsAt(errors, path, { group: false, bare })
  const wrong = (...parts: string[]) => found.some(([part]) => parts.includes(part))

  const replace = (next: Leaf) => schema.dispatchQuery(replaceAt(schema.getQuery() as Tree, path, next))
  const patch = (more: Partial<Condition>) => replace({ ...leaf, value: { ...leaf.value, ...more } })
  const chooseField = (name: string, renamed?: boolean) => {
    const chosen = fieldOf(name, known.fields ?? [])
    if (!chosen) return
    if (renamed) replace({ ...leaf, field: name })
    else replace(leafFor(name, chosen, known.attributes ?? []))
  }
  const chooseType = (type: ValueType) => {
    const operators = operatorsOf(type, field?.operators ?? [])
    const operator = operators.includes(leaf.operator) ? leaf.operator : '='
    replace({ ...leaf, operator, value: { list: type === 'boolean' ? [true] : [], as: type } })
  }
  const operators = as ? operatorsOf(as, field?.operators ?? []) : (field?.operators ?? [])

  return (
    <div
      className={classes.row}
      role="group"
      aria-label={t('builder.conditionAt', { at: placeOf(path) })}
      aria-describedby={found.length > 0 || gap ? errorId : undefined}
      data-wrong={found.length > 0 || gap ? true : undefined}
    >
      <div className={classes.controls}>
        <div className={classes.line}>
          <FieldPicker
            value={leaf.field}
            wrong={gap === 'field' || gap === 'name' || wrong('field')}
            onChange={chooseField}
          />
          {field && as && shapeOf(leaf.operator) !== 'none' && (
            <Select
              className={classes.type}
              aria-label={t('builder.type')}
              data={types.map((value) => ({ value, label: t(`builder.types.${value}`) }))}
              value={as}
              onChange={(v) => chooseType(v as ValueType)}
            />
          )}
          {field && (
            <Select
              className={classes.operator}
              aria-label={t('builder.operator')}
              error={gap === 'operator' || wrong('operator')}
              data={[...new Set([...operators, ...(leaf.operator ? [leaf.operator] : [])])].map((value) => ({
                value,
                label: operatorName(t, value, field, as),
              }))}
              maxDropdownHeight={320}
              value={leaf.operator || null}
              onChange={(operator) => operator && replace({ ...leaf, operator })}
            />
          )}
          {field && (
            <ValueEditor
              key={`${field.name}${as}`}
              leaf={leaf}
              field={field}
              wrong={gap === 'value' || gap === 'values' || gap === 'range' || wrong('value')}
              onChange={(list) => patch({ list })}
            />
          )}
        </div>
        {field && <Options key={field.name} leaf={leaf} field={field} onChange={patch} />}
        {(found.length > 0 || gap) && (
          <div id={errorId}>
            {gap && (
              <Text size="xs" c="var(--mantine-color-error)" mt={4}>
                {t(`builder.gaps.${gap}`)}
              </Text>
            )}
            <ServerErrors found={found} />
          </div>
        )}
      </div>
      <NodeActions {...props} node={leaf} label={t('builder.conditionAt', { at: placeOf(path) })} />
    </div>
  )
}

/** What the server said, each with the part it is about. */
export function ServerErrors({ found }: { found: [part: string, message: string][] }) {
  const t = useWords(words)
  return found.map(([part, message]) => {
    const key = `builder.parts.${part}` as 'builder.parts.value'
    const said = part && t(key)
    const name = said === key ? part : said
    return (
      <Text key={`${part}${message}`} size="xs" c="var(--mantine-color-error)" mt={4}>
        {name ? `${name}: ${message}` : message}
      </Text>
    )
  })
}
