/** What needs attention, in the language of who looks, and where it is mended. */
import type { Schemas } from '~/api/client'
import type { Role } from '~/app/session'
import { stoppedText, wording } from '~/features/campaigns/wording'
import type { KeyOf, Translate } from '~/i18n'
import { sentence } from '~/i18n/sentence'

import { noticeWords } from './notice-words'

export type Notice = Schemas['HomeNotice']
type T = Translate<KeyOf<typeof noticeWords>>

const counted = new Set(['relay_unreachable', 'messages_unknown', 'journey_people_wait'])
const known = new Set([
  'no_relay',
  'no_sender_key',
  'campaign_paused_itself',
  'campaign_failed',
  'campaign_tick_missed',
  'relay_missing',
  'relay_unreachable',
  'messages_unknown',
  'journey_paused_itself',
  'journey_people_wait',
  'import_failed',
])

/** What it is; the server's own words where this version knows none. */
export function noticeText(t: T, w: Translate<KeyOf<typeof wording>>, n: Notice): string {
  if (!known.has(n.code)) return n.what
  const reason = typeof n.values.reason === 'string' ? sentence(stoppedText(w, n.values.reason)) : ''
  const kind = n.kind === 'import' ? t(`kinds.${n.values.kind as 'contacts'}`) : undefined
  return t(`notice.${n.code}` as KeyOf<typeof noticeWords>, {
    ...n.values,
    reason,
    kind,
    ...(counted.has(n.code) ? { count: Number(n.values.n ?? 0) } : {}),
  }).trim()
}

export function noticeHow(t: T, n: Notice): string {
  return known.has(n.code) ? t(`how.${n.code}` as KeyOf<typeof noticeWords>) : n.how
}

/** Where it is mended, for a role that may go there. */
export function noticeLink(
  n: Notice,
  role: Role | undefined,
): { to: string; word: KeyOf<typeof noticeWords> } | undefined {
  const settings = role === 'owner' || role === 'ops'
  switch (n.kind) {
    case 'campaign':
      return n.code === 'relay_missing' && settings
        ? { to: '/settings/relays', word: 'open.relay' }
        : { to: `/campaigns/${n.id}`, word: 'open.campaign' }
    case 'journey':
      return { to: `/journeys/${n.id}`, word: 'open.journey' }
    case 'relay':
    case 'sender':
      return settings ? { to: '/settings/relays', word: `open.${n.kind}` } : undefined
    case 'import':
      return role === 'ops' ? undefined : { to: `/imports/${n.id}`, word: 'open.import' }
  }
}
