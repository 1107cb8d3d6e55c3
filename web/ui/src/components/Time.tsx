import { Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'

import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import classes from './Figure.module.css'

interface Props {
  /** RFC 3339; null or undefined: never. */
  at: string | Date | null | undefined
  /** "3 minutes ago", moving; else date and time. */
  relative?: boolean
}

/** A moment in the zone of who is signed in; exact, with the zone, on hover and focus. */
export function Time({ at, relative }: Props) {
  const t = useWords(common)
  const f = useFormat()
  const now = useNow(relative ? 15_000 : 0)
  if (!at) return t('never')
  return (
    <Tooltip label={f.exact(at)}>
      <time dateTime={typeof at === 'string' ? at : at.toISOString()} className={classes.time}>
        {relative ? f.relative(at, now) : f.dateTime(at)}
      </time>
    </Tooltip>
  )
}

/** The present moment, anew every so many milliseconds; 0: once. */
export function useNow(every: number): Date {
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    if (!every) return
    const timer = setInterval(() => setNow(new Date()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
