import { createContext, useContext, type ReactNode } from 'react'

export interface Question {
  title: string
  /** What will happen, and to how many. */
  children: ReactNode
  /** The verb: "Delete 3 contacts", not "OK". */
  confirm: string
  /** What leaves it undone, where “Cancel” would be taken for the verb. */
  dismiss?: string
  /** Red, for what cannot be undone. */
  danger?: boolean
  /** A word to type first, for what hurts most. */
  typed?: { label: string; text: string }
  /** Done while the dialog is open: where it fails the dialog says why and stays. */
  action: () => Promise<unknown>
}

export const ConfirmContext = createContext<(question: Question) => Promise<boolean>>(() => Promise.resolve(false))

/** Asks before something is done: const confirm = useConfirm(); confirm({…}) resolves to whether it was done. */
export function useConfirm() {
  return useContext(ConfirmContext)
}
