import { Alert, Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useCallback, useRef, useState, type ReactNode } from 'react'

import { explain } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { ConfirmContext } from './confirm-context'

export interface Question {
  title: string
  /** What will happen, and to how many. */
  children: ReactNode
  /** The verb: "Delete 3 contacts", not "OK". */
  confirm: string
  /** Red, for what cannot be undone. */
  danger?: boolean
  /** A word to type first, for what hurts most. */
  typed?: { label: string; text: string }
  /** Done while the dialog is open: where it fails the dialog says why and stays. */
  action: () => Promise<unknown>
}

/** Asks before something is done: const confirm = useConfirm(); confirm({…}). Resolves to whether it was done. */
export function ConfirmProvider({ children }: { children: ReactNode }) {
  const t = useWords(common)
  const [question, setQuestion] = useState<Question>()
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const answer = useRef<(done: boolean) => void>(undefined)

  const ask = useCallback((q: Question) => {
    setQuestion(q)
    setTyped('')
    setError(undefined)
    return new Promise<boolean>((resolve) => (answer.current = resolve))
  }, [])
  const close = (done: boolean) => {
    setQuestion(undefined)
    answer.current?.(done)
  }
  const act = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await question!.action()
      close(true)
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const ready = !question?.typed || typed.trim() === question.typed.text
  return (
    <ConfirmContext.Provider value={ask}>
      {children}
      <Modal
        opened={!!question}
        onClose={() => !busy && close(false)}
        title={question?.title}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        {question && (
          <Stack>
            <div>{question.children}</div>
            {question.typed && (
              <TextInput
                label={question.typed.label}
                value={typed}
                onChange={(e) => setTyped(e.currentTarget.value)}
                data-autofocus
              />
            )}
            {error !== undefined && (
              <Alert color="red" role="alert">
                {explain(error)}
              </Alert>
            )}
            <Group justify="flex-end" gap="xs">
              <Button
                variant="default"
                onClick={() => close(false)}
                disabled={busy}
                data-autofocus={question.danger && !question.typed ? true : undefined}
              >
                {t('cancel')}
              </Button>
              <Button
                color={question.danger ? 'red' : undefined}
                loading={busy}
                disabled={!ready}
                onClick={() => void act()}
              >
                {question.confirm}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </ConfirmContext.Provider>
  )
}
