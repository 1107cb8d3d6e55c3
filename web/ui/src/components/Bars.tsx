import { Tooltip, VisuallyHidden } from '@mantine/core'

import classes from './Bars.module.css'

export interface Bar {
  /** Below it, and its name. */
  label: string
  value: number
  /** What it says on hover and focus: "March 2026: 12 orders". */
  text: string
}

/** A small chart of bars. For screen readers it is a table. */
export function Bars({ label, bars, height = 96 }: { label: string; bars: Bar[]; height?: number }) {
  const most = Math.max(1, ...bars.map((b) => b.value))
  // Labels as far as there is room for them.
  const every = Math.ceil(bars.length / 12)
  return (
    <figure className={classes.figure} aria-label={label}>
      <div className={classes.bars} style={{ height }} aria-hidden>
        {bars.map((b) => (
          <Tooltip key={b.label} label={b.text} openDelay={0}>
            <div className={classes.slot}>
              <div
                className={classes.bar}
                style={{ height: `${(b.value / most) * 100}%` }}
                data-none={!b.value || undefined}
              />
            </div>
          </Tooltip>
        ))}
      </div>
      <div className={classes.labels} aria-hidden>
        {bars.map((b, i) => (
          <span key={b.label}>{i % every === 0 ? b.label : ''}</span>
        ))}
      </div>
      <VisuallyHidden>
        <ul>
          {bars.map((b) => (
            <li key={b.label}>{b.text}</li>
          ))}
        </ul>
      </VisuallyHidden>
    </figure>
  )
}
