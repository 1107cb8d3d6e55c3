import type { Schemas } from '~/api/client'

/** What the form of a relay holds. An empty password is "as it was", or none. */
export interface RelayValues {
  name: string
  host: string
  port: number | string
  tls: 'none' | 'starttls' | 'tls'
  encoding: 'auto' | 'quoted-printable'
  username: string
  password: string
  connections: number | string
  rate_per_second: number | string
}

export const usualPort = { starttls: 587, tls: 465, none: 25 } as const

/** The port for another encryption: what was typed stays, what was only usual changes. */
export function portFor(port: number | string, before: RelayValues['tls'], after: RelayValues['tls']) {
  return port === '' || Number(port) === usualPort[before] ? usualPort[after] : port
}

/** The values of a relay that is there, or of a new one. */
export function valuesOf(relay: Schemas['Relay'] | undefined, first: boolean): RelayValues {
  return {
    name: relay?.name ?? (first ? 'default' : ''),
    host: relay?.host ?? '',
    port: relay?.port ?? usualPort.starttls,
    tls: (relay?.tls as RelayValues['tls']) ?? 'starttls',
    encoding: (relay?.encoding as RelayValues['encoding']) ?? 'auto',
    username: relay?.username ?? '',
    password: '',
    connections: relay?.connections ?? 8,
    rate_per_second: relay?.rate_per_second ?? 0,
  }
}

/** Whether the stored password is kept where none is typed: it was given for this host and a user. */
export function keepsPassword(relay: Schemas['Relay'] | undefined, v: RelayValues): boolean {
  return !!relay?.has_password && !!v.username.trim() && v.host.trim().toLowerCase() === relay.host
}

/** What is sent. Without a user name the stored password goes as well. */
export function bodyOf(relay: Schemas['Relay'] | undefined, v: RelayValues): Schemas['PutRelayInputBody'] {
  return {
    host: v.host.trim(),
    port: Number(v.port),
    tls: v.tls,
    encoding: v.encoding,
    username: v.username.trim(),
    ...(v.password || !keepsPassword(relay, v) ? { password: v.password } : {}),
    connections: Number(v.connections),
    rate_per_second: Number(v.rate_per_second),
  }
}
