import { Group, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'

import { Explained } from '~/components/Figure'

import classes from './Queues.module.css'

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
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  return narrow ? <Cards {...props} /> : <Rows {...props} />
}

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
          <Group justify="space-between" align="flex-start" gap="xs" wrap="nowrap">
            <div>{first?.render(row)}</div>
            {actions?.render(row)}
          </Group>
          <dl className={classes.pairs}>
            {rest
              .filter((c) => c !== actions)
              .map((c) => (
                <div key={c.key}>
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

/** A second line below a number. */
export function Note({ children }: { children: ReactNode }) {
  return <div className={classes.note}>{children}</div>
}
