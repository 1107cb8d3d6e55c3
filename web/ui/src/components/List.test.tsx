import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, test, vi } from 'vitest'

import type { ListQuery } from '~/api/list'
import { Problem } from '~/api/problem'
import { render } from '~/test/render'

import { List } from './List'
import { Empty } from './states'

interface Row {
  id: number
  name: string
}

function list(over: Partial<ListQuery<Row>>): ListQuery<Row> {
  return {
    items: [],
    isPending: false,
    isFetching: false,
    isFetchingNextPage: false,
    hasNextPage: false,
    fetchNextPage: vi.fn(),
    isError: false,
    error: null,
    refetch: vi.fn(),
    ...over,
  } as ListQuery<Row>
}

const show = (over: Partial<ListQuery<Row>>, filtered = false) =>
  render(
    <List<Row>
      label="People"
      list={list(over)}
      id={(r) => r.id}
      columns={[{ accessor: 'name' }]}
      filtered={filtered}
      empty={<Empty title="No people yet">Import some.</Empty>}
      nothing={<Empty title="Nobody like that" />}
    />,
  )

test('loading, empty, nothing found, failed, many', async () => {
  show({ isPending: true }).unmount()
  show({})
  expect(screen.getByText('No people yet')).toBeTruthy()
  show({}, true)
  expect(screen.getByText('Nobody like that')).toBeTruthy()

  const refetch = vi.fn()
  show({ isError: true, error: new Problem(503, { detail: 'the database is away' }), refetch: refetch as never })
  expect(screen.getByRole('alert').textContent).toContain('the database is away')
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(refetch).toHaveBeenCalledOnce()

  const fetchNextPage = vi.fn()
  show({
    items: [{ id: 1, name: '<img src=x onerror=alert(1)>' }],
    hasNextPage: true,
    fetchNextPage: fetchNextPage as never,
  })
  expect(await screen.findByText('<img src=x onerror=alert(1)>')).toBeTruthy() // as text
  await userEvent.click(screen.getByRole('button', { name: 'Load more' }))
  expect(fetchNextPage).toHaveBeenCalledOnce()
})
