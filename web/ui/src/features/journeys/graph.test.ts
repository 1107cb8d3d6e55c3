import { expect, test } from 'vitest'

import { allSteps, type Definition, type Step } from './definition'
import { graphOf, trailOf } from './graph'
import { curve, layout } from './layout'

const send = (id: string): Step => ({ id, type: 'send', template_id: 1, topic: 'news' })
const wait = (id: string): Step => ({ id, type: 'wait', for: 'P1D' })
const journey = (...steps: Step[]): Definition => ({ trigger: { type: 'order', on: 'paid' }, steps })
const rule = { field: 'country', operator: '=', value: 'IS' }

/** Edges as lines: "a -then-> b". */
function lines(d: Definition): string[] {
  const name = (id: string) => id.replace('step:', '')
  return graphOf(d).edges.map((e) => `${name(e.from)} -${e.ways.map((w) => w.way).join('+')}-> ${name(e.to)}`)
}

test('every type of step is a node, in a row', () => {
  const d = journey(
    send('mail'),
    wait('a-while'),
    { id: 'clicked', type: 'wait_until', event: 'clicked', timeout: 'P1D' },
    { id: 'here', type: 'branch', if: rule },
    {
      id: 'lot',
      type: 'split',
      paths: [
        { weight: 3, steps: [] },
        { weight: 1, steps: [] },
      ],
    },
    { id: 'mark', type: 'update_contact', set: { vip: true } },
    { id: 'hook', type: 'webhook', url: 'https://shop.example' },
    { id: 'bye', type: 'exit' },
  )
  const { nodes } = graphOf(d)
  expect(nodes.map((n) => n.step?.type ?? n.kind)).toEqual([
    'trigger',
    'send',
    'wait',
    'wait_until',
    'branch',
    'split',
    'update_contact',
    'webhook',
    'exit',
    'end',
  ])
  expect(lines(d)).toEqual([
    'trigger --> mail',
    'mail --> a-while',
    'a-while --> clicked',
    'clicked -then+else-> here',
    'here -then+else-> lot',
    'lot -path 1+path 2-> mark',
    'mark --> hook',
    'hook --> bye',
    'bye --> end',
  ])
})

test('nested branches join again; what exits does not', () => {
  const d = journey(
    {
      id: 'outer',
      type: 'branch',
      if: rule,
      then: [
        {
          id: 'inner',
          type: 'split',
          paths: [
            { weight: 1, steps: [send('a')] },
            { weight: 1, steps: [] },
            { weight: 2, steps: [{ id: 'out', type: 'exit' }] },
          ],
        },
      ],
      else: [{ id: 'until', type: 'wait_until', if: rule, timeout: 'P1D', then: [wait('b')] }],
    },
    send('after'),
  )
  expect(lines(d)).toEqual([
    'trigger --> outer',
    'outer -then-> inner',
    'inner -path 1-> a',
    'inner -path 3-> out',
    'out --> end',
    'outer -else-> until',
    'until -then-> b',
    'a --> after',
    'inner -path 2-> after',
    'b --> after',
    'until -else-> after',
    'after --> end',
  ])
  expect(graphOf(d).edges.find((e) => e.id === 'step:inner→step:out')?.ways).toEqual([{ way: 'path 3', share: 0.5 }])
  expect(allSteps(d.steps).map((s) => s.id)).toEqual(['outer', 'inner', 'a', 'out', 'until', 'b', 'after'])
})

test('a journey without steps, and steps that are called like the ends', () => {
  expect(lines(journey())).toEqual(['trigger --> end'])
  const odd = graphOf(journey(wait('trigger'), wait('end')))
  expect(new Set(odd.nodes.map((n) => n.id)).size).toBe(4)
})

test('what comes after the same exit everywhere has no way to it', () => {
  const exit: Step = { id: 'x', type: 'exit' }
  expect(lines(journey(exit, wait('never')))).toEqual(['trigger --> x', 'x --> end', 'never --> end'])
})

test('the trail of a contact takes the ways that were taken', () => {
  const graph = graphOf(
    journey({ id: 'q', type: 'branch', if: rule, then: [send('yes')], else: [send('no')] }, wait('w')),
  )
  const trail = trailOf(graph, [
    { what: 'entered' },
    { step: 'q', what: 'else' },
    { step: 'gone', what: 'mail' },
    { step: 'no', what: 'mail' },
    { step: 'w', what: 'waited' },
    { what: 'finished' },
  ])
  expect([...trail.nodes]).toEqual(['trigger', 'step:q', 'step:no', 'step:w', 'end'])
  expect([...trail.edges]).toEqual(['trigger→step:q', 'step:q→step:no', 'step:no→step:w', 'step:w→end'])
})

test('the layout puts what comes later below, and nothing upon another', () => {
  const graph = graphOf(
    journey({ id: 'q', type: 'branch', if: rule, then: [send('yes')], else: [send('no')] }, wait('w')),
  )
  const { places: at, lines } = layout(graph, () => ({ width: 240, height: 80 }))
  for (const e of graph.edges) expect(at.get(e.from)!.y + 80).toBeLessThan(at.get(e.to)!.y)
  expect(Math.abs(at.get('step:yes')!.x - at.get('step:no')!.x)).toBeGreaterThanOrEqual(240)
  expect([...lines.keys()]).toEqual(graph.edges.map((e) => e.id))
  expect(
    curve([
      { x: 0, y: 0 },
      { x: 0, y: 10 },
      { x: 10, y: 20 },
    ]),
  ).toBe('M0.0,0.0 Q0.0,10.0 5.0,15.0 L10.0,20.0')
})
