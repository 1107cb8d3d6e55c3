/**
 * The app as people use it: a browser against `posthorn demo`.
 *
 *     make e2e
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { complaints, launch, settled, signIn } from './browser.mjs'
import { api, startDemo } from './demo.mjs'
import { lookAtPages } from './pages.mjs'

/** @type {import('./demo.mjs').Demo} */
let demo
/** @type {import('playwright-core').Browser} */
let browser

before(async () => {
  demo = await startDemo(['--contacts', '500', '--orders', '1500'])
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await demo?.stop()
})

/** @param {'owner' | 'marketer' | 'ops'} role */
async function as(role) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: 'en',
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(20_000)
  const page = await signIn(context, demo, role)
  const heard = complaints(page)
  const go = async (/** @type {string} */ path) => {
    await page.goto(`${demo.base}/app${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await settled(page)
  }
  const done = async () => {
    await context.close()
    assert.deepEqual(heard, [])
  }
  return { page, go, done }
}

/** What a contact has been sent, newest first. @param {string} contact */
const mailsOf = async (contact) =>
  (await api(demo, 'GET', `/contacts/${contact}/timeline?limit=50`)).items.filter(
    (/** @type {{ kind: string }} */ e) => e.kind === 'mail',
  )

test('who does not know the password does not come in', async () => {
  const page = await browser.newPage()
  await page.goto(`${demo.base}/app/campaigns`)
  await page.getByLabel(/^e-?mail/i).fill(demo.accounts.owner.email)
  await page.getByLabel(/^password/i).fill('not the password')
  await page.getByRole('button', { name: /^sign in$/i }).click()
  await page.getByRole('alert').getByText(/./).waitFor()
  assert.match(page.url(), /sign-in/)
  await page.close()
})

test('a marketer writes a template, sends a test, sends the campaign and reads why somebody was skipped', async () => {
  const { page, go, done } = await as('marketer')

  await go('/templates')
  await page.getByRole('button', { name: 'New template' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Spring')
  await dialog.getByRole('button', { name: 'Create template' }).click()
  await page.waitForURL(/\/templates\/\d+/)
  const subject = page.getByRole('textbox', { name: 'Subject' })
  await subject.click()
  await subject.press('ControlOrMeta+a')
  await page.keyboard.insertText('Spring for {{ contact.first_name | default: "you" }}')
  await page.getByRole('button', { name: 'Save version' }).click()
  await page.getByText(/Version \d+ is saved/).waitFor()

  await go('/campaigns')
  await page.getByRole('button', { name: 'New campaign' }).first().click()
  await page.waitForURL(/\/campaigns\/\d+/)
  const id = Number(/\/campaigns\/(\d+)/.exec(page.url())?.[1])
  await page.getByLabel('Name', { exact: true }).fill('Spring campaign')
  await page
    .getByRole('combobox', { name: 'Topic' })
    .or(page.getByRole('textbox', { name: 'Topic' }))
    .first()
    .click()
  await page.getByRole('option', { name: /^news/ }).click()
  await page
    .getByRole('combobox', { name: 'Template' })
    .or(page.getByRole('textbox', { name: 'Template' }))
    .first()
    .click()
  await page.getByRole('option', { name: /Spring/ }).click()
  await page.getByRole('textbox', { name: 'Sender’s name' }).fill('The shop')
  await page.getByRole('combobox', { name: 'Sender’s address' }).fill('news@shop.example')
  await page
    .getByText(/^Saved/)
    .first()
    .waitFor()

  await page
    .getByRole('combobox', { name: 'To', exact: true })
    .or(page.getByRole('textbox', { name: 'To', exact: true }))
    .fill('me@shop.example')
  await page
    .getByRole('combobox', { name: 'To', exact: true })
    .or(page.getByRole('textbox', { name: 'To', exact: true }))
    .press('Enter')
  await page.getByRole('button', { name: 'Send test' }).click()
  await page
    .getByText(/me@shop\.example: Sent/)
    .or(page.getByText('me@shop.example:').locator('..').getByText('Sent'))
    .first()
    .waitFor()

  // Whatever the checklist warns of is accepted: the demo's domain is nobody's.
  const send = page.getByRole('button', { name: /^Send to [\d,]+ people…$/ })
  await send.waitFor()
  const accept = page.getByRole('checkbox', { name: /^Send anyway/ })
  for (let i = 0; i < 60 && !(await send.isEnabled()); i++) {
    for (const box of await accept.all()) if (!(await box.isChecked())) await box.check()
    await page.waitForTimeout(500)
  }
  const people = Number((await send.textContent())?.replace(/\D/g, ''))
  await send.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Send now' }).click()

  // Its progress moves by itself.
  await page.getByText('Finished').first().waitFor({ timeout: 60_000 })
  const { sent } = (await api(demo, 'GET', `/campaigns/${id}`)).run
  assert.ok(people > 0 && sent > 0 && sent <= people, `${sent} of ${people} sent`)

  await page.getByRole('tab', { name: 'Recipients' }).click()
  const skipped = (await api(demo, 'GET', `/campaigns/${id}/messages?state=skipped&limit=1`)).items[0]
  await page.getByLabel('Address or customer number').fill(skipped.contact_external_id)
  const row = page
    .getByRole('row')
    .filter({ hasText: skipped.contact_external_id })
    .or(page.getByRole('row').filter({ hasText: skipped.email }))
  await row.getByText(/Skipped/).waitFor()
  assert.ok((await row.first().textContent())?.length, 'there is a reason')
  await done()
})

test('an order moves a journey, and its mail is on the contact’s timeline', async () => {
  const { page, go, done } = await as('marketer')
  const journeys = (await api(demo, 'GET', '/journeys?limit=50')).items
  const thanks = journeys.find((/** @type {{ name: string }} */ j) => /thank/i.test(j.name)) ?? journeys[0]
  const contact = (
    await api(demo, 'GET', '/contacts?limit=50&topic=news&consent=subscribed').catch(() =>
      api(demo, 'GET', '/contacts?limit=50'),
    )
  ).items.find((/** @type {{ email: string }} */ c) => c.email && !/[^a-z0-9.@-]/.test(c.email))
  const product = (await api(demo, 'GET', '/products?limit=1')).items[0]
  const before = (await mailsOf(contact.external_id)).length
  const enrolled = async () => (await api(demo, 'GET', `/journeys/${thanks.id}`)).counts.total.enrolled

  await go(`/journeys/${thanks.id}`)
  const was = await enrolled()
  await api(demo, 'PUT', '/orders/E2E-1', {
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

test('ops pause a queue, and see no contacts', async () => {
  const { page, go, done } = await as('ops')
  const words = (await page.getByRole('navigation').textContent()) ?? ''
  assert.match(words, /Queues/)
  assert.doesNotMatch(words, /Contacts|Templates/)
  await go('/queues')
  await page
    .getByRole('button', { name: /^Pause/ })
    .first()
    .click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Pause/ })
    .click()
  await page
    .getByText(/Paused/)
    .first()
    .waitFor()
  await page
    .getByRole('button', { name: /^Resume/ })
    .first()
    .click()
  await page.goto(`${demo.base}/app/contacts`)
  await page.getByText(/not for your role/).waitFor()
  await done()
})

test('every page: light and dark, wide and narrow, for everybody', { timeout: 900_000 }, async () => {
  assert.deepEqual(await lookAtPages(demo, process.env.PICTURES ?? ''), [])
})
