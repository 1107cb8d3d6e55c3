/**
 * A file as the body of a request, with how far it is. What fetch cannot say of a body
 * that is sent, XMLHttpRequest can; all else is as the client does it.
 */
import type { paths } from './client'
import { Problem } from './problem'

/** The operations that take a file. */
export type UploadPath = {
  [P in keyof paths]: paths[P] extends { post: { requestBody: { content: { 'text/csv': string } } } } ? P : never
}[keyof paths]

type Query<P extends UploadPath> = paths[P] extends { post: { parameters: { query: infer Q } } } ? Q : never
type Answered<P extends UploadPath> = paths[P] extends {
  post: { responses: { 201: { content: { 'application/json': infer A } } } }
}
  ? A
  : never

interface Options {
  /** Bytes that are on their way, of the file's. */
  onProgress?: (sent: number) => void
  /** Ends it; the promise is rejected with its reason. */
  signal?: AbortSignal
}

export function upload<P extends UploadPath>(
  path: P,
  query: Query<P>,
  file: Blob,
  { onProgress, signal }: Options = {},
): Promise<Answered<P>> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open('POST', `${path}?${search(query as object)}`)
    request.setRequestHeader('X-Requested-With', 'posthorn')
    request.setRequestHeader('Content-Type', 'text/csv')
    request.upload.addEventListener('progress', (event) => onProgress?.(event.loaded))
    request.addEventListener('load', () => {
      const document = parsed(request.responseText)
      if (request.status >= 200 && request.status < 300) resolve(document as Answered<P>)
      else reject(new Problem(request.status, document))
    })
    request.addEventListener('error', () => reject(new Problem(0)))
    request.addEventListener('abort', () => reject(signal?.reason ?? new Problem(0)))
    request.addEventListener('loadend', () => signal?.removeEventListener('abort', abort))
    signal?.addEventListener('abort', abort)
    request.send(file)
  })
}

/** A list is the name again and again, as the API reads it. */
export function search(query: object): URLSearchParams {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') out.append(name, String(one))
    }
  }
  return out
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // a proxy's page, say
  }
}
