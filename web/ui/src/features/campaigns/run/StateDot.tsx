import classes from '../campaigns.module.css'
import type { MessageState } from './RunBar'

/** The colour of a state, beside its name. */
export function StateDot({ state }: { state: MessageState }) {
  return <span className={`${classes.dot} ${classes[state]}`} style={{ marginTop: 5 }} aria-hidden />
}
