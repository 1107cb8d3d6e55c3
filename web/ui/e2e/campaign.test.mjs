/** From a template to a campaign's report. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { select, stage } from './stage.mjs'

const { api, as } = stage()

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
  await select(page, 'Topic').click()
  await page.getByRole('option', { name: /^news/ }).click()
  await select(page, 'Template').click()
  await page.getByRole('option', { name: /Spring/ }).click()
  await page.getByRole('textbox', { name: 'Sender’s name' }).fill('The shop')
  await page.getByRole('combobox', { name: 'Sender’s address' }).fill('news@shop.example')
  await page
    .getByText(/^Saved/)
    .first()
    .waitFor()

  await select(page, 'To').fill('me@shop.example')
  await select(page, 'To').press('Enter')
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
  const { sent } = (await api('GET', `/campaigns/${id}`)).run
  assert.ok(people > 0 && sent > 0 && sent <= people, `${sent} of ${people} sent`)

  await page.getByRole('tab', { name: 'Recipients' }).click()
  const skipped = (await api('GET', `/campaigns/${id}/messages?state=skipped&limit=1`)).items[0]
  await page.getByLabel('Address or customer number').fill(skipped.contact_external_id)
  const row = page
    .getByRole('row')
    .filter({ hasText: skipped.contact_external_id })
    .or(page.getByRole('row').filter({ hasText: skipped.email }))
  await row.getByText(/Skipped/).waitFor()
  assert.ok((await row.first().textContent())?.length, 'there is a reason')
  await done()
})
