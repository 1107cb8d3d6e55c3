import type { Schemas } from '~/api/client'
import { defineWords, type KeyOf } from '~/i18n'
import type { Format } from '~/i18n/format'

/** What was found, by the code of the server's checklist (preflight/), and how to mend it. */
export const checklistWords = defineWords(
  'campaigns-checklist',
  {
    share: {
      all: '{{n}} of the {{of}} recipients',
      some: '{{n}} of the {{of}} recipients looked at',
      madeUp: 'the made-up contact',
    },
    what: {
      template_missing: 'No template is chosen.',
      template_broken: 'The template “{{template}}” is broken.',
      template_fails: 'The template “{{template}}” cannot be filled in for anybody.',
      template_fails_some: 'The template “{{template}}” cannot be filled in for {{share}}, who would get no mail.',
      template_ok: 'The template “{{template}}” can be filled in.',
      subject_empty: 'The subject is empty for {{share}}.',
      subject_ok: 'The subject is filled in.',
      merge_fields_empty: 'Something is left empty for {{share}}.',
      merge_fields_unchecked: 'What is left empty cannot be seen before there is an audience.',
      merge_fields_ok: 'Nothing is left empty.',
      unsubscribe_not_in_text: 'The plain text has no unsubscribe link.',
      unsubscribe_ok: 'The mail has an unsubscribe link.',
      links_broken_one: '{{count, number}} link is broken.',
      links_broken_other: '{{count, number}} links are broken.',
      links_ok: 'The links are well-formed.',
      images_broken_one: '{{count, number}} image cannot be shown.',
      images_broken_other: '{{count, number}} images cannot be shown.',
      images_without_alt_one:
        '{{count, number}} image has no alternative text, which is all that many people get to see or hear of it.',
      images_without_alt_other:
        '{{count, number}} images have no alternative text, which is all that many people get to see or hear of them.',
      images_ok: 'All images have an alternative text.',
      images_none: 'There are no images.',
      text_missing: 'The mail has no plain text, for {{share}}.',
      text_ok: 'The mail has a plain text.',
      size_clipped:
        'The mail is {{kb}} KB large, and Gmail cuts off what is over {{limit_kb}} KB, the unsubscribe link with it.',
      size_ok: 'The mail is {{kb}} KB large.',
      sender_missing: 'No sender address is set.',
      sender_ok: 'The mail comes from {{address}}.',
      dkim_sealed: 'The key that signs for the sender cannot be opened: POSTHORN_SECRET was changed.',
      dkim_missing: 'Mail from {{domain}} is not signed: large providers put unsigned mail into spam or refuse it.',
      dkim_ok: 'Mail is signed by {{domain}}.',
      relay_missing: 'There is no relay “{{relay}}”: nothing can be sent.',
      relay_sealed: 'The password of the relay “{{relay}}” cannot be opened: POSTHORN_SECRET was changed.',
      relay_ok: 'The relay “{{relay}}” is set up.',
      topic_missing: 'No topic is chosen: nobody has agreed to get this mail.',
      topic_ok: 'Only who is subscribed to “{{topic}}” gets it.',
      audience_broken: 'The audience cannot be selected.',
      audience_unchecked: 'How many will receive it takes too long to count.',
      audience_ok: '{{will_receive}} of {{matched}} contacts would receive it now.',
      audience_empty_now: 'Nobody would receive it now.',
      audience_empty: 'Nobody would receive it.',
      schedule_past: 'The time it was to be sent at has passed: it would be sent at once.',
      dkim_record_missing: 'The key that signs is not published: there is no record {{record}}.',
      dkim_record_differs:
        'The record {{record}} holds another key than the one that signs: receivers will find the signature wrong.',
      dkim_record_unchecked: 'DKIM record: could not be checked ({{why}}).',
      dkim_record_ok: 'The key that signs is published.',
      spf_missing: '{{domain}} has no SPF record: receivers cannot tell which servers may send for it.',
      spf_many: '{{domain}} has several SPF records, which counts as none.',
      spf_unchecked: 'SPF record: could not be checked ({{why}}).',
      spf_ok: '{{domain}} has an SPF record.',
      dmarc_missing: '{{domain}} has no DMARC record, which Google and Yahoo ask of whoever sends to many.',
      dmarc_unchecked: 'DMARC record: could not be checked ({{why}}).',
      dmarc_ok: '{{domain}} has a DMARC record.',
      link_targets_dead_one: '{{count, number}} of {{of}} links leads nowhere.',
      link_targets_dead_other: '{{count, number}} of {{of}} links lead nowhere.',
      link_targets_unchecked_one: '{{count, number}} of {{of}} links could not be checked.',
      link_targets_unchecked_other: '{{count, number}} of {{of}} links could not be checked.',
      link_targets_ok: 'All {{of}} links lead somewhere.',
    },
    how: {
      template_missing: 'Choose one under Content.',
      template_broken: 'Open the template and mend what it says there.',
      template_fails: 'Open the template and mend what it says there.',
      template_fails_some: 'Open the template and look at it as one of them.',
      subject_empty: 'Give it words that do not depend on the contact, or a default.',
      merge_fields_empty: 'Give it a default in the template, as in {% raw %}, or put it into a condition.',
      unsubscribe_not_in_text: 'Put the unsubscribe link into the text part of the template.',
      links_broken: 'Mend them in the template.',
      images_broken: 'Give each a complete address that begins with https://.',
      images_without_alt: 'Give each an alt, or alt="" where it says nothing.',
      text_missing: 'Write a text part in the template.',
      size_clipped: 'Make it shorter.',
      sender_missing: 'Say under Content who the mail comes from.',
      dkim_sealed: 'An owner can put the key again under Settings.',
      dkim_missing: 'An owner can make a DKIM key for the domain under Settings, unless the relay signs itself.',
      relay_missing: 'Whoever runs Posthorn can set it up under Settings.',
      relay_sealed: 'Whoever runs Posthorn can put the password again under Settings.',
      topic_missing: 'Choose under Audience what recipients must be subscribed to.',
      audience_broken: 'Choose other segments under Audience.',
      audience_unchecked: 'Simpler segments are counted sooner.',
      audience_empty_now:
        'Look at the segments under Audience, and at who is subscribed to the topic. Who is in them when it is sent, gets it.',
      audience_empty: 'Look at the segments under Audience, and at who is subscribed to the topic.',
      schedule_past: 'Choose a later time, or to send when you start it.',
      dkim_record_missing: 'Publish the record that Settings shows for the key, or wait until the DNS has it.',
      dkim_record_differs: 'Publish the record that Settings shows for the key.',
      spf_missing: 'Publish a TXT record such as v=spf1 include:YOUR-RELAY -all.',
      spf_many: 'Put them into one.',
      dmarc_missing: 'Publish a TXT record at _dmarc such as v=DMARC1; p=none.',
      link_targets_dead: 'Open them, and mend them in the template.',
    },
    detail: {
      nowhere: 'leads nowhere',
      noURL: 'is not a URL',
      liquid: 'has Liquid in it that was not filled in',
      scheme: 'does not begin with https://',
      noServer: 'names no server',
      inside: 'names no server that others could reach',
      emptyLink: 'an empty link',
      notFound: 'there is no server of this name',
      late: 'no answer in time',
      dns: 'its name could not be looked up',
      connection: 'no connection',
      private: 'does not lead to a public address',
      port: 'only ports 80 and 443 are called',
      of: '{{what}}: {{n}} of {{of}}',
    },
  },
  {
    share: {
      all: '{{n}} der {{of}} Empfänger',
      some: '{{n}} der {{of}} betrachteten Empfänger',
      madeUp: 'den ausgedachten Kontakt',
    },
    what: {
      template_missing: 'Es ist keine Vorlage gewählt.',
      template_broken: 'Die Vorlage „{{template}}“ ist fehlerhaft.',
      template_fails: 'Die Vorlage „{{template}}“ lässt sich für niemanden füllen.',
      template_fails_some: 'Die Vorlage „{{template}}“ lässt sich für {{share}} nicht füllen; sie bekämen keine Mail.',
      template_ok: 'Die Vorlage „{{template}}“ lässt sich füllen.',
      subject_empty: 'Der Betreff ist leer für {{share}}.',
      subject_ok: 'Der Betreff ist gefüllt.',
      merge_fields_empty: 'Etwas bleibt leer für {{share}}.',
      merge_fields_unchecked: 'Was leer bleibt, zeigt sich erst, wenn es eine Zielgruppe gibt.',
      merge_fields_ok: 'Nichts bleibt leer.',
      unsubscribe_not_in_text: 'Der Klartext hat keinen Abmeldelink.',
      unsubscribe_ok: 'Die Mail hat einen Abmeldelink.',
      links_broken_one: '{{count, number}} Link ist kaputt.',
      links_broken_other: '{{count, number}} Links sind kaputt.',
      links_ok: 'Die Links sind wohlgeformt.',
      images_broken_one: '{{count, number}} Bild lässt sich nicht zeigen.',
      images_broken_other: '{{count, number}} Bilder lassen sich nicht zeigen.',
      images_without_alt_one: '{{count, number}} Bild hat keinen Alternativtext; viele sehen oder hören nur ihn.',
      images_without_alt_other: '{{count, number}} Bilder haben keinen Alternativtext; viele sehen oder hören nur ihn.',
      images_ok: 'Alle Bilder haben einen Alternativtext.',
      images_none: 'Es gibt keine Bilder.',
      text_missing: 'Die Mail hat keinen Klartext, für {{share}}.',
      text_ok: 'Die Mail hat einen Klartext.',
      size_clipped:
        'Die Mail ist {{kb}} KB groß; Gmail schneidet ab, was über {{limit_kb}} KB liegt, auch den Abmeldelink.',
      size_ok: 'Die Mail ist {{kb}} KB groß.',
      sender_missing: 'Es ist keine Absenderadresse angegeben.',
      sender_ok: 'Die Mail kommt von {{address}}.',
      dkim_sealed:
        'Der Schlüssel, der für den Absender signiert, lässt sich nicht öffnen: POSTHORN_SECRET wurde geändert.',
      dkim_missing:
        'Mails von {{domain}} sind nicht signiert: Große Anbieter legen sie in den Spam oder lehnen sie ab.',
      dkim_ok: 'Mails werden von {{domain}} signiert.',
      relay_missing: 'Das Relay „{{relay}}“ gibt es nicht: Nichts kann gesendet werden.',
      relay_sealed: 'Das Passwort des Relays „{{relay}}“ lässt sich nicht öffnen: POSTHORN_SECRET wurde geändert.',
      relay_ok: 'Das Relay „{{relay}}“ ist eingerichtet.',
      topic_missing: 'Es ist kein Thema gewählt: Niemand hat zugestimmt, diese Mail zu bekommen.',
      topic_ok: 'Nur wer „{{topic}}“ abonniert hat, bekommt sie.',
      audience_broken: 'Die Zielgruppe lässt sich nicht auswählen.',
      audience_unchecked: 'Zu zählen, wie viele sie bekommen, dauert zu lange.',
      audience_ok: '{{will_receive}} von {{matched}} Kontakten bekämen sie jetzt.',
      audience_empty_now: 'Jetzt bekäme sie niemand.',
      audience_empty: 'Niemand bekäme sie.',
      schedule_past: 'Die Zeit, zu der gesendet werden sollte, ist vorbei: Es würde sofort gesendet.',
      dkim_record_missing: 'Der signierende Schlüssel ist nicht veröffentlicht: Den Eintrag {{record}} gibt es nicht.',
      dkim_record_differs:
        'Der Eintrag {{record}} enthält einen anderen Schlüssel als den, der signiert: Empfänger halten die Signatur für falsch.',
      dkim_record_unchecked: 'DKIM-Eintrag: ließ sich nicht prüfen ({{why}}).',
      dkim_record_ok: 'Der signierende Schlüssel ist veröffentlicht.',
      spf_missing:
        '{{domain}} hat keinen SPF-Eintrag: Empfänger können nicht wissen, welche Server für sie senden dürfen.',
      spf_many: '{{domain}} hat mehrere SPF-Einträge; das gilt wie keiner.',
      spf_unchecked: 'SPF-Eintrag: ließ sich nicht prüfen ({{why}}).',
      spf_ok: '{{domain}} hat einen SPF-Eintrag.',
      dmarc_missing:
        '{{domain}} hat keinen DMARC-Eintrag; Google und Yahoo verlangen ihn von allen, die an viele senden.',
      dmarc_unchecked: 'DMARC-Eintrag: ließ sich nicht prüfen ({{why}}).',
      dmarc_ok: '{{domain}} hat einen DMARC-Eintrag.',
      link_targets_dead_one: '{{count, number}} von {{of}} Links führt nirgendwohin.',
      link_targets_dead_other: '{{count, number}} von {{of}} Links führen nirgendwohin.',
      link_targets_unchecked_one: '{{count, number}} von {{of}} Links ließ sich nicht prüfen.',
      link_targets_unchecked_other: '{{count, number}} von {{of}} Links ließen sich nicht prüfen.',
      link_targets_ok: 'Alle {{of}} Links führen irgendwohin.',
    },
    how: {
      template_missing: 'Wählen Sie unter Inhalt eine aus.',
      template_broken: 'Öffnen Sie die Vorlage und beheben Sie, was dort steht.',
      template_fails: 'Öffnen Sie die Vorlage und beheben Sie, was dort steht.',
      template_fails_some: 'Öffnen Sie die Vorlage und sehen Sie sie als einer von ihnen an.',
      subject_empty: 'Geben Sie ihm Worte, die nicht vom Kontakt abhängen, oder eine Vorgabe.',
      merge_fields_empty:
        'Geben Sie in der Vorlage eine Vorgabe an, wie in {% raw %}, oder setzen Sie es in eine Bedingung.',
      unsubscribe_not_in_text: 'Setzen Sie den Abmeldelink in den Textteil der Vorlage.',
      links_broken: 'Beheben Sie sie in der Vorlage.',
      images_broken: 'Geben Sie jedem eine vollständige Adresse, die mit https:// beginnt.',
      images_without_alt: 'Geben Sie jedem ein alt, oder alt="", wo es nichts sagt.',
      text_missing: 'Schreiben Sie in der Vorlage einen Textteil.',
      size_clipped: 'Kürzen Sie sie.',
      sender_missing: 'Geben Sie unter Inhalt an, von wem die Mail kommt.',
      dkim_sealed: 'Ein Inhaber kann den Schlüssel unter Einstellungen neu eingeben.',
      dkim_missing:
        'Ein Inhaber kann unter Einstellungen einen DKIM-Schlüssel für die Domain anlegen, sofern nicht das Relay signiert.',
      relay_missing: 'Wer Posthorn betreibt, kann es unter Einstellungen einrichten.',
      relay_sealed: 'Wer Posthorn betreibt, kann das Passwort unter Einstellungen neu eingeben.',
      topic_missing: 'Wählen Sie unter Zielgruppe, was Empfänger abonniert haben müssen.',
      audience_broken: 'Wählen Sie unter Zielgruppe andere Segmente.',
      audience_unchecked: 'Einfachere Segmente sind schneller gezählt.',
      audience_empty_now:
        'Sehen Sie sich unter Zielgruppe die Segmente an, und wer das Thema abonniert hat. Wer beim Senden dabei ist, bekommt sie.',
      audience_empty: 'Sehen Sie sich unter Zielgruppe die Segmente an, und wer das Thema abonniert hat.',
      schedule_past: 'Wählen Sie eine spätere Zeit, oder senden Sie beim Start.',
      dkim_record_missing:
        'Veröffentlichen Sie den Eintrag, den die Einstellungen zum Schlüssel zeigen, oder warten Sie, bis das DNS ihn hat.',
      dkim_record_differs: 'Veröffentlichen Sie den Eintrag, den die Einstellungen zum Schlüssel zeigen.',
      spf_missing: 'Veröffentlichen Sie einen TXT-Eintrag wie v=spf1 include:IHR-RELAY -all.',
      spf_many: 'Fassen Sie sie zu einem zusammen.',
      dmarc_missing: 'Veröffentlichen Sie unter _dmarc einen TXT-Eintrag wie v=DMARC1; p=none.',
      link_targets_dead: 'Öffnen Sie sie, und beheben Sie sie in der Vorlage.',
    },
    detail: {
      nowhere: 'führt nirgendwohin',
      noURL: 'ist keine URL',
      liquid: 'enthält Liquid, das nicht gefüllt wurde',
      scheme: 'beginnt nicht mit https://',
      noServer: 'nennt keinen Server',
      inside: 'nennt keinen Server, den andere erreichen könnten',
      emptyLink: 'ein leerer Link',
      notFound: 'einen Server dieses Namens gibt es nicht',
      late: 'keine Antwort in der Zeit',
      dns: 'der Name ließ sich nicht nachschlagen',
      connection: 'keine Verbindung',
      private: 'führt nicht zu einer öffentlichen Adresse',
      port: 'nur die Ports 80 und 443 werden aufgerufen',
      of: '{{what}}: {{n}} von {{of}}',
    },
  },
)

export type Item = Schemas['ChecklistItem']
type T = (key: KeyOf<typeof checklistWords>, values?: Record<string, unknown>) => string

/** Codes that are counted: their words have _one and _other. */
const counted = /^(links_broken|images_broken|images_without_alt|link_targets_dead|link_targets_unchecked)$/
const codes =
  /^(template|subject|merge_fields|unsubscribe|links|images|text|size|sender|dkim|relay|topic|audience|schedule|dkim_record|spf|dmarc|link_targets)_[a-z_]+$/

/** What an item says; the server's own words where this version knows none. */
export function whatText(t: T, f: Format, item: Item): string {
  const v = (item.values ?? {}) as Record<string, unknown>
  if (!codes.test(item.code)) return item.what
  const number = (x: unknown) => (typeof x === 'number' ? f.number(x) : x)
  const n = Number(v.n ?? 0)
  const of = Number(v.looked_at ?? 0)
  const share =
    of === 0 ? t('share.madeUp') : t(v.all ? 'share.all' : 'share.some', { n: f.number(n), of: f.number(of) })
  const values = Object.fromEntries(Object.entries(v).map(([k, x]) => [k, number(x)]))
  if (v.why === 'no answer in time') values.why = t('detail.late')
  const count = item.code === 'link_targets_unchecked' ? Number(v.unsure ?? 0) : n
  const key = `what.${item.code}` as KeyOf<typeof checklistWords>
  const said = t(key, { ...values, share, ...(counted.test(item.code) ? { count } : {}) })
  return said.startsWith('what.') ? item.what : said
}

export function howText(t: T, item: Item): string {
  if (!item.how) return ''
  const said = t(`how.${item.code}` as KeyOf<typeof checklistWords>, {})
  if (said.startsWith('how.')) return item.how
  return said.replace('{% raw %}', "{{ contact.first_name | default: '…' }}")
}

const phrases: [string, KeyOf<typeof checklistWords>][] = [
  ['leads nowhere', 'detail.nowhere'],
  ['is not a URL', 'detail.noURL'],
  ['it is not a URL', 'detail.noURL'],
  ['has Liquid in it that was not filled in', 'detail.liquid'],
  ['does not begin with https://', 'detail.scheme'],
  ['names no server', 'detail.noServer'],
  ['names no server that others could reach', 'detail.inside'],
  ['there is no server of this name', 'detail.notFound'],
  ['no answer in time', 'detail.late'],
  ['its name could not be looked up', 'detail.dns'],
  ['no connection', 'detail.connection'],
  ['the URL does not lead to a public address', 'detail.private'],
  ['only ports 80 and 443 are called', 'detail.port'],
]

/** A link, field or error that an item is about. */
export function detailText(t: T, f: Format, detail: string): string {
  const share = /^(\{\{.*\}\}): (\d+) of (\d+)$/.exec(detail)
  if (share) return t('detail.of', { what: share[1], n: f.number(Number(share[2])), of: f.number(Number(share[3])) })
  for (const [phrase, key] of phrases) {
    if (!detail.endsWith(`: ${phrase}`)) continue
    const what = detail.slice(0, -phrase.length - 2)
    return `${what === 'an empty link' ? t('detail.emptyLink') : what}: ${t(key)}`
  }
  return detail
}
