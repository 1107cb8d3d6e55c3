import { Badge, Button, Group, Paper, ScrollArea, Stack, Table, Text, Title } from '@mantine/core'
import { IconShoppingBag } from '@tabler/icons-react'

import type { Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { Explained } from '~/components/Figure'
import { Empty, Failed, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords, type KeyOf } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { words } from './words'

type Order = Schemas['Order']

const colors: Record<string, string> = { placed: 'blue', paid: 'teal', cancelled: 'gray', refunded: 'orange' }

/** What a contact ordered, as a whole, the latest first. */
export function Orders({ externalId, who }: { externalId: string; who: string }) {
  const t = useWords(words)
  const say = useWords(common)
  const list = useList('/api/v1/orders', { query: { contact_external_id: externalId } }, { limit: 20 })
  if (list.isPending) return <Loading />
  if (list.isError && list.items.length === 0) return <Failed error={list.error} retry={() => void list.refetch()} />
  if (list.items.length === 0)
    return (
      <Empty icon={IconShoppingBag} title={t('orders.empty')}>
        {t('orders.emptyText')}
      </Empty>
    )
  return (
    <Stack gap="sm" role="region" aria-label={t('orders.label', { who })}>
      {list.items.map((order) => (
        <OrderCard key={order.order_id} order={order} />
      ))}
      <Group justify="center" aria-live="polite">
        {list.isError ? (
          <Failed error={list.error} retry={() => void list.fetchNextPage()} />
        ) : list.hasNextPage ? (
          <Button
            variant="default"
            size="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {say('more')}
          </Button>
        ) : (
          <Text size="xs" c="dimmed">
            {say('showing', { count: list.items.length })}
          </Text>
        )}
      </Group>
    </Stack>
  )
}

export function OrderCard({ order }: { order: Order }) {
  const t = useWords(words)
  const f = useFormat()
  const items = order.items ?? []
  const title = t('orders.number', { id: order.order_id })
  return (
    <Paper withBorder p="sm" component="article" aria-label={title}>
      <Group justify="space-between" gap="xs">
        <Group gap="xs">
          <Title order={3} style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
          <Badge color={(Object.hasOwn(colors, order.status) && colors[order.status]) || 'gray'}>
            {Object.hasOwn(colors, order.status) ? t(`statuses.${order.status}` as KeyOf<typeof words>) : order.status}
          </Badge>
        </Group>
        <Text size="sm" c="dimmed" component="div">
          <Time at={order.placed_at} />
        </Text>
      </Group>
      {items.length === 0 ? (
        <Text size="sm" c="dimmed" mt="xs">
          {t('orders.noItems')}
        </Text>
      ) : (
        <ScrollArea type="auto" mt={4} viewportProps={{ tabIndex: 0, 'aria-label': title, role: 'group' }}>
          <Table verticalSpacing={4} horizontalSpacing={6} miw={380} withRowBorders={false} aria-label={title}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t('orders.product')}</Table.Th>
                <Table.Th ta="right">{t('orders.quantity')}</Table.Th>
                <Table.Th ta="right">{t('orders.price')}</Table.Th>
                <Table.Th ta="right">
                  <Explained formula={t('orders.sumFormula')}>{t('orders.sum')}</Explained>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((item, i) => (
                <Table.Tr key={i}>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}>
                    {item.name || item.sku}
                    {item.name && (
                      <Text component="span" size="xs" c="dimmed">
                        {' '}
                        {item.sku}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td ta="right">{f.number(item.quantity)}</Table.Td>
                  <Table.Td ta="right">{f.money(item.unit_price, order.currency)}</Table.Td>
                  <Table.Td ta="right">{f.money(item.unit_price * item.quantity, order.currency)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
      <Group justify="flex-end" gap="xs" mt={4}>
        <Text size="sm" c="dimmed">
          {t('orders.total')}
        </Text>
        <Text size="sm" fw={600} component="div">
          <Explained formula={t('orders.totalFormula')}>{f.money(order.total, order.currency)}</Explained>
        </Text>
      </Group>
    </Paper>
  )
}
