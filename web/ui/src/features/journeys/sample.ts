import { quoted } from './yaml'

/**
 * A small journey that works as it stands: a word a few days after an order, with a template
 * of this shop; where there is none yet, a note at the contact instead.
 */
export function sample(from: { template?: string; topic?: string; sender?: string }): string {
  const { template, topic, sender } = from
  const last =
    template && topic && sender
      ? `  - id: a-word
    type: send
    template: ${quoted(template)}
    topic: ${quoted(topic)}
    sender: {address: ${JSON.stringify(sender)}}
`
      : `  - id: remember
    type: update_contact
    set: {ordered_lately: true}
`
  return `trigger:
  type: order
  on: paid
entry:
  key: contact
  again_after: P90D
exit:
  on_refund: true
steps:
  - id: some-days
    type: wait
    for: P3D
    at: "09:00"
    on: [mon, tue, wed, thu, fri]
${last}`
}
