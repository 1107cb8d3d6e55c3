import type { UseFormReturnType } from '@mantine/form'
import { notifications } from '@mantine/notifications'

import { common } from '~/i18n/common'

/** A problem document (RFC 9457) as the API answers it. */
interface ProblemDocument {
  status?: number
  title?: string
  detail?: string
  field?: string
  state?: string
  request_id?: string
  errors?: { location?: string; message?: string }[] | null
}

/** Why a request failed. Every failure of the client is one. */
export class Problem extends Error {
  /** 0: the server was not reached. */
  readonly status: number
  /** What was wrong with fields, by location in the body, e.g. "sender.address". */
  readonly fields: Record<string, string> = {}
  /** The present state of what could not be changed (409). */
  readonly state: string
  readonly requestId: string
  /** The whole document, for answers that carry more. */
  readonly document: unknown

  constructor(status: number, document?: unknown) {
    const d = (document ?? {}) as ProblemDocument
    super(d.detail || d.title || `HTTP ${status}`)
    this.name = 'Problem'
    this.status = status
    this.document = document
    this.state = d.state ?? ''
    this.requestId = d.request_id ?? ''
    for (const e of d.errors ?? []) {
      if (e.location && e.message) this.fields[e.location] = e.message
    }
  }

  /** Whether the same request may succeed later by itself. */
  get temporary() {
    return this.status === 0 || this.status === 503 || this.status === 429
  }
}

/** What to tell somebody about an error of any kind. */
export function explain(error: unknown): string {
  const t = common.t
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error)
  switch (error.status) {
    case 0:
      return t('problem.network')
    case 401:
      return t('problem.signedOut')
    case 403:
      return t('problem.forbidden')
    case 500:
      return `${error.message} ${t('problem.request', { id: error.requestId })}`
    case 503:
      return error.message || t('problem.away')
  }
  const fields = Object.entries(error.fields).map(([field, message]) => `${field}: ${message}`)
  return fields.length ? fields.join('; ') : error.message
}

/** Says in a corner that an action failed, and why. */
export function notifyProblem(error: unknown) {
  notifications.show({ color: 'red', title: common.t('problem.title'), message: explain(error), autoClose: 10_000 })
}

/**
 * Shows what the server found at the fields of a form, and the rest in a corner.
 * name turns a location of the body into the name of a field of the form; by default
 * they are the same.
 */
export function showInForm<V>(
  form: UseFormReturnType<V>,
  error: unknown,
  name: (location: string) => string = (l) => l,
) {
  if (!(error instanceof Problem)) return notifyProblem(error)
  const values = form.getValues() as Record<string, unknown>
  const here = (field: string) =>
    field.split('.').reduce<unknown>((v, k) => (v as Record<string, unknown> | undefined)?.[k], values)
  const rest: string[] = []
  for (const [location, message] of Object.entries(error.fields)) {
    const field = name(location)
    if (here(field) !== undefined) form.setFieldError(field, message)
    else rest.push(`${location}: ${message}`)
  }
  if (Object.keys(error.fields).length === 0) notifyProblem(error)
  else if (rest.length) notifications.show({ color: 'red', title: common.t('problem.title'), message: rest.join('; ') })
}
