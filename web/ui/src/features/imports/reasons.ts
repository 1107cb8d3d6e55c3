/**
 * Why a file or a row cannot be imported, in the language of who looks. The server says
 * it in English, as it stands in the file of rejected rows; what is not known here is
 * shown in these words.
 */
import { defineWords, type KeyOf, type Translate } from '~/i18n'

export const reasonWords = defineWords(
  'imports-reasons',
  {
    file: {
      empty: 'The file is empty. Its first line must name the columns.',
      spreadsheet: 'This is a spreadsheet or a zip archive, not CSV. Open it and save it as CSV first.',
      gzip: 'The compressed file is damaged, or its end is missing. Download or export it again.',
      noText:
        'This does not look like a CSV file: its first line has characters that no text has. Export it as CSV once more.',
      longHeader: 'The name of column {{n}} is very long. Does the first line of the file name the columns?',
      tooMany: 'The file has {{n}} columns; at most {{limit}} are read. Leave some out when you export it.',
      quote: 'The first line, which names the columns, has a quotation mark in the wrong place. Mend it there.',
      twoCalled:
        'Two columns are called “{{name}}”. Leave one of them out, choose something else for it, or rename it in the file.',
      either: 'Both “{{a}}” and “{{b}}” may be {{field}}. Choose which one it is.',
      unreadable: 'It cannot be read beyond line {{n}}. Is the file complete? Export it again.',
      gone: 'Your browser cannot read the file any more: it was changed, moved or deleted meanwhile. Choose it again.',
    },
    row: {
      noAt: 'is not an email address: there is no @',
      noDomain: 'is not an email address: what follows the @ is no domain such as example.com',
      noAddress: 'is not an email address such as name@example.com',
      time: 'is not a time such as 2026-03-02 09:00 or 2026-03-02',
      whole: 'is not a whole number such as 6 or -2',
      currency: 'is not a currency of three letters such as EUR',
      url: 'does not begin with https:// or http://',
      yesNo: 'is not yes or no',
      missing: 'is missing',
      who: 'is missing, and so is the email address: one of them must say who it is',
      long: 'is longer than {{n}} characters',
      state: 'is not one of pending, subscribed and unsubscribed',
      zone: 'is not a time zone such as Europe/Berlin',
      control: 'has a line break or a control character',
      width: 'The row has {{n}} cells, the first line names {{width}}',
      openQuote: 'The row has a quotation mark that is opened and not closed',
    },
  },
  {
    file: {
      empty: 'Die Datei ist leer. Ihre erste Zeile muss die Spalten nennen.',
      spreadsheet: 'Das ist eine Tabelle oder ein Zip-Archiv, kein CSV. Öffnen Sie sie und speichern Sie sie als CSV.',
      gzip: 'Die komprimierte Datei ist beschädigt, oder ihr Ende fehlt. Laden oder exportieren Sie sie noch einmal.',
      noText:
        'Das sieht nicht nach einer CSV-Datei aus: In der ersten Zeile stehen Zeichen, die kein Text hat. Exportieren Sie sie noch einmal als CSV.',
      longHeader: 'Der Name von Spalte {{n}} ist sehr lang. Nennt die erste Zeile der Datei die Spalten?',
      tooMany:
        'Die Datei hat {{n}} Spalten; höchstens {{limit}} werden gelesen. Lassen Sie beim Exportieren einige weg.',
      quote:
        'In der ersten Zeile, die die Spalten nennt, steht ein Anführungszeichen an der falschen Stelle. Beheben Sie das dort.',
      twoCalled:
        'Zwei Spalten heißen „{{name}}“. Lassen Sie eine davon weg, wählen Sie etwas anderes für sie, oder benennen Sie sie in der Datei um.',
      either: 'Sowohl „{{a}}“ als auch „{{b}}“ könnte {{field}} sein. Wählen Sie, welche es ist.',
      unreadable: 'Nach Zeile {{n}} ist sie nicht lesbar. Ist die Datei vollständig? Exportieren Sie sie noch einmal.',
      gone: 'Ihr Browser kann die Datei nicht mehr lesen: Sie wurde inzwischen geändert, verschoben oder gelöscht. Wählen Sie sie noch einmal.',
    },
    row: {
      noAt: 'ist keine E-Mail-Adresse: Ein @ fehlt',
      noDomain: 'ist keine E-Mail-Adresse: Hinter dem @ steht keine Domain wie example.com',
      noAddress: 'ist keine E-Mail-Adresse wie name@example.com',
      time: 'ist keine Zeit wie 2026-03-02 09:00 oder 2026-03-02',
      whole: 'ist keine ganze Zahl wie 6 oder -2',
      currency: 'ist keine Währung aus drei Buchstaben wie EUR',
      url: 'beginnt nicht mit https:// oder http://',
      yesNo: 'ist nicht ja oder nein (yes, no)',
      missing: 'fehlt',
      who: 'fehlt, und die E-Mail-Adresse auch: Eine von beiden muss sagen, wer es ist',
      long: 'ist länger als {{n}} Zeichen',
      state: 'ist nicht pending, subscribed oder unsubscribed',
      zone: 'ist keine Zeitzone wie Europe/Berlin',
      control: 'enthält einen Zeilenumbruch oder ein Steuerzeichen',
      width: 'Die Zeile hat {{n}} Zellen, die erste Zeile nennt {{width}}',
      openQuote: 'In der Zeile wird ein Anführungszeichen geöffnet und nicht geschlossen',
    },
  },
)

type T = Translate<KeyOf<typeof reasonWords>>
type Known = readonly [RegExp, KeyOf<typeof reasonWords>, ...string[]]

const ofFiles: Known[] = [
  [/is empty: the first line/, 'file.empty'],
  [/zip archive or a spreadsheet/, 'file.spreadsheet'],
  [/gzip data is damaged/, 'file.gzip'],
  [/holds a control character: this is not a CSV file|the header of column \d+ is not valid UTF-8/, 'file.noText'],
  [/the header of column (\d+) is longer/, 'file.longHeader', 'n'],
  [/has (\d+) columns; at most (\d+) are read/, 'file.tooMany', 'n', 'limit'],
  [/the first line, which must name the columns, has a quote/, 'file.quote'],
  [/^two columns are called "(.*)"$/, 'file.twoCalled', 'name'],
  [/^both "(.*)" and "(.*)" may be (\S+): say which/, 'file.either', 'a', 'b', 'field'],
  [/cannot be read beyond line (\d+)/, 'file.unreadable', 'n'],
]

const ofRows: Known[] = [
  [/^is not an address: there is no @/, 'row.noAt'],
  [/^is not an address: what follows the @/, 'row.noDomain'],
  [/^is not an address such as/, 'row.noAddress'],
  [/^is not a time such as/, 'row.time'],
  [/^is not a whole number/, 'row.whole'],
  [/^is not a currency code/, 'row.currency'],
  [/^is not an address that starts with https/, 'row.url'],
  [/^is not yes or no/, 'row.yesNo'],
  [/^is missing$/, 'row.missing'],
  [/^is missing, and so is email/, 'row.who'],
  [/^is longer than (\d+) characters$/, 'row.long', 'n'],
  [/^is not one of pending, subscribed and unsubscribed$/, 'row.state'],
  [/^is not a time zone/, 'row.zone'],
  [/^holds a control character/, 'row.control'],
  [/^has (\d+) columns?, the header has (\d+)$/, 'row.width', 'n', 'width'],
  [/^has a quote that is opened and not closed as it should be$/, 'row.openQuote'],
]

function say(t: T, known: Known[], message: string, more: (name: string, value: string) => string = (_, v) => v) {
  for (const [pattern, word, ...places] of known) {
    const match = pattern.exec(message)
    if (match) return t(word, Object.fromEntries(places.map((name, i) => [name, more(name, match[i + 1] ?? '')])))
  }
  return undefined
}

/** Why a file cannot be imported like this. label names a field. */
export function fileReason(t: T, message: string, label: (field: string) => string): string {
  return say(t, ofFiles, message, (name, value) => (name === 'field' ? label(value) : value)) ?? message
}

/** Why a row is rejected. */
export function rowReason(t: T, message: string): string {
  return say(t, ofRows, message) ?? message
}
