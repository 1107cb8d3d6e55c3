import { Alert, Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'

import { explain } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import type { Question } from './confirm-context'

interface Props {
  question: Question
  onClose: (done: boolean) => void
}

/** The dialog of useConfirm. Where the action fails it says why and stays. */
export default function ConfirmDialog({ question, onClose }: Props) {
  const t = useWords(common)
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const act = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await question.action()
      onClose(true)
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  const ready = !question.typed || typed.trim() === question.typed.text
  return (
    <Modal
      opened
      onClose={() => !busy && onClose(false)}
      title={question.title}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
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
            onClick={() => onClose(false)}
            disabled={busy}
            data-autofocus={(question.danger && !question.typed) || undefined}
          >
            {question.dismiss ?? t('cancel')}
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
    </Modal>
  )
}
