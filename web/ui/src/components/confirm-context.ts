import { createContext, useContext } from 'react'

import type { Question } from './Confirm'

export const ConfirmContext = createContext<(question: Question) => Promise<boolean>>(() => Promise.resolve(false))

export function useConfirm() {
  return useContext(ConfirmContext)
}
