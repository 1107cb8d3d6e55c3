/** Words for what the server says by a code: why a mail was sent or not, and why a campaign stands still. */
import { defineWords, type KeyOf } from '~/i18n'
import type { Format } from '~/i18n/format'
import type { Schemas } from '~/api/client'

export const wording = defineWords(
  'campaigns-wording',
  {
    why: {
      sent: 'The relay {{relay}} took it on {{at}}.',
      sentAttempts: 'The relay {{relay}} took it on {{at}}, at attempt {{attempts}}.',
      sentResolved: 'Taken for sent, as somebody decided: the relay’s answer was lost.',
      planned: 'Waits for its turn.',
      plannedHeld: 'Waits: the campaign is paused.',
      plannedAgain: 'Waits to be sent again, as somebody decided; nobody knows whether it was sent before.',
      sending: 'Is being sent at this moment.',
      nextTry: 'It is tried again on {{at}}.',
      held: 'It waits while the campaign is paused.',
      other: '{{reason}}{{said}}.',
    },
    reason: {
      invalid_address: 'No address that a mail could go to',
      no_consent: 'Not subscribed to the topic',
      unsubscribed: 'Unsubscribed from the topic',
      suppressed: 'Address suppressed: it is never mailed',
      duplicate_address: 'Another recipient has the same address and gets the mail',
      contact_deleted: 'The contact was deleted before its turn came',
      journey_left: 'Left the journey before its turn came',
      journey_archived: 'The journey was archived first',
      order_refunded: 'The order that it is about was refunded or cancelled',
      goal_met: 'What the journey is for had happened by then',
      no_longer_wanted: 'What let the contact enter the journey does not hold any more',
      out_of_stock: 'Everything that it promotes is out of stock',
      capped: 'Had as many mails lately as the sending rules allow',
      quiet_hours: 'It is quiet hours where the contact lives',
      released: 'An earlier attempt was refused for now, and the next was put off',
      worker_lost: 'Posthorn itself ended while it sent this mail',
      interrupted: 'Posthorn was about to end when its turn came',
      recipient_deferred: 'The address takes no mail for now',
      sender_deferred: 'Mail from this sender is not taken for now',
      content_deferred: 'The mail was not taken for now',
      relay_busy: 'The relay is busy',
      connection_lost: 'The connection to the relay broke before the mail was handed over',
      no_reply: 'The relay did not answer in time',
      protocol_error: 'The relay gave an answer that makes no sense',
      relay_unreachable: 'The relay cannot be reached',
      relay_refused: 'The relay does not want to talk to us',
      reply_lost: 'The connection broke before the relay said whether it took the mail',
      reply_late: 'The relay did not say in time whether it took the mail',
      render_failed: 'The template could not be filled in for this contact',
      gave_up: 'Refused for now again and again, until it was given up',
      not_configured: 'Something that sending takes is not set up',
      recipient_refused: 'The address does not take it',
      sender_refused: 'The relay does not send for this sender',
      content_refused: 'The relay does not want this content',
      relaying_denied: 'The relay does not send for us',
      login_failed: 'The relay refuses our login',
      tls_failed: 'No secure connection to the relay is possible',
      invalid_mail: 'It cannot be written as a mail',
      campaign_cancelled: 'The campaign was cancelled first',
      campaign_failed: 'The campaign could not go on and ended first',
      none: 'No reason was noted',
    },
    stopped: {
      strikes: 'The first {{n}} mails all failed: {{reason}} ({{said}}). Mend that, then resume.',
      relayRefuses: 'The relay {{relay}} refuses us: {{said}}. Mend that, then resume.',
      relayMissing: 'There is no relay {{relay}}. Set it up under Settings, then resume.',
      tick: 'The run of {{tick}} was left out: it was noticed {{late}} late. Was Posthorn off?',
      segment: 'There is no segment {{id}} any more.',
      template: 'There is no template {{id}} any more.',
      password:
        'The password of the relay {{relay}} cannot be opened: POSTHORN_SECRET was changed. Put it again under Settings, then resume.',
    },
  },
  {
    why: {
      sent: 'Das Relay {{relay}} nahm sie am {{at}} an.',
      sentAttempts: 'Das Relay {{relay}} nahm sie am {{at}} an, beim Versuch Nummer {{attempts}}.',
      sentResolved: 'Gilt als gesendet, weil jemand so entschied: Die Antwort des Relays ging verloren.',
      planned: 'Wartet, bis sie an der Reihe ist.',
      plannedHeld: 'Wartet: Die Kampagne ist angehalten.',
      plannedAgain: 'Wird noch einmal gesendet, weil jemand so entschied; niemand weiß, ob sie schon gesendet wurde.',
      sending: 'Wird in diesem Augenblick gesendet.',
      nextTry: 'Nächster Versuch am {{at}}.',
      held: 'Wartet, solange die Kampagne angehalten ist.',
      other: '{{reason}}{{said}}.',
    },
    reason: {
      invalid_address: 'Keine Adresse, an die eine Mail gehen könnte',
      no_consent: 'Hat das Thema nicht abonniert',
      unsubscribed: 'Vom Thema abgemeldet',
      suppressed: 'Adresse gesperrt: wird nie angeschrieben',
      duplicate_address: 'Ein anderer Empfänger hat dieselbe Adresse und bekommt die Mail',
      contact_deleted: 'Der Kontakt wurde gelöscht, bevor er an der Reihe war',
      journey_left: 'Verließ die Journey, bevor sie an der Reihe war',
      journey_archived: 'Die Journey wurde vorher archiviert',
      order_refunded: 'Die Bestellung, um die es geht, wurde erstattet oder storniert',
      goal_met: 'Was die Journey erreichen sollte, war bis dahin geschehen',
      no_longer_wanted: 'Die Bedingung, unter der der Kontakt in die Journey kam, gilt nicht mehr',
      out_of_stock: 'Alles, wofür sie wirbt, ist ausverkauft',
      capped: 'Bekam zuletzt so viele Mails, wie die Versandregeln erlauben',
      quiet_hours: 'Beim Kontakt ist gerade Ruhezeit',
      released: 'Ein früherer Versuch wurde vorerst abgelehnt, der nächste verschoben',
      worker_lost: 'Posthorn selbst fiel aus, während es diese Mail sandte',
      interrupted: 'Posthorn wurde gerade beendet, als sie an der Reihe war',
      recipient_deferred: 'Die Adresse nimmt vorerst keine Mails an',
      sender_deferred: 'Mails dieses Absenders werden vorerst nicht angenommen',
      content_deferred: 'Die Mail wurde vorerst nicht angenommen',
      relay_busy: 'Das Relay ist beschäftigt',
      connection_lost: 'Die Verbindung zum Relay brach ab, bevor die Mail übergeben war',
      no_reply: 'Das Relay antwortete nicht rechtzeitig',
      protocol_error: 'Das Relay gab eine sinnlose Antwort',
      relay_unreachable: 'Das Relay ist nicht erreichbar',
      relay_refused: 'Das Relay will nicht mit uns sprechen',
      reply_lost: 'Die Verbindung brach ab, bevor das Relay sagte, ob es die Mail nahm',
      reply_late: 'Das Relay sagte nicht rechtzeitig, ob es die Mail nahm',
      render_failed: 'Die Vorlage ließ sich für diesen Kontakt nicht füllen',
      gave_up: 'Immer wieder vorerst abgelehnt und schließlich aufgegeben',
      not_configured: 'Etwas, das zum Senden nötig ist, ist nicht eingerichtet',
      recipient_refused: 'Die Adresse nimmt sie nicht an',
      sender_refused: 'Das Relay sendet nicht für diesen Absender',
      content_refused: 'Das Relay will diesen Inhalt nicht',
      relaying_denied: 'Das Relay sendet nicht für uns',
      login_failed: 'Das Relay lehnt unsere Anmeldung ab',
      tls_failed: 'Keine sichere Verbindung zum Relay möglich',
      invalid_mail: 'Sie lässt sich nicht als Mail schreiben',
      campaign_cancelled: 'Die Kampagne wurde vorher abgebrochen',
      campaign_failed: 'Die Kampagne konnte nicht weiter und endete vorher',
      none: 'Es ist kein Grund vermerkt',
    },
    stopped: {
      strikes:
        'Die ersten {{n}} Mails scheiterten alle: {{reason}} ({{said}}). Beheben Sie das, und setzen Sie dann fort.',
      relayRefuses: 'Das Relay {{relay}} weist uns ab: {{said}}. Beheben Sie das, und setzen Sie dann fort.',
      relayMissing:
        'Das Relay {{relay}} gibt es nicht. Richten Sie es unter Einstellungen ein, und setzen Sie dann fort.',
      tick: 'Der Lauf vom {{tick}} wurde ausgelassen: Er wurde {{late}} zu spät bemerkt. War Posthorn aus?',
      segment: 'Das Segment {{id}} gibt es nicht mehr.',
      template: 'Die Vorlage {{id}} gibt es nicht mehr.',
      password:
        'Das Passwort des Relays {{relay}} lässt sich nicht öffnen: POSTHORN_SECRET wurde geändert. Geben Sie es unter Einstellungen neu ein, und setzen Sie dann fort.',
    },
  },
)

type Words = (key: KeyOf<typeof wording>, values?: Record<string, unknown>) => string
type Message = Schemas['Message']

const reasons = new Set<string>([
  'invalid_address',
  'no_consent',
  'unsubscribed',
  'suppressed',
  'duplicate_address',
  'contact_deleted',
  'journey_left',
  'journey_archived',
  'order_refunded',
  'goal_met',
  'no_longer_wanted',
  'out_of_stock',
  'capped',
  'quiet_hours',
  'released',
  'worker_lost',
  'interrupted',
  'recipient_deferred',
  'sender_deferred',
  'content_deferred',
  'relay_busy',
  'connection_lost',
  'no_reply',
  'protocol_error',
  'relay_unreachable',
  'relay_refused',
  'reply_lost',
  'reply_late',
  'render_failed',
  'gave_up',
  'not_configured',
  'recipient_refused',
  'sender_refused',
  'content_refused',
  'relaying_denied',
  'login_failed',
  'tls_failed',
  'invalid_mail',
  'campaign_cancelled',
  'campaign_failed',
] as const)

/** A reason of the ledger in words; one that is not known is shown as it is. */
export function reasonText(t: Words, reason: string | undefined): string {
  if (!reason) return t('reason.none')
  return reasons.has(reason) ? t(`reason.${reason}` as KeyOf<typeof wording>) : reason.replaceAll('_', ' ')
}

/** Why somebody got a mail, or did not: the server's sentence (Message.why) in the language of who looks. */
export function whyText(t: Words, f: Format, m: Message): string {
  const relay = m.relay ?? ''
  const said = [m.code, m.enhanced_code, m.detail?.trim().replace(/\.+$/, '')].filter(Boolean).join(' ')
  switch (m.state) {
    case 'sent':
      if (m.detail?.startsWith('unknown at first')) return t('why.sentResolved')
      if (!m.sent_at) return m.why
      return m.attempts > 1
        ? t('why.sentAttempts', { relay, at: f.dateTime(m.sent_at), attempts: m.attempts })
        : t('why.sent', { relay, at: f.dateTime(m.sent_at) })
    case 'planned':
      if (m.held) return t('why.plannedHeld')
      return m.in_doubt ? t('why.plannedAgain') : t('why.planned')
    case 'sending':
      return t('why.sending')
  }
  const cause = t('why.other', {
    reason: reasonText(t, m.reason),
    said: said && saysMore.has(m.reason ?? '') ? ` (${said})` : '',
  })
  if (m.state !== 'deferred') return cause
  if (m.held) return `${cause} ${t('why.held')}`
  return m.due_at ? `${cause} ${t('why.nextTry', { at: f.dateTime(m.due_at) })}` : cause
}

/** Reasons to which somebody else had something to say. */
const saysMore = new Set([
  'recipient_deferred',
  'sender_deferred',
  'content_deferred',
  'relay_busy',
  'connection_lost',
  'no_reply',
  'protocol_error',
  'relay_unreachable',
  'relay_refused',
  'render_failed',
  'gave_up',
  'not_configured',
  'recipient_refused',
  'sender_refused',
  'content_refused',
  'relaying_denied',
  'login_failed',
  'tls_failed',
  'invalid_mail',
  'invalid_address',
])

/** Why a campaign stands still: what the server words in English, in the language of who looks. */
export function stoppedText(t: Words, reason: string): string {
  const forms: [RegExp, (m: RegExpExecArray) => string][] = [
    [
      /^the first (\d+) mails all failed: (\w+) \((.*)\); mend it, then resume$/s,
      ([, n, code, said]) => t('stopped.strikes', { n, reason: reasonText(t, code), said }),
    ],
    [
      /^relay "(.*)" refuses us: (.*); mend it, then resume$/s,
      ([, relay, said]) => t('stopped.relayRefuses', { relay, said }),
    ],
    [/^there is no relay "(.*?)"/, ([, relay]) => t('stopped.relayMissing', { relay })],
    [/^relay "(.*?)": the stored password cannot be opened/, ([, relay]) => t('stopped.password', { relay })],
    [
      /^the run of (\S+) was skipped: it was noticed (\S+) late$/,
      ([, tick, late]) => t('stopped.tick', { tick: tick!.replace('T', ' '), late }),
    ],
    [/^there is no segment "(\d+)"$/, ([, id]) => t('stopped.segment', { id })],
    [/^there is no template "?(\d+)/, ([, id]) => t('stopped.template', { id })],
  ]
  for (const [form, say] of forms) {
    const m = form.exec(reason)
    if (m) return say(m)
  }
  return reason
}
