import { expect, test } from 'vitest'

import { client } from './client'
import { explain, Problem } from './problem'

test('a problem document is taken apart', () => {
  const p = new Problem(422, {
    detail: 'name is empty',
    errors: [{ location: 'sender.address', message: 'is not an address' }],
    request_id: 'r1',
  })
  expect(p.fields).toEqual({ 'sender.address': 'is not an address' })
  expect(explain(p)).toBe('sender.address: is not an address')
  expect(explain(new Problem(409, { detail: 'it is running', state: 'running' }))).toBe('it is running')
  expect(explain(new Problem(500, { detail: 'something went wrong', request_id: 'r1' }))).toContain('r1')
  expect(explain(new Problem(0))).toMatch(/reached/)
  expect(new Problem(503).temporary && new Problem(0).temporary && !new Problem(409).temporary).toBe(true)
})

test('whatever fails is a Problem', async () => {
  globalThis.fetch = async () => new Response('<html>a proxy’s own page</html>', { status: 502 })
  await expect(client.GET('/api/v1/campaigns')).rejects.toMatchObject({ name: 'Problem', status: 502 })
  globalThis.fetch = async () => {
    throw new TypeError('failed to fetch')
  }
  await expect(client.GET('/api/v1/campaigns')).rejects.toMatchObject({ name: 'Problem', status: 0 })
})
