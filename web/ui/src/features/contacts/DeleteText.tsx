import { List, Stack, Text } from '@mantine/core'

import type { Schemas } from '~/api/client'
import { useWords } from '~/i18n'

import { words } from './words'

/** What deleting a contact takes along, and what stays. */
export function DeleteText({ deletes, suppressed }: { deletes: Schemas['ContactDeletion']; suppressed: boolean }) {
  const t = useWords(words)
  const gone = (['orders', 'events', 'consents', 'enrolments'] as const).filter((what) => deletes[what] > 0)
  return (
    <Stack gap="xs">
      <Text size="sm">{gone.length ? t('delete.text') : t('delete.nothing')}</Text>
      {gone.length > 0 && (
        <List size="sm">
          {gone.map((what) => (
            <List.Item key={what}>
              {t(`delete.${what}`, { count: deletes[what] })}
              {what === 'enrolments' &&
                deletes.under_way > 0 &&
                ` (${t('delete.underWay', { count: deletes.under_way })})`}
            </List.Item>
          ))}
        </List>
      )}
      {deletes.messages > 0 && <Text size="sm">{t('delete.messages', { count: deletes.messages })}</Text>}
      {suppressed && <Text size="sm">{t('delete.suppression')}</Text>}
      <Text size="sm" c="dimmed">
        {t('delete.again')}
      </Text>
    </Stack>
  )
}
