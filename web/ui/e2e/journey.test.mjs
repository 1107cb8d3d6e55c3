/** Orders and the journeys they move. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './stage.mjs'

const { api, as } = stage()

/** What a contact has been sent, newest first. @param {string} contact */
const mailsOf = async (contact) =>
  (await api('GET', `/contacts/${contact}/timeline?limit=50`)).items.filter(
    (/** @type {{ kind: string }} */ e) => e.kind === 'mail',
  )

test('an order moves a journey, and its mail is on the contact’s timeline', async () => {
  const { page, go, done } = await as('marketer')
  const journeys = (await api('GET', '/journeys?limit=50')).items
  const thanks = journeys.find((/** @type {{ name: string }} */ j) => /thank/i.test(j.name)) ?? journeys[0]
  const contact = (
    await api('GET', '/contacts?limit=50&topic=news&consent=subscribed').catch(() => api('GET', '/contacts?limit=50'))
  ).items.find((/** @type {{ email: string }} */ c) => c.email && !/[^a-z0-9.@-]/.test(c.email))
  const product = (await api('GET', '/products?limit=1')).items[0]
  const before = (await mailsOf(contact.external_id)).length
  const enrolled = async () => (await api('GET', `/journeys/${thanks.id}`)).counts.total.enrolled

  await go(`/journeys/${thanks.id}`)
  const was = await enrolled()
  await api('PUT', '/orders/E2E-1', {
    contact_external_id: contact.external_id,
    placed_at: new Date().toISOString(),
    currency: 'EUR',
    items: [{ sku: product.sku, quantity: 1, unit_price: 10 }],
  })
  // The page tells without being loaded again.
  await page
    .getByText((was + 1).toLocaleString('en'), { exact: true })
    .first()
    .waitFor()
  for (let i = 0; i < 100 && (await mailsOf(contact.external_id)).length === before; i++)
    await new Promise((r) => setTimeout(r, 200))

  await go(`/contacts/${encodeURIComponent(contact.external_id)}`)
  await page.getByText('E2E-1').first().waitFor()
  assert.ok((await mailsOf(contact.external_id)).length > before, 'the order’s mail is on the timeline')
  await done()
})
