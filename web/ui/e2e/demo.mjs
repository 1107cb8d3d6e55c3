/**
 * `posthorn demo` as a child, with a folder of its own, on ports of its own.
 *
 * @typedef {{ base: string, key: string, accounts: Record<string, { email: string, password: string }>,
 *   output: () => string, stop: () => Promise<void> }} Demo
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = process.env.POSTHORN ?? fileURLToPath(new URL('../../../bin/posthorn', import.meta.url))
const startLimit = 120_000 // ms, on a busy machine, for a shop of the usual size

/**
 * Starts a demo and waits until its campaign is through.
 * @param {string[]} args more flags
 * @param {number} limit ms it may take
 * @returns {Promise<Demo>}
 */
export async function startDemo(args = [], limit = startLimit) {
  const dir = await mkdtemp(join(tmpdir(), 'posthorn-e2e-'))
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTHORN')))
  const child = spawn(program, ['demo', '--dir', dir, '--listen', '127.0.0.1:0', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (output += data))
  const ended = new Promise((resolve) => child.on('close', resolve))
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGINT')
    await ended
    await rm(dir, { recursive: true, force: true })
  }
  const until = Date.now() + limit
  while (!/Ctrl-C ends the demo/.test(output)) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop()
      throw new Error(`the demo did not start:\n${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const base = /(http:\/\/[\d.]+:\d+)\/app\//.exec(output)?.[1] ?? ''
  const key = /\bph_[\w-]+/.exec(output)?.[0] ?? ''
  /** @type {Demo['accounts']} */
  const accounts = {}
  for (const [, role, email, password] of output.matchAll(/^\s+(owner|marketer|ops)\s+(\S+@\S+)\s+(\S+)$/gm)) {
    accounts[role] = { email, password }
  }
  if (!base || !key || !accounts.owner || !accounts.marketer || !accounts.ops) {
    await stop()
    throw new Error(`the demo does not say how to sign in:\n${output}`)
  }
  return { base, key, accounts, output: () => output, stop }
}

/**
 * Calls the API with the demo's key.
 * @param {Demo} demo
 * @param {string} method
 * @param {string} path under /api/v1
 * @param {unknown} [body] a text is a CSV file
 */
export async function api(demo, method, path, body) {
  const csv = typeof body === 'string'
  const res = await fetch(`${demo.base}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${demo.key}`, 'Content-Type': csv ? 'text/csv' : 'application/json' },
    body: csv || body === undefined ? body : JSON.stringify(body),
  })
  const text = await res.text()
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`)
  return text ? JSON.parse(text) : undefined
}
