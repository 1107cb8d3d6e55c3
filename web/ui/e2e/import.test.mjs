/** A CSV file, imported in the browser. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { stage } from './stage.mjs'

const { api, as } = stage()

const hostile = '<img src=x onerror="window.hurt=1">'
const csv = [
  'Kundennummer;E-Mail;Vorname;Favourite',
  'E2E-100;ada@shop.example;Ada;beans',
  `E2E-101;grace@shop.example;"${hostile.replaceAll('"', '""')}";filters`,
  'E2E-102;no address;Nobody;cups',
  '',
].join('\n')

test('a marketer imports a file of contacts, and gets back the row that was rejected', async () => {
  const { page, go, done } = await as('marketer')
  await go('/contacts')
  await page
    .getByRole('link', { name: /Import/ })
    .last()
    .click()
  await page.waitForURL(/\/imports\/new/)
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'customers.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  await page.getByRole('button', { name: 'Next: columns' }).click()
  await page.getByText(/Of the first 3 rows 1 would be rejected/).waitFor()
  await page.getByText(/is not an email address/).waitFor()
  await page.getByText(hostile).first().waitFor()
  await page.getByRole('button', { name: 'Next', exact: true }).click()
  await page.getByRole('button', { name: 'Next', exact: true }).click()
  await page.getByRole('button', { name: 'Import contacts' }).click()

  // It goes by itself to its end.
  await page.waitForURL(/\/imports\/\d+/)
  await page.getByText('Imported, but for the rejected rows.').waitFor()
  const id = Number(/\/imports\/(\d+)/.exec(page.url())?.[1])
  const made = await api('GET', `/imports/${id}`)
  assert.deepEqual([made.state, made.rows, made.created, made.rejected], ['done', 3, 2, 1])

  const downloading = page.waitForEvent('download')
  await page
    .getByRole('link', { name: 'Download rejected rows' })
    .or(page.getByRole('button', { name: 'Download rejected rows' }))
    .click()
  const rejects = await readFile(await (await downloading).path(), 'utf8')
  assert.match(rejects, /E2E-102/)
  assert.doesNotMatch(rejects, /E2E-100/)

  await go('/contacts?q=E2E-101')
  await page.getByText('grace@shop.example').first().waitFor()
  await page.getByText(hostile).first().waitFor()
  assert.equal(await page.evaluate('window.hurt'), undefined)
  await done()
})
