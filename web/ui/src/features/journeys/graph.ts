import { waysOf, type Definition, type Step, type Way } from './definition'

export interface GraphNode {
  /** trigger, end, or that of stepNode: a step may be called anything. */
  id: string
  kind: 'trigger' | 'step' | 'end'
  step?: Step
}

export interface GraphEdge {
  id: string
  from: string
  to: string
  /** Which ways out of a step lead here: several where their lists are empty. Empty: its only one. */
  ways: { way: Way; share?: number }[]
}

export interface Graph {
  nodes: GraphNode[]
  edges: GraphEdge[]
}

export const stepNode = (id: string) => `step:${id}`

/** An end that is still loose: what comes next is tied to it. */
interface Loose {
  from: string
  way?: { way: Way; share?: number }
}

/**
 * A definition as a picture's nodes and edges: trigger, steps, end. Lists in a step join
 * again in what comes after it; after an exit step comes the end.
 */
export function graphOf(definition: Definition): Graph {
  const nodes: GraphNode[] = [{ id: 'trigger', kind: 'trigger' }]
  const edges = new Map<string, GraphEdge>()
  const tie = (loose: Loose[], to: string) => {
    for (const { from, way } of loose) {
      const id = `${from}→${to}`
      const edge = edges.get(id) ?? { id, from, to, ways: [] }
      if (way) edge.ways.push(way)
      edges.set(id, edge)
    }
  }
  const walk = (steps: Step[], loose: Loose[]): Loose[] => {
    for (const step of steps) {
      const id = stepNode(step.id)
      nodes.push({ id, kind: 'step', step })
      tie(loose, id)
      const ways = waysOf(step)
      if (step.type === 'exit') {
        tie([{ from: id }], 'end')
        loose = []
      } else if (ways.length > 0) {
        loose = ways.flatMap(({ way, steps, share }) => walk(steps, [{ from: id, way: { way, share } }]))
      } else {
        loose = [{ from: id }]
      }
    }
    return loose
  }
  tie(walk(definition.steps, [{ from: 'trigger' }]), 'end')
  nodes.push({ id: 'end', kind: 'end' })
  return { nodes, edges: [...edges.values()] }
}

/** The part of a graph that one contact went through. */
export interface Trail {
  nodes: Set<string>
  edges: Set<string>
}

/**
 * Where a contact went, of what was told of it step by step. Steps that a version no longer
 * has are passed over. ended: it also came to the end.
 */
export function trailOf(graph: Graph, told: { step?: string; what: string }[]): Trail {
  const trail: Trail = { nodes: new Set(), edges: new Set() }
  const known = new Set(graph.nodes.map((n) => n.id))
  let at: { node: string; way: Way } | undefined
  const go = (to: string) => {
    if (at) {
      const { node, way } = at
      const edge = graph.edges.find(
        (e) => e.from === node && e.to === to && (e.ways.length === 0 || e.ways.some((w) => w.way === way)),
      )
      if (edge) trail.edges.add(edge.id)
    }
    trail.nodes.add(to)
  }
  for (const { step, what } of told) {
    if (!step) {
      if (what === 'entered') {
        at = undefined
        go('trigger')
        at = { node: 'trigger', way: '' }
      } else if (what === 'finished') {
        go('end')
        at = undefined
      }
      continue
    }
    const node = stepNode(step)
    if (!known.has(node)) continue
    go(node)
    at = { node, way: what }
  }
  return trail
}
