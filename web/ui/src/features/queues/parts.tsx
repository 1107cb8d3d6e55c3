import { Button, Group, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'

import type { ListQuery } from '~/api/list'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Failed } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import classes from './Queues.module.css'
import { words } from './words'

/** A part of the page that the list of what needs attention leads to. */
export function Part({
  id,
  title,
  lead,
  actions,
  children,
}: {
  id: string
  title: string
  lead?: ReactNode
  actions?: ReactNode
  children: ReactNode
}) {
  return (
    <Stack component="section" gap="xs" id={id} tabIndex={-1} aria-label={title} className={classes.part}>
      <div>
        <Title order={2}>{title}</Title>
        {lead && (
          <Text c="dimmed" size="sm">
            {lead}
          </Text>
        )}
      </div>
      {actions}
      {children}
    </Stack>
  )
}

export interface Column<T> {
  key: string
  title: ReactNode
  /** How the numbers below come about. */
  formula?: string
  number?: boolean
  width?: number
  /** It takes a line of its own in a card. */
  wide?: boolean
  render: (row: T) => ReactNode
}

interface FiguredProps<T> {
  label: string
  rows: T[]
  id: (row: T) => string
  /** The first says what the row is; one with the key "actions" has its buttons. */
  columns: Column<T>[]
  minWidth: number
}

/** Few rows that move: all are there, and they stay where they are while they do. A table, or cards where that is too wide. */
export function Figured<T>(props: FiguredProps<T>) {
  return useNarrow() ? <Cards {...props} /> : <Rows {...props} />
}

const useNarrow = () => useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })

function Rows<T>({ label, rows, id, columns, minWidth }: FiguredProps<T>) {
  return (
    <Table.ScrollContainer
      minWidth={minWidth}
      scrollAreaProps={{ type: 'auto', viewportProps: { tabIndex: 0, role: 'group', 'aria-label': label } }}
    >
      <Table aria-label={label} withTableBorder verticalSpacing={6} className={classes.table}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((c) => (
              <Table.Th key={c.key} ta={c.number ? 'right' : undefined}>
                <Explained formula={c.formula}>{c.title}</Explained>
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={id(row)}>
              {columns.map((c) => (
                <Table.Td key={c.key} ta={c.number ? 'right' : undefined}>
                  {c.render(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Cards<T>({ label, rows, id, columns }: FiguredProps<T>) {
  const [first, ...rest] = columns
  const actions = rest.find((c) => c.key === 'actions')
  return (
    <ul aria-label={label} className={classes.cards}>
      {rows.map((row) => (
        <Paper component="li" withBorder p="sm" key={id(row)}>
          <Group justify="space-between" align="flex-start" gap="xs">
            <div className={classes.wrap}>{first?.render(row)}</div>
            {actions?.render(row)}
          </Group>
          <dl className={classes.pairs}>
            {rest
              .filter((c) => c !== actions)
              .map((c) => (
                <div key={c.key} data-wide={c.wide || undefined}>
                  <dt>
                    <Explained formula={c.formula}>{c.title}</Explained>
                  </dt>
                  <dd>{c.render(row)}</dd>
                </div>
              ))}
          </dl>
        </Paper>
      ))}
    </ul>
  )
}

/** A list of the API's in the same two shapes. */
export function Listed<T>({
  list,
  empty,
  ...props
}: Omit<FiguredProps<T>, 'rows'> & { list: ListQuery<T>; empty: ReactNode }) {
  const narrow = useNarrow()
  const say = useWords(common)
  if (narrow && list.items.length > 0)
    return (
      <Stack gap="xs">
        <Cards {...props} rows={list.items} />
        {list.isError && <Failed error={list.error} retry={() => void list.fetchNextPage()} />}
        {list.hasNextPage && (
          <Button
            variant="default"
            size="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {say('more')}
          </Button>
        )}
      </Stack>
    )
  return (
    <List<T>
      label={props.label}
      list={list}
      id={props.id}
      minWidth={props.minWidth}
      empty={empty}
      columns={props.columns.map((c) => ({
        accessor: c.key,
        title: c.title,
        textAlign: c.number ? 'right' : 'left',
        ...(c.width && { width: c.width }),
        render: c.render,
      }))}
    />
  )
}

/** Instead of what only Redis knows, while it is away. */
export function Away() {
  const t = useWords(words)
  return (
    <Text size="sm" c="dimmed">
      {t('away')}
    </Text>
  )
}

/** A second line below a number. */
export function Note({ children }: { children: ReactNode }) {
  return <div className={classes.note}>{children}</div>
}
