import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { screen } from '@testing-library/react'
import type { ReactNode } from 'react'
import { expect, test, vi } from 'vitest'

import { render } from '~/test/render'

import { ContactRows } from './ContactRows'
import { OrderCard } from './Orders'
import { Attributes, Consents, Facts, OrderFigures, Segments, SuppressionNote } from './parts'
import { Entries } from './Timeline'

window.scrollTo = () => {} // what jsdom lacks

const evil = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>{{link}}javascript:window.hit=1'
const at = '2026-03-01T10:00:00Z'

async function show(children: ReactNode) {
  const router = createRouter({
    routeTree: createRootRoute({ component: () => <div data-testid="shown">{children}</div> }),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  })
  render(<RouterProvider router={router as never} />)
  return screen.findByTestId('shown')
}

const contact = {
  external_id: evil,
  email: evil,
  first_name: evil,
  last_name: evil,
  phone: evil,
  country: evil,
  language: evil,
  timezone: evil,
  attributes: {},
  created_at: at,
  updated_at: at,
}
const mail = { message_id: 1, name: evil, topic: evil, state: 'failed', reason: evil, detail: evil, sent_at: null }
const step = { journey_id: 1, journey: evil, version: 1, enrolment_id: 1, step: evil, what: evil, why: evil }
const none = { isPending: false, isFetching: false, isFetchingNextPage: false, hasNextPage: false, isError: false }

const parts: Record<string, ReactNode> = {
  facts: <Facts contact={contact} />,
  attributes: <Attributes attributes={{ [evil]: evil, nested: { [evil]: [evil] }, on: true }} onEdit={() => {}} />,
  consents: (
    <Consents
      consents={[{ topic: evil, state: evil, source: evil, updated_at: at }]}
      onAdd={() => {}}
      onChange={() => {}}
    />
  ),
  segments: <Segments segments={[{ id: 1, name: evil }]} />,
  suppression: <SuppressionNote suppression={{ email: evil, cause: evil, detail: evil, created_at: at }} />,
  figures: (
    <OrderFigures
      stats={{
        orders: 1,
        undone: 0,
        first_at: at,
        last_at: at,
        spent: [{ currency: evil, orders: 1, total: 5 }],
        favourite: [{ sku: evil, name: evil, quantity: 2 }],
      }}
    />
  ),
  order: (
    <OrderCard
      order={{
        order_id: evil,
        contact_external_id: evil,
        status: evil,
        currency: evil,
        total: 5,
        items: [{ sku: evil, name: evil, quantity: 1, unit_price: 5 }],
        placed_at: at,
        created_at: at,
        updated_at: at,
      }}
    />
  ),
  timeline: (
    <Entries
      label="x"
      entries={[
        { at, kind: 'order', order: { order_id: evil, status: evil, currency: evil, total: 1 } },
        { at, kind: 'event', event: { name: evil, properties: { [evil]: evil } } },
        { at, kind: 'consent', consent: { topic: evil, state: evil, source: evil } },
        { at, kind: 'suppression', suppression: { cause: evil, detail: evil } },
        { at, kind: 'step', step },
        { at, kind: 'mail', mail },
        { at, kind: 'mail', mail: { ...mail, campaign_id: 1 } },
      ]}
    />
  ),
  rows: (
    <ContactRows
      busy={false}
      empty={null}
      list={{
        ...none,
        error: null,
        refetch: vi.fn() as never,
        fetchNextPage: vi.fn() as never,
        items: [{ ...contact, suppression: evil, orders: 1, last_order_at: at }],
      }}
    />
  ),
}

test.each(Object.entries(parts))('%s shows what others wrote as text', async (_, part) => {
  const root = await show(part)
  expect(root.textContent).toContain('<script>')
  expect(root.querySelector('img, script, iframe, [onerror]')).toBeNull()
  for (const link of root.querySelectorAll('a')) expect(link.getAttribute('href')).not.toMatch(/^javascript:/i)
  expect((window as unknown as { hit?: number }).hit).toBeUndefined()
})
