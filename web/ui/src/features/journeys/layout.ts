import { graphlib, layout as dagre } from '@dagrejs/dagre'

import type { Graph } from './graph'

interface Point {
  x: number
  y: number
}

export interface Layout {
  /** Where each node's upper left corner is, from the trigger downwards. */
  places: Map<string, Point>
  /** The way of each edge around the nodes, and the middle of its label. */
  lines: Map<string, { points: Point[]; label: Point }>
}

interface Size {
  width: number
  height: number
}

export function layout(graph: Graph, size: (id: string) => Size, label?: (id: string) => Size | undefined): Layout {
  const g = new graphlib.Graph()
  g.setGraph({ rankdir: 'TB', nodesep: 32, ranksep: 28, edgesep: 16 })
  for (const n of graph.nodes) g.setNode(n.id, { ...size(n.id) })
  for (const e of graph.edges) g.setEdge(e.from, e.to, { labelpos: 'c', width: 0, height: 0, ...label?.(e.id) })
  dagre(g)
  return {
    places: new Map(
      graph.nodes.map((n) => {
        const { x, y, width, height } = g.node(n.id) as Point & Size
        return [n.id, { x: x - width / 2, y: y - height / 2 }]
      }),
    ),
    lines: new Map(
      graph.edges.map((e) => {
        const { points, x, y } = g.edge(e.from, e.to) as { points: Point[]; x?: number; y?: number }
        const middle = points[Math.floor(points.length / 2)]!
        return [e.id, { points, label: { x: x ?? middle.x, y: y ?? middle.y } }]
      }),
    ),
  }
}

/** A curve through points as an SVG path: corners are rounded, ends are met. */
export function curve(points: Point[]): string {
  const at = (p: Point) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`
  const [first, ...rest] = points
  if (!first || rest.length === 0) return ''
  const last = rest.pop()!
  let path = `M${at(first)}`
  rest.forEach((p, i) => {
    const next = rest[i + 1] ?? last
    path += ` Q${at(p)} ${at({ x: (p.x + next.x) / 2, y: (p.y + next.y) / 2 })}`
  })
  return `${path} L${at(last)}`
}
