import { defineWords } from '~/i18n'

export const words = defineWords(
  'suppressions',
  {
    title: 'Suppressions',
    lead: 'Addresses that are never mailed, whatever contact or consent they belong to.',
    add: 'Suppress an address',
    search: 'Part of the address',
    address: 'Address',
    cause: 'Cause',
    detail: 'Detail',
    since: 'Since',
    contacts: 'Contacts',
    contactsFormula: 'contacts that have this address',
    show: 'Show contacts with {{email}}',
    filter: 'Show by cause',
    all: 'All ({{n}})',
    of: '{{cause}} ({{n}})',
    causes: { unsubscribe: 'Unsubscribed', complaint: 'Complaint', bounce: 'Hard bounce', manual: 'By hand' },
    causesText: {
      unsubscribe: 'The person left, by link or with one click.',
      complaint: 'The person called a mail spam.',
      bounce: 'The address does not exist, as its server said.',
      manual: 'Somebody here, or a program, decided so.',
    },
    empty: 'Nobody is suppressed',
    emptyText:
      'Addresses come here by themselves when somebody unsubscribes from everything, complains, or does not exist. You can also add one by hand.',
    nothing: 'No such address',
    nothingText: 'Search for less, or for another cause.',
    addText:
      'Nothing is mailed to it from now on, not even what a running campaign has planned. Its contacts and their consents stay as they are.',
    detailHint: 'For whoever looks later, for example: asked by phone.',
    addButton: 'Suppress',
    added: '{{email}} is suppressed.',
    already: 'An address that is suppressed already keeps its first cause.',
    emailMissing: 'Which address?',
    emailWrong: 'This is not an email address.',
    lift: 'Lift',
    liftWhich: 'Lift the suppression of {{email}}',
    lifted: '{{email}} may be mailed again, as far as consents go.',
    liftTitle: 'Lift this suppression?',
    liftText:
      '{{email}} may be mailed again, as far as the consents of its contacts go. Campaigns that run go on to it.',
    liftConfirm: 'Lift the suppression',
    typeAddress: 'Type the address to go on',
    warn: {
      unsubscribe: 'The person asked not to be mailed. Lift this only if they have asked to be mailed again.',
      complaint:
        'This person called a mail spam. Another complaint harms how all your mails are delivered, and mailing them without their consent may be against the law. Lift this only if they asked for it themselves.',
      bounce:
        'A server said that this address does not exist. Mailing it again harms how all your mails are delivered. Lift this only if you know that the address works again.',
      manual: 'Somebody decided that this address is not to be mailed. Make sure that the reason is gone.',
    },
  },
  {
    title: 'Sperrliste',
    lead: 'Adressen, die nie angeschrieben werden, zu welchem Kontakt oder welcher Einwilligung sie auch gehören.',
    add: 'Adresse sperren',
    search: 'Teil der Adresse',
    address: 'Adresse',
    cause: 'Ursache',
    detail: 'Einzelheiten',
    since: 'Seit',
    contacts: 'Kontakte',
    contactsFormula: 'Kontakte mit dieser Adresse',
    show: 'Kontakte mit {{email}} anzeigen',
    filter: 'Nach Ursache anzeigen',
    all: 'Alle ({{n}})',
    of: '{{cause}} ({{n}})',
    causes: { unsubscribe: 'Abgemeldet', complaint: 'Beschwerde', bounce: 'Unzustellbar', manual: 'Von Hand' },
    causesText: {
      unsubscribe: 'Die Person hat sich abgemeldet, über den Link oder mit einem Klick.',
      complaint: 'Die Person hat eine Mail als Spam gemeldet.',
      bounce: 'Die Adresse gibt es nicht, wie ihr Server sagte.',
      manual: 'Jemand hier oder ein Programm hat es so entschieden.',
    },
    empty: 'Niemand ist gesperrt',
    emptyText:
      'Adressen kommen von selbst hierher, wenn sich jemand von allem abmeldet, sich beschwert oder nicht existiert. Sie können auch eine von Hand eintragen.',
    nothing: 'Keine solche Adresse',
    nothingText: 'Suchen Sie nach weniger oder nach einer anderen Ursache.',
    addText:
      'Von jetzt an geht keine Mail mehr an sie, auch nicht, was eine laufende Kampagne geplant hat. Ihre Kontakte und deren Einwilligungen bleiben, wie sie sind.',
    detailHint: 'Für alle, die später nachsehen, zum Beispiel: telefonisch gewünscht.',
    addButton: 'Sperren',
    added: '{{email}} ist gesperrt.',
    already: 'Eine schon gesperrte Adresse behält ihre erste Ursache.',
    emailMissing: 'Welche Adresse?',
    emailWrong: 'Das ist keine E-Mail-Adresse.',
    lift: 'Aufheben',
    liftWhich: 'Sperre von {{email}} aufheben',
    lifted: '{{email}} darf wieder angeschrieben werden, soweit Einwilligungen vorliegen.',
    liftTitle: 'Diese Sperre aufheben?',
    liftText:
      '{{email}} darf wieder angeschrieben werden, soweit Einwilligungen ihrer Kontakte vorliegen. Auch laufende Kampagnen gehen wieder an sie.',
    liftConfirm: 'Sperre aufheben',
    typeAddress: 'Geben Sie zum Fortfahren die Adresse ein',
    warn: {
      unsubscribe:
        'Die Person wollte keine Mails mehr. Heben Sie das nur auf, wenn sie inzwischen wieder darum gebeten hat.',
      complaint:
        'Diese Person hat eine Mail als Spam gemeldet. Eine weitere Beschwerde schadet der Zustellung aller Ihrer Mails, und Mails ohne Einwilligung können gegen das Gesetz verstoßen. Heben Sie das nur auf, wenn die Person selbst darum gebeten hat.',
      bounce:
        'Ein Server sagte, dass es diese Adresse nicht gibt. Ihr wieder zu schreiben schadet der Zustellung aller Ihrer Mails. Heben Sie das nur auf, wenn Sie wissen, dass die Adresse wieder funktioniert.',
      manual:
        'Jemand hat entschieden, dass diese Adresse nicht angeschrieben wird. Vergewissern Sie sich, dass der Grund weggefallen ist.',
    },
  },
)
