import { expect, test } from 'vitest'

import type { Schemas } from '~/api/client'

import { bodyOf, keepsPassword, portFor, valuesOf } from './relay'

const stored = {
  name: 'default',
  host: 'smtp.example.com',
  port: 587,
  tls: 'starttls',
  encoding: 'auto',
  username: 'posthorn',
  has_password: true,
  connections: 5,
  rate_per_second: 50,
} as Schemas['Relay']

test('a password that is not typed is kept, for the host it was given for', () => {
  const same = valuesOf(stored, false)
  expect(keepsPassword(stored, same)).toBe(true)
  expect('password' in bodyOf(stored, same)).toBe(false)
  expect(bodyOf(stored, { ...same, host: 'SMTP.example.com ' })).not.toHaveProperty('password')

  const elsewhere = { ...same, host: 'other.example.com' }
  expect(keepsPassword(stored, elsewhere)).toBe(false)
  expect(bodyOf(stored, elsewhere).password).toBe('')
  expect(bodyOf(stored, { ...same, username: ' ' })).toMatchObject({ username: '', password: '' })
  expect(bodyOf(stored, { ...same, password: 'new one' }).password).toBe('new one')
})

test('a new relay', () => {
  const values = valuesOf(undefined, true)
  expect(values.name).toBe('default')
  expect(valuesOf(undefined, false).name).toBe('')
  expect(bodyOf(undefined, { ...values, host: ' smtp.example.com ', port: '2525', connections: '3' })).toEqual({
    host: 'smtp.example.com',
    port: 2525,
    tls: 'starttls',
    encoding: 'auto',
    username: '',
    password: '',
    connections: 3,
    rate_per_second: 0,
  })
})

test('the usual port follows the encryption, a typed one stays', () => {
  expect(portFor(587, 'starttls', 'tls')).toBe(465)
  expect(portFor('', 'starttls', 'none')).toBe(25)
  expect(portFor(2525, 'starttls', 'tls')).toBe(2525)
})
