/**
 * How soon the app can be used, on a processor four times slower: from the request of a
 * page, with an empty cache, until its heading is there and the main thread is at rest.
 *
 *     node e2e/speed.mjs [ROUNDS] [CONTACTS]
 *
 * Prints medians, for the docs (docs/benchmarks.md); also how long pages of the list of
 * contacts take to be answered, filtered, searched and sorted, and to be shown where
 * somebody jumps to them. With 100,000 contacts the demo takes some minutes to begin.
 */
import { launch, settled, signIn } from './browser.mjs'
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

/** What the list of contacts is asked for. */
const asked = {
  all: '',
  'query=ha': 'query=ha',
  'query=demo-00123': 'query=demo-00123',
  'query=a': 'query=a',
  subscribed: 'topic=news&consent=subscribed',
  unsubscribed: 'topic=news&consent=unsubscribed',
  'never asked': 'topic=news&consent=never_asked',
  suppressed: 'suppressed=yes',
  ordered: 'ordered=yes',
  'of a country': 'country=Germany',
  'of a segment': 'segment=1',
  'of a segment, query=ha': 'segment=1&query=ha',
}

/** @param {import('./demo.mjs').Demo} demo */
async function answered(demo) {
  for (const [name, filter] of Object.entries(asked)) {
    const figures = []
    for (const page of ['sort=newest', 'sort=oldest', 'sort=name', 'sort=last_order', 'total=true']) {
      const took = []
      for (let i = 0; i < 20; i++) {
        const began = performance.now()
        await api(demo, 'GET', `/contacts?limit=${page === 'total=true' ? 1 : 200}&${page}&${filter}`)
        took.push(performance.now() - began)
      }
      figures.push(
        `${page === 'total=true' ? 'count' : page.slice(5)} ${median(took).toFixed(1)}/${Math.max(...took).toFixed(1)}`,
      )
    }
    console.log(`${name}: ${figures.join(', ')} (median/longest of 20, ms)`)
  }
}

/** How long rows take to be there where one jumps to, in ms. @param {import('playwright-core').Page} page @param {number} share of the list */
const jumped = (page, share) =>
  page.evaluate(async (share) => {
    const began = performance.now()
    scrollTo(0, (document.documentElement.scrollHeight - innerHeight) * share)
    const frame = () => new Promise(requestAnimationFrame)
    const shown = () =>
      [0.3, 0.5, 0.8].every(
        (y) => document.elementFromPoint(innerWidth / 2, innerHeight * y)?.closest('td')?.textContent,
      )
    do await frame()
    while (!shown() && performance.now() - began < 20_000)
    return performance.now() - began
  }, share)

/** @param {import('playwright-core').Browser} browser @param {import('./demo.mjs').Demo} demo @param {import('playwright-core').BrowserContextOptions['storageState']} state */
async function scrolled(browser, demo, state) {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1280, height: 860 } })
  const page = await context.newPage()
  await page.goto(`${demo.base}/app/contacts`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await settled(page)
  const took = []
  for (const share of [0.001, 0.01, 0.1, 0.5, 1, 0.25, 0])
    took.push(`${share * 100} %: ${ms(await jumped(page, share))}`)
  console.log(`rows after a jump in what was read of the list, to ${took.join(', ')}`)
  await context.close()
}

const orders = String(contacts * 2.5)
const demo = await startDemo(['--contacts', String(contacts), '--orders', orders], 120_000 + contacts * 10)
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
  await answered(demo)
  await scrolled(browser, demo, state)
} finally {
  await browser.close()
  await demo.stop()
}
