/**
 * Looks at every page: in light and dark, at a desk and on a phone. Each picture goes
 * to a folder, and what axe finds or the page complains about is an error.
 *
 *     node e2e/pages.mjs FOLDER [PATTERN of pages]
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { complaints, launch, settled, signIn, violations } from './browser.mjs'
import { api, startDemo } from './demo.mjs'

const looks = [
  { name: 'desktop-light', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { name: 'desktop-dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { name: 'phone-light', colorScheme: 'light', viewport: { width: 360, height: 740 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 360, height: 740 } },
]

/** A file with a row that is rejected. */
const customers = 'external_id,email\nP-1,ada@shop.example\nP-2,no address\n'

/**
 * All pages of the demo's shop, by name.
 * @param {import('./demo.mjs').Demo} demo
 */
export async function pagesOf(demo) {
  const first = async (path) => (await api(demo, 'GET', `${path}?limit=1`)).items[0]
  const [campaign, contact, segment, template, product, journey] = await Promise.all(
    ['/campaigns', '/contacts', '/segments', '/templates', '/products', '/journeys'].map(first),
  )
  const imported =
    (await first('/imports')) ?? (await api(demo, 'POST', '/imports?kind=contacts&name=customers.csv', customers))
  return {
    home: '/',
    campaigns: '/campaigns',
    campaign: `/campaigns/${campaign.id}`,
    journeys: '/journeys',
    journey: `/journeys/${journey.id}`,
    contacts: '/contacts',
    contact: `/contacts/${encodeURIComponent(contact.external_id)}`,
    segments: '/segments',
    segment: `/segments/${segment.id}`,
    imports: '/imports',
    import: `/imports/${imported.id}`,
    'import-new': '/imports/new?kind=contacts',
    topics: '/topics',
    suppressions: '/suppressions',
    templates: '/templates',
    template: `/templates/${template.id}`,
    products: '/products',
    product: `/products/${encodeURIComponent(product.sku)}`,
    queues: '/queues',
    users: '/settings/users',
    keys: '/settings/keys',
    relays: '/settings/relays',
    rules: '/settings/rules',
    profile: '/profile',
  }
}

/**
 * @param {import('./demo.mjs').Demo} demo
 * @param {string} folder '' for no pictures
 * @param {RegExp} [only]
 * @returns {Promise<string[]>} what is wrong
 */
export async function lookAtPages(demo, folder, only = /./) {
  if (folder) await mkdir(folder, { recursive: true })
  const wrong = []
  const pages = Object.entries(await pagesOf(demo)).filter(([name]) => only.test(name))
  const browser = await launch()
  try {
    for (const look of looks) {
      const context = await browser.newContext({ ...look, locale: 'en', reducedMotion: 'reduce' })
      const page = await signIn(context, demo, 'owner')
      const heard = complaints(page)
      for (const [name, path] of pages) {
        await page.goto(`${demo.base}/app${path}`)
        await page
          .getByRole('heading', { level: 1 })
          .waitFor({ timeout: 20_000 })
          .catch(() => wrong.push(`${name}, ${look.name}: no heading`))
        await settled(page)
        if (folder) await page.screenshot({ path: join(folder, `${name}-${look.name}.png`), fullPage: true })
        for (const v of await violations(page)) wrong.push(`${name}, ${look.name}: ${v}`)
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (over > 0) wrong.push(`${name}, ${look.name}: ${over} px wider than the window`)
      }
      wrong.push(...heard.map((text) => `${look.name}: ${text}`))
      await context.close()
    }
  } finally {
    await browser.close()
  }
  return wrong
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const demo = await startDemo()
  try {
    const wrong = await lookAtPages(demo, process.argv[2] ?? 'pictures', new RegExp(process.argv[3] ?? '.'))
    wrong.forEach((line) => console.log(line))
    process.exitCode = wrong.length ? 1 : 0
  } finally {
    await demo.stop()
  }
}
