/** What ops see and do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './stage.mjs'

const { as, demo } = stage()

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
  await page.goto(`${demo().base}/app/contacts`)
  await page.getByText(/not for your role/).waitFor()
  await done()
})
