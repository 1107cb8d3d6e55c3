import { graphlib, layout as dagre } from '@dagrejs/dagre'

import type { Graph } from './graph'

/** Where each node's upper left corner is, from the trigger downwards. */
export function layout(
  graph: Graph,
  size: (id: string) => { width: number; height: number },
): Map<string, { x: number; y: number }> {
  const g = new graphlib.Graph()
  g.setGraph({ rankdir: 'TB', nodesep: 32, ranksep: 56 })
  g.setDefaultEdgeLabel(() => ({}))
  for (const n of graph.nodes) g.setNode(n.id, { ...size(n.id) })
  for (const e of graph.edges) g.setEdge(e.from, e.to)
  dagre(g)
  return new Map(
    graph.nodes.map((n) => {
      const { x, y, width, height } = g.node(n.id) as { x: number; y: number; width: number; height: number }
      return [n.id, { x: x - width / 2, y: y - height / 2 }]
    }),
  )
}
