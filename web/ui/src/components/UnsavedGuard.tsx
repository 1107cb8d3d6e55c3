import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'

import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

interface Props {
  when: boolean
  onLeave?: () => void
  /** Another address of the same page is leaving, too. */
  anywhere?: boolean
  /** Where it is something else than changes that would be lost. */
  say?: { title: string; text: string; leave: string; stay: string }
}

/** Asks before somebody leaves a page with changes that are not saved: by a link, "back", or closing the tab. */
export function UnsavedGuard({ when, onLeave, anywhere, say }: Props) {
  const t = useWords(common)
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => when && (!!anywhere || current.pathname !== next.pathname),
    enableBeforeUnload: when,
    withResolver: true,
  })
  if (blocker.status !== 'blocked') return null
  return (
    <Modal
      opened={when}
      onClose={blocker.reset}
      title={say?.title ?? t('unsaved.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack>
        <Text size="sm">{say?.text ?? t('unsaved.text')}</Text>
        <Group justify="flex-end" gap="xs">
          <Button
            color="red"
            variant="default"
            onClick={() => {
              onLeave?.()
              blocker.proceed()
            }}
          >
            {say?.leave ?? t('leave')}
          </Button>
          <Button onClick={blocker.reset} data-autofocus>
            {say?.stay ?? t('keepEditing')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
