import { Paper, Text, Tooltip } from '@mantine/core'
import { useId, type ReactNode } from 'react'

import classes from './Figure.module.css'

interface Props {
  label: string
  value: ReactNode
  /** How the number comes about, on hover and focus: "sent / (sent + failed)". */
  formula?: string
  /** Below the number: a comparison, a unit. */
  note?: ReactNode
  color?: string
}

/** One number with its name. */
export function Figure({ label, value, formula, note, color }: Props) {
  return (
    <Paper withBorder px="sm" py={8} className={classes.figure}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Explained formula={formula}>
        <Text component="span" size="xl" fw={600} c={color}>
          {value}
        </Text>
      </Explained>
      {note && (
        <Text size="xs" c="dimmed" component="div">
          {note}
        </Text>
      )}
    </Paper>
  )
}

/** A number in a text or a table that says on hover and focus how it comes about. */
export function Explained({ formula, children }: { formula?: string; children: ReactNode }) {
  const id = useId()
  if (!formula) return children
  return (
    <Tooltip label={formula}>
      <button type="button" className={classes.explained} aria-describedby={id}>
        {children}
        <span hidden id={id}>
          {formula}
        </span>
      </button>
    </Tooltip>
  )
}

/** Figures side by side, as many as fit. */
export function Figures({ children }: { children: ReactNode }) {
  return <div className={classes.figures}>{children}</div>
}
