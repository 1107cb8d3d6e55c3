import { Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import type { Schemas } from '~/api/client'
import { useWords } from '~/i18n'

import { consequence } from './names'
import { words } from './words'

const colors: Record<string, string> = { running: 'blue', live: 'teal', paused: 'yellow', scheduled: 'indigo' }

/** Campaigns and journeys that use a segment; told: with what a change of the rule does to each. */
export function Uses({ list, told }: { list: Schemas['SegmentUse'][]; told?: boolean }) {
  const t = useWords(words)
  const status = (s: string) => t(`status.${s}` as 'status.draft')
  return (
    <Stack component="ul" gap="sm" m={0} p={0} style={{ listStyle: 'none' }}>
      {list.map((use) => (
        <li key={`${use.kind}${use.id}${use.as}`}>
          <Group gap={6}>
            <Anchor component={Link} to={`/${use.kind}s/${use.id}`} size="sm" fw={500}>
              {use.name}
            </Anchor>
            <Badge size="sm" color={colors[use.status] ?? 'gray'}>
              {status(use.status)}
            </Badge>
          </Group>
          <Text size="xs" c="dimmed">
            {t(`uses.kind.${use.kind}`)}, {t(`uses.as.${use.as}`)}
            {told && `. ${consequence(t, use)}`}
          </Text>
        </li>
      ))}
    </Stack>
  )
}
