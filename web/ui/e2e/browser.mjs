/** Debian's Chromium by playwright-core, and what axe finds on a page. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Signs in and returns the page, which is at Home then.
 * @param {import('playwright-core').BrowserContext} context
 * @param {import('./demo.mjs').Demo} demo
 * @param {'owner' | 'marketer' | 'ops'} role
 */
export async function signIn(context, demo, role) {
  const page = await context.newPage()
  await page.goto(`${demo.base}/app/`)
  await page.getByLabel(/^(email|e-mail)/i).fill(demo.accounts[role].email)
  await page.getByLabel(/^(password|passwort)/i).fill(demo.accounts[role].password)
  await page.getByRole('button', { name: /^(sign in|anmelden)$/i }).click()
  await page.getByRole('navigation').waitFor({ state: 'attached' })
  return page
}

/**
 * What a page has complained about since: errors of scripts, and what its
 * Content-Security-Policy refused. Both have to be none.
 * @param {import('playwright-core').Page} page
 */
export function complaints(page) {
  /** @type {string[]} */
  const heard = []
  page.on('pageerror', (error) => heard.push(`${page.url()}: ${error.message}`))
  page.on('console', (message) => {
    const text = message.text()
    // A request that is refused is shown by the page; the browser says it as well.
    if (message.type() === 'error' && !/Failed to load resource|net::ERR_/.test(text))
      heard.push(`${page.url()}: ${text}`)
  })
  return heard
}

/**
 * Rules of WCAG 2 A and AA that the page breaks, one line each.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<string[]>}
 */
export async function violations(page) {
  // Added by the debugger: the page's own policy would not let it.
  await page.evaluate(axeSource)
  return page.evaluate(async () => {
    // @ts-expect-error axe is added above
    const result = await window.axe.run(document, { resultTypes: ['violations'] })
    return result.violations.flatMap((v) =>
      v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.replace(/\s+/g, ' ')}`),
    )
  })
}

/** Waits until a page has come to rest: nothing loads and nothing moves. @param {import('playwright-core').Page} page */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('[role=status] .mantine-Skeleton-root'), undefined, {
    timeout: 20_000,
  })
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.effect?.getComputedTiming().iterations !== Infinity)
        .map((a) => a.finished.catch(() => {})),
    ),
  )
}
