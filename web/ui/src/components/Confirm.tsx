import { lazy, Suspense, useCallback, useRef, useState, type ReactNode } from 'react'

import { ConfirmContext, type Question } from './confirm-context'

const ConfirmDialog = lazy(() => import('./ConfirmDialog'))

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const [question, setQuestion] = useState<Question>()
  const answer = useRef<(done: boolean) => void>(undefined)
  const ask = useCallback((q: Question) => {
    setQuestion(q)
    return new Promise<boolean>((resolve) => (answer.current = resolve))
  }, [])
  const close = (done: boolean) => {
    setQuestion(undefined)
    answer.current?.(done)
  }
  return (
    <ConfirmContext.Provider value={ask}>
      {children}
      {question && (
        <Suspense>
          <ConfirmDialog question={question} onClose={close} />
        </Suspense>
      )}
    </ConfirmContext.Provider>
  )
}
