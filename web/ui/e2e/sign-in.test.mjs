/** Who comes in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { stage } from './stage.mjs'

const { browser, demo } = stage()

test('who does not know the password does not come in', async () => {
  const page = await browser().newPage()
  await page.goto(`${demo().base}/app/campaigns`)
  await page.getByLabel(/^e-?mail/i).fill(demo().accounts.owner.email)
  await page.getByLabel(/^password/i).fill('not the password')
  await page.getByRole('button', { name: /^sign in$/i }).click()
  await page.getByRole('alert').getByText(/./).waitFor()
  assert.match(page.url(), /sign-in/)
  await page.close()
})
