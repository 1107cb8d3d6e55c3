/** Every page: light and dark, wide and narrow, for everybody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { lookAtPages } from './pages.mjs'
import { stage } from './stage.mjs'

const { demo } = stage()

test('axe finds nothing on any page, and none is wider than its window', { timeout: 900_000 }, async () => {
  assert.deepEqual(await lookAtPages(demo(), process.env.PICTURES ?? ''), [])
})
