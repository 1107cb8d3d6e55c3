/** Words of what needs attention: they are many, and come after the first screen. */
import { defineWords } from '~/i18n'

export const noticeWords = defineWords(
  'home-notice',
  {
    attention: 'Needs attention',
    allWell: 'Nothing needs attention',
    level: { error: 'Error', warning: 'Warning' },
    open: {
      campaign: 'Open the campaign',
      journey: 'Open the journey',
      relay: 'Open relays',
      sender: 'Open senders',
      import: 'Open the import',
    },
    notice: {
      no_relay: 'No relay is set up: nothing can be sent.',
      no_sender_key:
        'No DKIM key is active: mail goes out unsigned, and large providers put it into spam or refuse it.',
      campaign_paused_itself: 'The campaign “{{name}}” has paused itself. {{reason}}',
      campaign_failed: 'The campaign “{{name}}” has failed. {{reason}}',
      campaign_tick_missed: 'The campaign “{{name}}” did not run when it should. {{reason}}',
      relay_missing: 'The campaign “{{name}}” is to be sent through the relay “{{relay}}”, which is not there.',
      relay_unreachable_one: 'The relay “{{relay}}” cannot be reached: {{count, number}} mail waits for it.',
      relay_unreachable_other: 'The relay “{{relay}}” cannot be reached: {{count, number}} mails wait for it.',
      messages_unknown_one: 'Of {{count, number}} mail of “{{name}}” nobody knows whether it was sent.',
      messages_unknown_other: 'Of {{count, number}} mails of “{{name}}” nobody knows whether they were sent.',
      journey_paused_itself: 'The journey “{{name}}” has paused itself. {{reason}}',
      journey_people_wait_one:
        'The journey “{{name}}” is paused, and {{count, number}} person waits for the next step.',
      journey_people_wait_other:
        'The journey “{{name}}” is paused, and {{count, number}} people wait for their next step.',
      import_failed: 'The import of {{kind}} from “{{name}}” has failed. {{reason}}',
    },
    how: {
      no_relay: 'Set one up under Settings.',
      no_sender_key: 'Make a key for the sender’s domain under Settings, unless the relay signs itself.',
      campaign_paused_itself: '',
      campaign_failed: 'Duplicate it, mend that, and start the copy.',
      campaign_tick_missed: 'It runs again at its next time.',
      relay_missing: 'Set the relay up under Settings before the campaign’s time comes.',
      relay_unreachable: 'They go out by themselves once it is back. Look at the relay’s settings and its server.',
      messages_unknown: 'Look into the relay’s log, and take them for sent or send them again.',
      journey_paused_itself: 'Mend it, then resume the journey.',
      journey_people_wait: 'Resume the journey, or archive it.',
      import_failed: 'Mend the file and import it again: what is there already stays as it is.',
    },
    kinds: { contacts: 'contacts', products: 'products', orders: 'orders' },
  },
  {
    attention: 'Braucht Aufmerksamkeit',
    allWell: 'Nichts braucht Aufmerksamkeit',
    level: { error: 'Fehler', warning: 'Warnung' },
    open: {
      campaign: 'Kampagne öffnen',
      journey: 'Journey öffnen',
      relay: 'Relays öffnen',
      sender: 'Absender öffnen',
      import: 'Import öffnen',
    },
    notice: {
      no_relay: 'Es ist kein Relay eingerichtet: Nichts kann gesendet werden.',
      no_sender_key:
        'Kein DKIM-Schlüssel ist aktiv: Mails gehen unsigniert hinaus, und große Anbieter legen sie in den Spam oder lehnen sie ab.',
      campaign_paused_itself: 'Die Kampagne „{{name}}“ hat sich selbst angehalten. {{reason}}',
      campaign_failed: 'Die Kampagne „{{name}}“ ist gescheitert. {{reason}}',
      campaign_tick_missed: 'Die Kampagne „{{name}}“ lief nicht, als sie sollte. {{reason}}',
      relay_missing: 'Die Kampagne „{{name}}“ soll über das Relay „{{relay}}“ gehen, das es nicht gibt.',
      relay_unreachable_one: 'Das Relay „{{relay}}“ ist nicht erreichbar: {{count, number}} Mail wartet darauf.',
      relay_unreachable_other: 'Das Relay „{{relay}}“ ist nicht erreichbar: {{count, number}} Mails warten darauf.',
      messages_unknown_one: 'Bei {{count, number}} Mail von „{{name}}“ weiß niemand, ob sie gesendet wurde.',
      messages_unknown_other: 'Bei {{count, number}} Mails von „{{name}}“ weiß niemand, ob sie gesendet wurden.',
      journey_paused_itself: 'Die Journey „{{name}}“ hat sich selbst angehalten. {{reason}}',
      journey_people_wait_one:
        'Die Journey „{{name}}“ ist angehalten, und {{count, number}} Person wartet auf den nächsten Schritt.',
      journey_people_wait_other:
        'Die Journey „{{name}}“ ist angehalten, und {{count, number}} Personen warten auf ihren nächsten Schritt.',
      import_failed: 'Der Import „{{name}}“ ({{kind}}) ist gescheitert. {{reason}}',
    },
    how: {
      no_relay: 'Richten Sie eines unter Einstellungen ein.',
      no_sender_key:
        'Legen Sie unter Einstellungen einen Schlüssel für die Domain des Absenders an, sofern nicht das Relay signiert.',
      campaign_paused_itself: '',
      campaign_failed: 'Duplizieren Sie sie, beheben Sie das, und starten Sie die Kopie.',
      campaign_tick_missed: 'Sie läuft zur nächsten Zeit wieder.',
      relay_missing: 'Richten Sie das Relay unter Einstellungen ein, bevor die Zeit der Kampagne kommt.',
      relay_unreachable:
        'Sie gehen von selbst hinaus, sobald es wieder da ist. Sehen Sie sich die Einstellungen des Relays und seinen Server an.',
      messages_unknown:
        'Sehen Sie im Protokoll des Relays nach, und sehen Sie sie als gesendet an oder senden Sie sie noch einmal.',
      journey_paused_itself: 'Beheben Sie das, und setzen Sie dann die Journey fort.',
      journey_people_wait: 'Setzen Sie die Journey fort, oder archivieren Sie sie.',
      import_failed:
        'Beheben Sie die Datei, und importieren Sie sie noch einmal: Was schon da ist, bleibt, wie es ist.',
    },
    kinds: { contacts: 'Kontakte', products: 'Produkte', orders: 'Bestellungen' },
  },
)
