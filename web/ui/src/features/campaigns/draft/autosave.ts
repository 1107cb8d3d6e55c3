/**
 * Saves a draft while it is being written, one request at a time, and loses nothing:
 * what cannot be sent now is sent later, what was refused stays as it is typed, and
 * where somebody else was first, both versions are there to choose from.
 */
import { Problem } from '~/api/problem'

import { changed, type Field, type Fields } from './fields'

/** A version as the server keeps it. */
export interface Stored {
  fields: Fields
  revision: number
  /** Whose change it is, and since when. */
  by: string
  at: string
}

export type Phase =
  | 'saved'
  | 'changed' // typed, and about to be sent
  | 'saving'
  | 'waiting' // the server cannot be reached: it is tried again
  | 'refused' // by the server, for what problem says: it is tried again after the next change
  | 'conflict' // somebody else has changed it: theirs is their version
  | 'ended' // it is no draft any more

export interface State {
  fields: Fields
  stored: Stored
  phase: Phase
  /** Fields that cannot be saved as they are. */
  held: Field[]
  problem?: Problem
  theirs?: Stored
  savedAt?: Date
}

interface Options {
  save: (fields: Fields, revision: number) => Promise<Stored>
  /** The version in the answer to a save that came too late, where there is one and it is a draft. */
  present: (problem: Problem) => Stored | undefined
  /** Which fields cannot be saved as they are. */
  unfit?: (fields: Fields) => Field[]
  delay?: number
}

const retries = [2000, 5000, 10_000, 20_000, 30_000]

export class Autosave {
  private state: State
  private listeners = new Set<() => void>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private running: Promise<void> | undefined
  private failures = 0
  private lost: Fields | undefined // sent, and never answered: it may have arrived
  private closed = false
  private readonly options: Options

  constructor(stored: Stored, options: Options, unsaved?: Fields) {
    this.options = options
    this.state = { fields: stored.fields, stored, phase: 'saved', held: [] }
    if (unsaved) this.change(unsaved)
  }

  readonly get = () => this.state
  readonly subscribe = (tell: () => void) => {
    this.listeners.add(tell)
    return () => this.listeners.delete(tell)
  }

  /** Whether something is typed that the server does not have. */
  get unsaved() {
    return changed(this.state.fields, this.state.stored.fields).length > 0
  }

  change(patch: Partial<Fields>) {
    const fields = { ...this.state.fields, ...patch }
    const held = this.options.unfit?.(fields) ?? []
    if (this.state.phase === 'conflict' || this.state.phase === 'ended') return this.set({ fields, held })
    const dirty = changed(this.sendable(fields, held), this.state.stored.fields).length > 0
    this.failures = 0
    if (this.running) return this.set({ fields, held })
    this.set({ fields, held, phase: dirty ? 'changed' : 'saved', problem: undefined })
    this.plan(dirty ? (this.options.delay ?? 800) : undefined)
  }

  /** Saves now what is not saved; true: the server has all of it. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer)
    await this.running
    if (this.state.phase !== 'conflict' && this.state.phase !== 'ended') await this.run()
    return !this.unsaved && this.state.phase === 'saved'
  }

  /** The server has another version. Where nothing is typed here, it is taken. */
  told(present: Stored) {
    const { stored, phase } = this.state
    if (present.revision <= stored.revision || this.running || phase === 'ended') return
    if (phase === 'conflict') return this.set({ theirs: present })
    clearTimeout(this.timer)
    if (this.mine(present)) return this.goOn(present)
    if (!this.unsaved)
      return this.set({ fields: present.fields, stored: present, phase: 'saved', held: [], problem: undefined })
    this.set({ phase: 'conflict', theirs: present, problem: undefined })
  }

  /** Ends a conflict: fields, made of both versions, follow theirs. */
  async resolve(fields: Fields): Promise<boolean> {
    const theirs = this.state.theirs
    if (!theirs) return false
    this.set({ stored: theirs, theirs: undefined, phase: 'changed', fields, held: this.options.unfit?.(fields) ?? [] })
    return this.flush()
  }

  /** It is no draft any more: what was typed stays to be seen. */
  end() {
    clearTimeout(this.timer)
    this.set({ phase: 'ended' })
  }

  close() {
    this.closed = true
    clearTimeout(this.timer)
  }

  private sendable(fields: Fields, held: Field[]): Fields {
    return { ...fields, ...Object.fromEntries(held.map((k) => [k, this.state.stored.fields[k]])) }
  }

  private plan(delay: number | undefined) {
    clearTimeout(this.timer)
    if (delay !== undefined && !this.closed) this.timer = setTimeout(() => void this.run(), delay)
  }

  private run(): Promise<void> {
    this.running ??= this.send().finally(() => {
      this.running = undefined
      // What was typed while it was under way comes next.
      if (
        this.state.phase === 'saved' &&
        changed(this.sendable(this.state.fields, this.state.held), this.state.stored.fields).length > 0
      ) {
        this.set({ phase: 'changed' })
        this.plan(this.options.delay ?? 800)
      }
    })
    return this.running
  }

  private async send() {
    const { stored, fields, held } = this.state
    const sent = this.sendable(fields, held)
    if (changed(sent, stored.fields).length === 0) return this.set({ phase: 'saved', problem: undefined })
    this.set({ phase: 'saving' })
    try {
      const now = await this.options.save(sent, stored.revision)
      this.failures = 0
      this.lost = undefined
      this.set({ stored: now, phase: 'saved', problem: undefined, savedAt: new Date() })
    } catch (error) {
      this.failed(error instanceof Problem ? error : new Problem(-1, { detail: String(error) }), sent)
    }
  }

  /** Whether a version is what was sent from here, although the answer was lost. */
  private mine(present: Stored) {
    return this.lost !== undefined && changed(present.fields, this.lost).length === 0
  }

  private goOn(stored: Stored) {
    this.lost = undefined
    this.set({ stored, phase: 'changed', problem: undefined })
    this.plan(0)
  }

  private failed(problem: Problem, sent: Fields) {
    if (problem.temporary) {
      this.lost = sent
      this.set({ phase: 'waiting', problem })
      return this.plan(retries[Math.min(this.failures++, retries.length - 1)])
    }
    if (problem.status === 404) return this.set({ phase: 'ended', problem })
    if (problem.status === 409) {
      const theirs = this.options.present(problem)
      if (theirs && this.mine(theirs)) return this.goOn(theirs)
      return theirs ? this.set({ phase: 'conflict', theirs }) : this.set({ phase: 'ended', problem })
    }
    this.set({ phase: 'refused', problem })
  }

  private set(patch: Partial<State>) {
    this.state = { ...this.state, ...patch }
    this.listeners.forEach((tell) => tell())
  }
}
