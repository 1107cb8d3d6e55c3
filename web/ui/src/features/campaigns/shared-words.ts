import { defineWords } from '~/i18n'

/** What other pages say about campaigns as well: Home is the first screen, and loads no more than this. */
export const sharedWords = defineWords(
  'campaigns-shared',
  {
    newName: 'Campaign of {{date}}',
    bar: '{{sent}} sent, {{other}} settled otherwise, {{left}} to do, of {{all}}',
    status: {
      draft: 'Draft',
      scheduled: 'Scheduled',
      running: 'Sending',
      paused: 'Paused',
      finished: 'Finished',
      cancelled: 'Cancelled',
      failed: 'Failed',
    },
    formula: {
      sent: 'Accepted by the relay. Bounces come back later and are not counted here.',
      sentShare: 'sent / (recipients − skipped)',
      recipients: 'sent + failed + skipped + cancelled + unknown + what is still to do',
      skipped: 'Not to be mailed: no consent, suppressed, duplicate address, frequency cap, …',
      perSecond: 'Mails accepted over the last ten seconds',
      left: 'What is planned or being sent, at the pace of the last ten seconds. What is deferred comes on top.',
      deferred: 'Refused for now, or not to be sent at this hour: tried again by itself',
      failed: 'Refused for good, not to be rendered, or given up',
      unknown: 'Offered to the relay, and the answer was lost: sent or not, nobody knows',
      cancelled: 'The campaign ended before their turn came',
    },
  },
  {
    newName: 'Kampagne vom {{date}}',
    bar: '{{sent}} gesendet, {{other}} anders erledigt, {{left}} zu tun, von {{all}}',
    status: {
      draft: 'Entwurf',
      scheduled: 'Geplant',
      running: 'Wird gesendet',
      paused: 'Angehalten',
      finished: 'Fertig',
      cancelled: 'Abgebrochen',
      failed: 'Gescheitert',
    },
    formula: {
      sent: 'Vom Relay angenommen. Rückläufer kommen später und sind hier nicht gezählt.',
      sentShare: 'gesendet / (Empfänger − ausgelassen)',
      recipients: 'gesendet + gescheitert + ausgelassen + abgebrochen + unbekannt + was noch zu tun ist',
      skipped: 'Nicht anzuschreiben: keine Einwilligung, gesperrt, doppelte Adresse, Obergrenze, …',
      perSecond: 'In den letzten zehn Sekunden angenommene Mails',
      left: 'Was vorgesehen ist oder gerade gesendet wird, im Tempo der letzten zehn Sekunden. Zurückgestelltes kommt hinzu.',
      deferred: 'Vorerst abgelehnt oder zu dieser Stunde nicht zu senden: wird von selbst erneut versucht',
      failed: 'Endgültig abgelehnt, nicht zu füllen oder aufgegeben',
      unknown: 'Dem Relay übergeben, und die Antwort ging verloren: Niemand weiß, ob gesendet wurde',
      cancelled: 'Die Kampagne endete, bevor sie an der Reihe waren',
    },
  },
)
