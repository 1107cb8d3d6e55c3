import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'

import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

/** Asks before somebody leaves a page with changes that are not saved: by a link, "back", or closing the tab. */
export function UnsavedGuard({ when, onLeave }: { when: boolean; onLeave?: () => void }) {
  const t = useWords(common)
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname,
    enableBeforeUnload: when,
    withResolver: true,
  })
  if (blocker.status !== 'blocked') return null
  return (
    <Modal opened onClose={blocker.reset} title={t('unsaved.title')} closeButtonProps={{ 'aria-label': t('close') }}>
      <Stack>
        <Text size="sm">{t('unsaved.text')}</Text>
        <Group justify="flex-end" gap="xs">
          <Button
            color="red"
            variant="default"
            onClick={() => {
              onLeave?.()
              blocker.proceed()
            }}
          >
            {t('leave')}
          </Button>
          <Button onClick={blocker.reset} data-autofocus>
            {t('keepEditing')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
