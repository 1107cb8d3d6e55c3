import { Anchor, Group, Text } from '@mantine/core'
import { IconFlag, IconPlayerPlay } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'

import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { Chips } from './Chips'
import { waysOf, type Definition, type Step } from './definition'
import type { Figures } from './figures'
import { stepNode, type Trail } from './graph'
import { stepIcons } from './icons'
import { entryInWords, stepInWords, triggerInWords, wayInWords, type Names } from './say'
import classes from './Steps.module.css'
import { words } from './words'

export interface ShownProps {
  definition: Definition
  names: Names
  figures?: Figures
  /** The way of one contact. */
  trail?: Trail
}

/** A journey as an ordered list: all that the picture says, for whoever does not look at it. */
export function StepList({
  definition,
  names,
  figures,
  trail,
  journey,
}: ShownProps & {
  /** The journey whose enrolments a step leads to. */
  journey?: number
}) {
  const t = useWords(words)
  const f = useFormat()
  const on = (node: string) => trail?.nodes.has(node) || undefined
  const chip = (key: 'entered' | 'finishedEnd', n: number | undefined) =>
    n === undefined ? null : (
      <Text size="xs" c="dimmed">
        {t(`chips.${key}`, { n: f.number(n) })}
      </Text>
    )
  const rows = (steps: Step[]) =>
    steps.map((step) => {
      const Icon = stepIcons[step.type]
      const ways = waysOf(step)
      return (
        <li key={step.id} className={classes.item}>
          <div className={classes.row} data-on={on(stepNode(step.id))}>
            <Icon size={18} aria-hidden className={classes.icon} />
            <div className={classes.what}>
              <Text size="sm">
                <b>{t(`steps.${step.type}`)}</b> {stepInWords(t, step, names)}
                {on(stepNode(step.id)) && (
                  <Text component="span" size="xs" c="dimmed">
                    {' '}
                    ({t('view.on')})
                  </Text>
                )}
              </Text>
              <Group gap={8}>
                {journey === undefined ? (
                  <Text size="xs" c="dimmed" ff="monospace">
                    {step.id}
                  </Text>
                ) : (
                  <Anchor
                    size="xs"
                    ff="monospace"
                    className={classes.id}
                    aria-label={t('enrolments.stepFilter', { step: step.id })}
                    renderRoot={(props) => (
                      <Link
                        to="/journeys/$id"
                        params={{ id: String(journey) }}
                        search={{ tab: 'enrolments', step: step.id }}
                        {...props}
                      />
                    )}
                  >
                    {step.id}
                  </Anchor>
                )}
                <Chips chips={figures?.step(step) ?? []} />
              </Group>
            </div>
          </div>
          {ways.length > 0 && (
            <ul className={classes.ways}>
              {ways.map(({ way, steps: inner, share }) => {
                const label = wayInWords(t, step, way, share)
                const n = figures?.way?.(step, way)
                return (
                  <li key={way}>
                    <Text size="xs" fw={600} className={classes.way}>
                      {n === undefined ? label : t('chips.went', { way: label, n: f.number(n) })}
                    </Text>
                    {inner.length > 0 ? (
                      <ol className={classes.list}>{rows(inner)}</ol>
                    ) : (
                      <Text size="xs" c="dimmed" pl={12}>
                        {t('view.nothing')}
                      </Text>
                    )}
                  </li>
                )
              })}
            </ul>
          )}
        </li>
      )
    })
  return (
    <ol className={classes.list} aria-label={t('view.list_label')}>
      <li className={classes.item}>
        <div className={classes.row} data-on={on('trigger')}>
          <IconPlayerPlay size={18} aria-hidden className={classes.icon} />
          <div className={classes.what}>
            <Text size="sm" fw={600}>
              {triggerInWords(t, definition.trigger, names)}
            </Text>
            {entryInWords(t, definition).map((line) => (
              <Text key={line} size="xs" c="dimmed">
                {line}
              </Text>
            ))}
            {chip('entered', figures?.entered)}
          </div>
        </div>
      </li>
      {rows(definition.steps)}
      <li className={classes.item}>
        <div className={classes.row} data-on={on('end')}>
          <IconFlag size={18} aria-hidden className={classes.icon} />
          <div className={classes.what}>
            <Text size="sm" fw={600}>
              {t('view.end')}
            </Text>
            {chip('finishedEnd', figures?.finished)}
          </div>
        </div>
      </li>
    </ol>
  )
}
