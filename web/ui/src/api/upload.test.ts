import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Problem } from './problem'
import { search, upload } from './upload'

class FakeRequest extends EventTarget {
  static last: FakeRequest
  readonly upload = new EventTarget()
  readonly headers: Record<string, string> = {}
  url = ''
  sent: unknown
  status = 0
  responseText = ''
  constructor() {
    super()
    FakeRequest.last = this
  }
  open(_method: string, url: string) {
    this.url = url
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value
  }
  send(body: unknown) {
    this.sent = body
  }
  abort() {
    this.end('abort')
  }
  end(event: string, status = 0, text = '') {
    this.status = status
    this.responseText = text
    this.dispatchEvent(new Event(event))
    this.dispatchEvent(new Event('loadend'))
  }
}

beforeEach(() => void vi.stubGlobal('XMLHttpRequest', FakeRequest))
afterEach(() => void vi.unstubAllGlobals())

const file = new Blob(['email\n'])
const query = { kind: 'contacts', map: ['email=E-Mail', 'attr:a b=Ä & b'], topic: '' } as const

test('a file is sent, with how far it is', async () => {
  const onProgress = vi.fn()
  const done = upload('/api/v1/imports', { ...query, map: [...query.map] }, file, { onProgress })
  const request = FakeRequest.last
  expect(request.url).toBe('/api/v1/imports?kind=contacts&map=email%3DE-Mail&map=attr%3Aa+b%3D%C3%84+%26+b')
  expect(request.headers['X-Requested-With']).toBe('posthorn')
  expect(request.sent).toBe(file)
  request.upload.dispatchEvent(new ProgressEvent('progress', { loaded: 3 }))
  expect(onProgress).toHaveBeenCalledWith(3)
  request.end('load', 201, '{"id":7}')
  expect(await done).toEqual({ id: 7 })
})

test('what is refused is a Problem, also where the answer is none of the API’s', async () => {
  const refused = upload('/api/v1/imports', { kind: 'contacts' }, file)
  FakeRequest.last.end('load', 409, '{"detail":"full","state":"full"}')
  await expect(refused).rejects.toMatchObject({ status: 409, message: 'full', state: 'full' })
  const proxy = upload('/api/v1/imports', { kind: 'contacts' }, file)
  FakeRequest.last.end('load', 413, '<html>')
  await expect(proxy).rejects.toMatchObject({ status: 413 })
  const lost = upload('/api/v1/imports', { kind: 'contacts' }, file)
  FakeRequest.last.end('error')
  await expect(lost).rejects.toEqual(new Problem(0))
})

test('it can be given up', async () => {
  const stop = new AbortController()
  const given = upload('/api/v1/imports', { kind: 'contacts' }, file, { signal: stop.signal })
  stop.abort()
  await expect(given).rejects.toBe(stop.signal.reason)
})

test('lists are names again and again, and what is not given is left out', () => {
  expect(search({ a: ['1', '2'], b: undefined, c: '', d: true }).toString()).toBe('a=1&a=2&d=true')
})
