import { Button, Group } from '@mantine/core'
import { useEffect, useRef, type ReactNode } from 'react'

import { useWords } from '~/i18n'

import classes from './imports.module.css'
import { words } from './words'

interface FrameProps {
  title: string
  lead?: ReactNode
  children: ReactNode
  /** What leads on, and back. */
  buttons: ReactNode
  /** The first step leaves the focus where the page has it. */
  first?: boolean
}

/** A step. Its heading takes the focus when it is gone to, so that a screen reader says where one is. */
export function StepFrame({ title, lead, children, buttons, first }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (!first) heading.current?.focus({ preventScroll: true })
    if (!first) window.scrollTo({ top: 0 })
  }, [first])
  return (
    <section className={classes.frame} aria-label={title}>
      <h2 ref={heading} tabIndex={-1} className={classes.heading}>
        {title}
      </h2>
      {lead && <p className={classes.lead}>{lead}</p>}
      {children}
      <Group gap="xs" className={classes.buttons}>
        {buttons}
      </Group>
    </section>
  )
}

export function BackButton({ onClick, disabled }: { onClick: () => void; disabled?: boolean }) {
  const t = useWords(words)
  return (
    <Button variant="default" onClick={onClick} disabled={disabled}>
      {t('back')}
    </Button>
  )
}
