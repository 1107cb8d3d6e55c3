import { Anchor, Badge, Button, Group, SegmentedControl, Select, Text } from '@mantine/core'
import { IconPackage } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'

import { $api } from '~/api/client'
import { useList } from '~/api/list'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { SearchInput } from '~/components/SearchInput'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { ImportButton } from '~/features/imports/ImportButton'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { Picture } from './Picture'
import { words } from './words'

const route = getRouteApi('/shell/products')

export function ProductsPage() {
  const t = useWords(words)
  const f = useFormat()
  const { query, category, stock } = route.useSearch()
  const navigate = useNavigate({ from: '/products' })
  const list = useList('/api/v1/products', {
    query: { query, category, in_stock: stock && (stock === 'in' ? 'true' : 'false') },
  })
  const categories = $api.useQuery('get', '/api/v1/product-categories', {}, { staleTime: 60_000 })
  const bringIn = <ImportButton kind="products">{t('import')}</ImportButton>
  return (
    <Page title={t('title')} lead={t('lead')} actions={bringIn}>
      <Group gap="xs">
        <SearchInput
          label={t('search')}
          value={query ?? ''}
          onSearch={(text) => void navigate({ search: (s) => ({ ...s, query: text || undefined }), replace: true })}
        />
        <Select
          aria-label={t('category')}
          value={category ?? ''}
          searchable
          onChange={(v) => void navigate({ search: (s) => ({ ...s, category: v || undefined }), replace: true })}
          data={[
            { value: '', label: t('allCategories') },
            ...(categories.data?.items ?? []).map((c) => ({
              value: c.name,
              label: t('withCount', { name: c.name, count: c.products }),
            })),
          ]}
        />
        <SegmentedControl
          aria-label={t('stock')}
          value={stock ?? 'all'}
          onChange={(v) =>
            void navigate({ search: (s) => ({ ...s, stock: v === 'all' ? undefined : (v as 'in') }), replace: true })
          }
          data={(['all', 'in', 'out'] as const).map((value) => ({ value, label: t(`stocks.${value}`) }))}
        />
      </Group>
      <List
        label={t('title')}
        list={list}
        id={(row) => row.sku}
        filtered={!!(query || category || stock)}
        onRowClick={(row) => void navigate({ to: '/products/$sku', params: { sku: row.sku } })}
        minWidth={680}
        empty={
          <Empty
            icon={IconPackage}
            title={t('empty.title')}
            action={
              <>
                {bringIn}
                <Button component="a" href="/api/docs" target="_blank" rel="noopener" variant="subtle">
                  {t('empty.action')}
                </Button>
              </>
            }
          >
            {t('empty.text')}
          </Empty>
        }
        nothing={
          <Empty icon={IconPackage} title={t('nothing.title')}>
            {t('nothing.text')}
          </Empty>
        }
        columns={[
          {
            accessor: 'name',
            title: t('columns.product'),
            render: (row) => (
              <Group gap="sm" wrap="nowrap">
                <Picture product={row} size={40} />
                <div>
                  <Anchor component={Link} to="/products/$sku" params={{ sku: row.sku } as never} fw={500} size="sm">
                    {row.name || t('noName')}
                  </Anchor>
                  <Text size="xs" c="dimmed">
                    {row.sku}
                  </Text>
                </div>
              </Group>
            ),
          },
          { accessor: 'category', title: t('columns.category'), width: 150 },
          {
            accessor: 'price',
            title: t('columns.price'),
            width: 120,
            textAlign: 'right',
            render: (row) => (row.price === null ? '–' : f.money(row.price, row.currency)),
          },
          {
            accessor: 'in_stock',
            title: t('columns.stock'),
            width: 140,
            render: (row) => (
              <Badge color={row.in_stock ? 'teal' : 'gray'} tt="none">
                {t(row.in_stock ? 'stocks.in' : 'stocks.out')}
              </Badge>
            ),
          },
          {
            accessor: 'updated_at',
            title: t('columns.changed'),
            width: 150,
            render: (row) => (
              <Text size="sm" c="dimmed" component="div">
                <Time at={row.updated_at} relative />
              </Text>
            ),
          },
        ]}
      />
    </Page>
  )
}
