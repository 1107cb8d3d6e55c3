import { Button, Group, Stack, Text } from '@mantine/core'
import { DataTable, type DataTableColumn } from 'mantine-datatable'
import type { ReactNode } from 'react'

import type { ListQuery } from '~/api/list'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import 'mantine-datatable/styles.layer.css'

import classes from './List.module.css'
import { Failed, Loading } from './states'

interface Props<T> {
  /** Says what the rows are, for screen readers. */
  label: string
  list: ListQuery<T>
  columns: DataTableColumn<T>[]
  id: (row: T) => string | number
  /** Where there is nothing at all: <Empty>, which says what to do next. */
  empty: ReactNode
  /** Whether a filter is set: then "no rows" is not "nothing at all". */
  filtered?: boolean
  /** Where a filter finds nothing. */
  nothing?: ReactNode
  /** Also on a click anywhere in the row; the first column has the link for keyboards. */
  onRowClick?: (row: T) => void
  minWidth?: number
  /** Checkboxes. */
  selection?: { rows: T[]; onChange: (rows: T[]) => void; label: (row: T) => string }
}

/**
 * A list of the API's: loading, empty, error, and many. It reads on when its end is
 * scrolled to or its button is pressed.
 */
export function List<T>({
  label,
  list,
  columns,
  id,
  empty,
  filtered,
  nothing,
  onRowClick,
  minWidth = 560,
  selection,
}: Props<T>) {
  const t = useWords(common)
  const f = useFormat()
  if (list.isPending) return <Loading />
  if (list.isError && list.items.length === 0) return <Failed error={list.error} retry={() => void list.refetch()} />
  if (list.items.length === 0) return (filtered && nothing) || empty
  return (
    <Stack gap="xs" role="region" aria-label={label}>
      <DataTable<T>
        records={list.items}
        columns={columns}
        idAccessor={(row) => id(row) as string}
        withTableBorder
        borderRadius="sm"
        highlightOnHover={!!onRowClick}
        verticalSpacing={6}
        minHeight={0}
        onRowClick={
          onRowClick &&
          (({ record, event }) => !(event.target as Element).closest('a,button,input,label') && onRowClick(record))
        }
        pinLastColumn={columns.at(-1)?.accessor === 'actions'}
        scrollAreaProps={{ type: 'auto', viewportProps: { tabIndex: 0 } }}
        styles={{ table: { minWidth } }}
        classNames={{ table: selection ? undefined : classes.table }}
        {...(selection && {
          selectedRecords: selection.rows,
          onSelectedRecordsChange: selection.onChange,
          getRecordSelectionCheckboxProps: (row: T) => ({ 'aria-label': selection.label(row) }),
          allRecordsSelectionCheckboxProps: { 'aria-label': t('all') },
        })}
      />
      <Group justify="center" gap="sm" aria-live="polite">
        {list.hasNextPage ? (
          <Button
            variant="default"
            size="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
            ref={whenSeen(list)}
          >
            {t('more')}
          </Button>
        ) : (
          <Text size="xs" c="dimmed">
            {t('showing', { count: list.items.length, n: f.number(list.items.length) })}
          </Text>
        )}
        {list.isError && <Failed error={list.error} retry={() => void list.fetchNextPage()} />}
      </Group>
    </Stack>
  )
}

/** Reads the next page when the button comes near the window. */
function whenSeen(list: Pick<ListQuery<unknown>, 'hasNextPage' | 'isFetchingNextPage' | 'isError' | 'fetchNextPage'>) {
  return (button: HTMLButtonElement | null) => {
    if (!button || typeof IntersectionObserver === 'undefined') return
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting && list.hasNextPage && !list.isFetchingNextPage && !list.isError)
          void list.fetchNextPage()
      },
      { rootMargin: '400px' },
    )
    observer.observe(button)
    return () => observer.disconnect()
  }
}
