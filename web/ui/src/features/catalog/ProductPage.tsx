import { ActionIcon, Badge, Button, Code, Group, Menu, Stack, Table, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconDots, IconExternalLink, IconPackage, IconPackageOff, IconTrash } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { Bars } from '~/components/Bars'
import { useConfirm } from '~/components/confirm-context'
import { Figure, Figures } from '~/components/Figure'
import { Page, Section } from '~/components/Page'
import { Loaded } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { Picture } from './Picture'
import { words } from './words'

const route = getRouteApi('/shell/products/$sku')

export function ProductPage() {
  const { sku } = route.useParams()
  const product = $api.useQuery('get', '/api/v1/products/{sku}', { params: { path: { sku } } })
  return <Loaded query={product}>{(p) => <Product product={p} />}</Loaded>
}

function Product({ product: p }: { product: Schemas['Product'] }) {
  const t = useWords(words)
  const f = useFormat()
  const name = p.name || p.sku
  return (
    <Page
      title={name}
      back={{ to: '/products', label: t('title') }}
      badge={
        <Badge color={p.in_stock ? 'teal' : 'gray'} tt="none">
          {t(p.in_stock ? 'stocks.in' : 'stocks.out')}
        </Badge>
      }
      actions={
        <>
          <Actions product={p} />
          {/^https?:\/\//i.test(p.url) && (
            <Button
              component="a"
              href={p.url}
              target="_blank"
              rel="noopener noreferrer"
              variant="default"
              rightSection={<IconExternalLink size={16} aria-hidden />}
            >
              {t('page.shop')}
            </Button>
          )}
        </>
      }
    >
      <Group align="flex-start" gap="lg">
        <Picture product={p} size={160} alt={p.image_url ? t('page.picture', { name }) : t('page.noPicture')} />
        <Table variant="vertical" layout="fixed" flex={1} miw={260} maw={640} aria-label={name}>
          <Table.Tbody>
            <Row label={t('page.sku')}>
              <Code>{p.sku}</Code>
            </Row>
            <Row label={t('page.category')}>{p.category || '–'}</Row>
            <Row label={t('page.price')}>{p.price === null ? '–' : f.money(p.price, p.currency)}</Row>
            <Row label={t('page.created')}>
              <Time at={p.created_at} />
            </Row>
            <Row label={t('page.changed')}>
              <Time at={p.updated_at} />
            </Row>
            <Row label={t('page.attributes')}>
              {Object.entries(p.attributes ?? {}).map(([key, value]) => (
                <Text key={key} size="sm">
                  <Code>{key}</Code> {typeof value === 'string' ? value : JSON.stringify(value)}
                </Text>
              ))}
              {Object.keys(p.attributes ?? {}).length === 0 && t('page.none')}
            </Row>
          </Table.Tbody>
        </Table>
      </Group>
      <Sales sku={p.sku} />
    </Page>
  )
}

function Row({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w={140}>{label}</Table.Th>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{children}</Table.Td>
    </Table.Tr>
  )
}

function Sales({ sku }: { sku: string }) {
  const t = useWords(words)
  const f = useFormat()
  const sales = $api.useQuery('get', '/api/v1/products/{sku}/sales', { params: { path: { sku } } })
  const month = (at: string, style: 'short' | 'long') =>
    new Intl.DateTimeFormat(document.documentElement.lang, {
      month: style,
      ...(style === 'long' && { year: 'numeric' }),
      timeZone: 'UTC',
    }).format(new Date(`${at}-15T00:00:00Z`))
  return (
    <Section title={t('sales.title')}>
      <Loaded query={sales}>
        {(s) => {
          const n = (value: number) => (s.at_least ? t('sales.plus', { n: f.number(value) }) : f.number(value))
          return (
            <Stack gap="sm">
              <Figures>
                <Figure label={t('sales.orders')} value={n(s.orders)} formula={t('sales.ordersFormula')} />
                <Figure label={t('sales.contacts')} value={n(s.contacts)} formula={t('sales.contactsFormula')} />
                <Figure label={t('sales.pieces')} value={n(s.pieces)} formula={t('sales.piecesFormula')} />
                <Figure
                  label={t('sales.last')}
                  value={s.last_at ? f.date(s.last_at) : '–'}
                  formula={t('sales.lastFormula')}
                />
              </Figures>
              {s.at_least && (
                <Text size="xs" c="dimmed">
                  {t('sales.atLeast')}
                </Text>
              )}
              <Text size="sm" fw={600}>
                {t('sales.months')}
              </Text>
              <Bars
                label={t('sales.months')}
                bars={(s.months ?? []).map((m) => ({
                  label: month(m.month, 'short'),
                  value: m.orders,
                  text: t('sales.month', { month: month(m.month, 'long'), count: m.orders }),
                }))}
              />
            </Stack>
          )
        }}
      </Loaded>
    </Section>
  )
}

function Actions({ product: p }: { product: Schemas['Product'] }) {
  const t = useWords(words)
  const confirm = useConfirm()
  const navigate = useNavigate()
  const name = p.name || p.sku
  const path = { params: { path: { sku: p.sku } } }
  const setStock = async (inStock: boolean) => {
    await client.PUT('/api/v1/products/{sku}', { ...path, body: { in_stock: inStock } })
    void refresh('/api/v1/products')
    notifications.show({ message: t(inStock ? 'takeIn.done' : 'takeOut.done', { name }) })
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" size={34} aria-label={t('actionsFor', { name })}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {p.in_stock ? (
          <Menu.Item
            leftSection={<IconPackageOff size={16} />}
            onClick={() =>
              void confirm({
                title: t('takeOut.title', { name }),
                children: <Text size="sm">{t('takeOut.text')}</Text>,
                confirm: t('takeOut.confirm'),
                action: () => setStock(false),
              })
            }
          >
            {t('takeOut.action')}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconPackage size={16} />} onClick={() => void setStock(true).catch(notifyProblem)}>
            {t('takeIn.action')}
          </Menu.Item>
        )}
        <Menu.Item
          color="red"
          leftSection={<IconTrash size={16} />}
          onClick={() =>
            void confirm({
              title: t('delete.title', { name }),
              children: <Text size="sm">{t('delete.text')}</Text>,
              confirm: t('delete.confirm'),
              danger: true,
              action: async () => {
                await client.DELETE('/api/v1/products/{sku}', path)
                void refresh('/api/v1/products')
                notifications.show({ message: t('delete.done', { name }) })
                await navigate({ to: '/products' })
              },
            })
          }
        >
          {t('delete.action')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
