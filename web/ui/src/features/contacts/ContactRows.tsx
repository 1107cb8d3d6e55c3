import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, type ReactNode } from 'react'

import type { Schemas } from '~/api/client'
import type { ListQuery } from '~/api/list'
import { Failed, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { CauseBadge } from '~/features/suppressions/cause'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import classes from './ContactRows.module.css'
import { nameOf } from './names'
import { useVisibleRows } from './window'
import { words } from './words'

type Row = Schemas['ContactRow']

const rowHeight = 48 // as in the style sheet
const ahead = 150 // rows: the next page is asked for before its first row is needed

interface Props {
  list: ListQuery<Row>
  /** Where there is nobody. */
  empty: ReactNode
  busy: boolean
  total?: number
}

/** The contacts. Only the rows near the window are in the document, and the next page is read before one comes there. */
export function ContactRows({ list, empty, busy, total }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const f = useFormat()
  const navigate = useNavigate()
  const body = useRef<HTMLTableSectionElement>(null)
  const { start, end } = useVisibleRows(body, rowHeight, list.items.length)
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = list
  const near = end + ahead >= list.items.length
  useEffect(() => {
    if (near && hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage()
  }, [near, hasNextPage, isFetchingNextPage, isError, fetchNextPage])

  if (list.isPending) return <Loading />
  if (list.isError && list.items.length === 0) return <Failed error={list.error} retry={() => void list.refetch()} />
  if (list.items.length === 0) return empty
  return (
    <Stack gap="xs" role="region" aria-label={t('title')}>
      <div className={classes.wrap} aria-busy={busy}>
        <table
          className={classes.table}
          aria-label={t('title')}
          aria-rowcount={hasNextPage ? (total ?? -1) : list.items.length + 1}
        >
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col" className={classes.who}>
                {t('list.who')}
              </th>
              <th scope="col" className={`${classes.id} ${classes.middle}`}>
                {t('externalId')}
              </th>
              <th scope="col" className={classes.wide}>
                {t('country')}
              </th>
              <th scope="col" className={classes.status}>
                {t('list.status')}
              </th>
              <th scope="col" className={`${classes.orders} ${classes.number} ${classes.middle}`}>
                {t('list.orders')}
              </th>
              <th scope="col" className={`${classes.last} ${classes.middle}`}>
                {t('list.lastOrder')}
              </th>
              <th scope="col" className={`${classes.last} ${classes.wide}`}>
                {t('created')}
              </th>
            </tr>
          </thead>
          <tbody ref={body}>
            <Gap rows={start} />
            {list.items.slice(start, end).map((c, i) => (
              <tr
                key={c.external_id}
                className={classes.row}
                aria-rowindex={start + i + 2}
                onClick={(e) => {
                  if ((e.target as Element).closest('a,button') || window.getSelection()?.toString()) return
                  void navigate({ to: '/contacts/$externalId', params: { externalId: c.external_id } })
                }}
              >
                <td className={classes.who}>
                  <Anchor
                    component={Link}
                    to={'/contacts/$externalId' as string}
                    params={{ externalId: c.external_id } as never}
                    preload={false}
                    size="sm"
                    fw={500}
                    c="inherit"
                    className={classes.line}
                  >
                    {nameOf(c)}
                  </Anchor>
                  {c.email !== nameOf(c) && (
                    <Text component="span" size="xs" c="dimmed" className={classes.line}>
                      {c.email || t('noAddress')}
                    </Text>
                  )}
                </td>
                <td className={classes.middle}>{c.external_id}</td>
                <td className={classes.wide}>{c.country}</td>
                <td className={classes.status}>
                  {c.suppression ? (
                    <CauseBadge cause={c.suppression} />
                  ) : (
                    <Text component="span" size="xs" c="dimmed">
                      {c.email ? '' : t('noAddress')}
                    </Text>
                  )}
                </td>
                <td className={`${classes.orders} ${classes.number} ${classes.middle}`}>{f.number(c.orders)}</td>
                <td className={`${classes.last} ${classes.middle}`}>
                  {c.last_order_at && <Time at={c.last_order_at} relative />}
                </td>
                <td className={`${classes.last} ${classes.wide}`}>{f.date(c.created_at)}</td>
              </tr>
            ))}
            <Gap rows={list.items.length - end} />
          </tbody>
        </table>
      </div>
      <Group justify="center" aria-live="polite" mih={30}>
        {list.isError ? (
          <Failed error={list.error} retry={() => void list.fetchNextPage()} />
        ) : hasNextPage ? (
          <Button variant="default" size="xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
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

/** The room of rows that are not drawn. */
function Gap({ rows }: { rows: number }) {
  if (rows <= 0) return null
  return (
    <tr className={classes.gap} aria-hidden>
      <td style={{ height: rows * rowHeight }} />
    </tr>
  )
}
