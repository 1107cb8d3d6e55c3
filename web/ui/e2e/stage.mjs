/** What each test file stands on: a demo of its own, a browser, and people who are signed in. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'

import { complaints, launch, settled, signIn } from './browser.mjs'
import { api, startDemo } from './demo.mjs'

/** A demo that is there while the file's tests run. @param {string[]} args flags of `posthorn demo` */
export function stage(args = ['--contacts', '500', '--orders', '1500']) {
  /** @type {import('./demo.mjs').Demo} */
  let demo
  /** @type {import('playwright-core').Browser} */
  let browser
  before(async () => {
    demo = await startDemo(args)
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    await demo?.stop()
  })

  /**
   * Somebody at a desk, signed in. `done` closes the browser, and fails if a page complained.
   * @param {'owner' | 'marketer' | 'ops'} role
   * @param {import('playwright-core').BrowserContextOptions} [look]
   */
  async function as(role, look = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 860 },
      locale: 'en',
      reducedMotion: 'reduce',
      ...look,
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

  return {
    as,
    /** @returns {import('./demo.mjs').Demo} */
    demo: () => demo,
    browser: () => browser,
    /**
     * Calls the API with the demo's key.
     * @param {string} method
     * @param {string} path under /api/v1
     * @param {unknown} [body]
     */
    api: (method, path, body) => api(demo, method, path, body),
  }
}

/**
 * A select or a field with suggestions, by its label.
 * @param {import('playwright-core').Page | import('playwright-core').Locator} within
 * @param {string} name
 */
export const select = (within, name) =>
  within
    .getByRole('combobox', { name, exact: true })
    .or(within.getByRole('textbox', { name, exact: true }))
    .first()
