import { Alert, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle } from '@tabler/icons-react'

import { client, refresh } from '~/api/client'
import { useConfirm } from '~/components/confirm-context'
import { useWords, type KeyOf } from '~/i18n'

import { isGrave } from './cause'
import { words } from './words'

/**
 * Lifts a suppression after it was said what follows. After a complaint or a hard bounce
 * the address is to be typed as well.
 */
export function useLift() {
  const t = useWords(words)
  const confirm = useConfirm()
  return async ({ email, cause }: { email: string; cause: string }) => {
    const grave = isGrave(cause)
    const key = `warn.${['unsubscribe', 'complaint', 'bounce'].includes(cause) ? cause : 'manual'}`
    const done = await confirm({
      title: t('liftTitle'),
      children: (
        <Stack gap="sm">
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {t('liftText', { email })}
          </Text>
          <Alert color={grave ? 'red' : 'yellow'} icon={<IconAlertTriangle aria-hidden />}>
            {t(key as KeyOf<typeof words>)}
          </Alert>
        </Stack>
      ),
      confirm: t('liftConfirm'),
      danger: grave,
      ...(grave && { typed: { label: t('typeAddress'), text: email } }),
      action: async () => {
        await client.DELETE('/api/v1/suppressions/{email}', { params: { path: { email } } })
        await refresh('/api/v1/suppression', '/api/v1/contacts', '/api/v1/topics')
      },
    })
    if (done) notifications.show({ color: 'teal', message: t('lifted', { email }) })
    return done
  }
}
