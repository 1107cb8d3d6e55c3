import { Button, Group, Modal, Stack, Text } from '@mantine/core'

import type { Schemas } from '~/api/client'
import { Secret } from '~/components/Secret'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { words } from './words'

/** The link with which somebody chooses a password: shown once. */
export function InvitationLink({ invitation, onClose }: { invitation: Schemas['Invitation']; onClose: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const { user, link } = invitation
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnClickOutside={false}
      title={t('invite.linkTitle', { who: user.name || user.email })}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <Stack gap="sm">
        <Text size="sm">
          {t('invite.linkText', { time: user.invitation_until ? f.dateTime(user.invitation_until) : '' })}
        </Text>
        <Secret label={t('invite.link')} value={link} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{t('invite.done')}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
