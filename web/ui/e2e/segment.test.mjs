/** A segment, built in the browser. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { select, stage } from './stage.mjs'

const { api, as } = stage()

test('a marketer builds a segment, sees whom it selects, and gives it to a campaign', async () => {
  const { page, go, done } = await as('marketer')
  const rule = {
    combinator: 'and',
    rules: [
      { field: 'country', operator: '=', value: 'Germany' },
      { field: 'bought.category', operator: 'bought', value: 'coffee' },
    ],
  }
  const { count } = await api('POST', '/segments/estimate', { rule })
  assert.ok(count > 0, 'the demo has such contacts')

  await go('/segments/new')
  await page.getByLabel('Name', { exact: false }).first().fill('Coffee in Germany')
  const condition = (/** @type {number} */ n) => page.getByRole('group', { name: /^Condition/ }).nth(n)
  const lookAt = async (/** @type {number} */ n, /** @type {string} */ field) => {
    await select(condition(n), 'What is looked at').click()
    await page.getByRole('option', { name: field, exact: true }).click()
  }
  const values = (/** @type {number} */ n) =>
    condition(n)
      .getByLabel(/^Values?$/)
      .last()
  if ((await condition(0).count()) === 0) await page.getByRole('button', { name: 'Add condition' }).click()
  await lookAt(0, 'Country')
  await values(0).fill('Germany')
  await values(0).press('Enter')
  await values(0).press('Escape')
  await page.getByRole('button', { name: 'Add condition' }).last().click()
  await lookAt(1, 'Bought from category')
  await values(1).fill('coffee')
  await page
    .getByRole('option', { name: /^coffee/ })
    .first()
    .click()
  await page.keyboard.press('Escape')

  const who = page.getByRole('region', { name: 'Whom it selects' })
  await who.filter({ hasText: new RegExp(`of ${count.toLocaleString('en')}`) }).waitFor()
  await who
    .getByText(/Germany.*coffee/)
    .first()
    .waitFor()
  assert.ok((await who.getByRole('link').count()) > 0, 'some of them are shown')

  await page.getByRole('button', { name: /^(Save|Create segment)$/ }).click()
  await page.waitForURL(/\/segments\/\d+/)
  const id = Number(/\/segments\/(\d+)/.exec(page.url())?.[1])
  const saved = await api('GET', `/segments/${id}`)
  assert.equal(saved.name, 'Coffee in Germany')
  assert.equal((await api('POST', '/segments/estimate', { rule: saved.rule })).count, count)

  // Opened anew it is what was saved.
  await go(`/segments/${id}`)
  await who.filter({ hasText: new RegExp(`of ${count.toLocaleString('en')}`) }).waitFor()

  await go('/campaigns')
  await page.getByRole('button', { name: 'New campaign' }).first().click()
  await page.waitForURL(/\/campaigns\/\d+/)
  const campaign = Number(/\/campaigns\/(\d+)/.exec(page.url())?.[1])
  await select(page, 'Include').click()
  await page.getByRole('option', { name: /Coffee in Germany/ }).click()
  await page.keyboard.press('Escape')
  await page
    .getByText(/^Saved/)
    .first()
    .waitFor()
  const draft = await api('GET', `/campaigns/${campaign}`)
  assert.ok(JSON.stringify(draft).includes(`"include":[${id}]`), JSON.stringify(draft))
  await done()
})
