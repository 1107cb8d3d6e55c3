import { Anchor, Badge, Code, Group, Table, Text } from '@mantine/core'
import { IconPlugConnectedX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'

import { $api } from '~/api/client'
import { Empty, Loaded } from '~/components/states'
import { useWords } from '~/i18n'

import { words } from './words'

/** Campaigns and journeys that name the template. */
export function Uses({ id }: { id: number }) {
  const t = useWords(words)
  const uses = $api.useQuery('get', '/api/v1/templates/{id}/uses', { params: { path: { id } } })
  return (
    <Loaded query={uses}>
      {({ items }) =>
        !items?.length ? (
          <Empty icon={IconPlugConnectedX} title={t('uses.empty.title')}>
            {t('uses.empty.text')}
          </Empty>
        ) : (
          <>
            <Text size="sm" c="dimmed" mb="xs">
              {t('uses.lead')}
            </Text>
            <Table.ScrollContainer minWidth={480}>
              <Table aria-label={t('tabs.uses')}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t('fields.name')}</Table.Th>
                    <Table.Th>{t('uses.kind')}</Table.Th>
                    <Table.Th>{t('uses.status')}</Table.Th>
                    <Table.Th>{t('uses.steps')}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((use) => (
                    <Table.Tr key={`${use.kind} ${use.id}`}>
                      <Table.Td>
                        <Anchor
                          component={Link}
                          to={`/${use.kind === 'journey' ? 'journeys' : 'campaigns'}/${use.id}`}
                          size="sm"
                        >
                          {use.name}
                        </Anchor>
                      </Table.Td>
                      <Table.Td>{t(use.kind === 'journey' ? 'uses.journey' : 'uses.campaign')}</Table.Td>
                      <Table.Td>
                        <Badge color={use.ended ? 'gray' : 'indigo'}>{use.status}</Badge>
                      </Table.Td>
                      <Table.Td>
                        <Group gap={4}>
                          {use.steps?.map((step) => (
                            <Code key={step}>{step}</Code>
                          ))}
                        </Group>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </>
        )
      }
    </Loaded>
  )
}
