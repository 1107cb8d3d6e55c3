/**
 * How soon the app can be used, on a processor four times slower: from the request of a
 * page, with an empty cache, until its heading is there and the main thread is at rest.
 *
 *     node e2e/speed.mjs [ROUNDS] [CONTACTS]
 *
 * Prints medians, for the docs (docs/benchmarks.md); also how long a page of the list of
 * contacts takes to be answered, at its beginning, searched, and sorted.
 */
import { launch, signIn } from './browser.mjs'
import { api, startDemo } from './demo.mjs'

const rounds = Number(process.argv[2] ?? 5)
const contacts = Number(process.argv[3] ?? 2000)
const slower = 4

/** @param {number[]} list */
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN
const ms = (/** @type {number} */ n) => `${Math.round(n)} ms`

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('./demo.mjs').Demo} demo
 * @param {import('playwright-core').BrowserContextOptions['storageState']} state
 * @param {string} path
 */
async function once(browser, demo, state, path) {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 860 } })
  const page = await context.newPage()
  const devtools = await context.newCDPSession(page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: slower })
  await page.addInitScript(() => {
    // @ts-expect-error for the reading below
    window.busyUntil = 0
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) {
        // @ts-expect-error see above
        window.busyUntil = Math.max(window.busyUntil, e.startTime + e.duration)
      }
    }).observe({ type: 'longtask', buffered: true })
  })
  await page.goto(`${demo.base}/app${path}`, { waitUntil: 'commit' })
  await page.getByRole('heading', { level: 1 }).waitFor()
  const shown = await page.evaluate(() => performance.now())
  await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {}) // with a stream it never is
  const usable = await page.evaluate(
    (shown) =>
      new Promise((resolve) =>
        requestIdleCallback(() => setTimeout(() => resolve(Math.max(shown, window['busyUntil'])), 100)),
      ),
    shown,
  )
  await context.close()
  return { shown, usable: Number(usable) }
}

const demo = await startDemo(['--contacts', String(contacts)])
const browser = await launch()
try {
  const context = await browser.newContext()
  await signIn(context, demo, 'owner')
  const state = await context.storageState()
  await context.close()
  for (const path of ['/', '/campaigns', '/contacts']) {
    const all = []
    for (let i = 0; i < rounds; i++) all.push(await once(browser, demo, state, path))
    console.log(
      `${path}: heading after ${ms(median(all.map((r) => r.shown)))}, usable after ${ms(median(all.map((r) => r.usable)))} (median of ${rounds})`,
    )
  }
  for (const query of ['limit=50', 'limit=50&query=ha', 'limit=50&sort=name', 'limit=50&sort=last_order']) {
    const took = []
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      await api(demo, 'GET', `/contacts?${query}`)
      took.push(performance.now() - began)
    }
    console.log(
      `contacts?${query}: ${median(took).toFixed(1)} ms, at most ${Math.max(...took).toFixed(1)} ms, of ${contacts}`,
    )
  }
} finally {
  await browser.close()
  await demo.stop()
}
