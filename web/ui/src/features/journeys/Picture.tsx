import { ActionIcon, Group, Text, Tooltip } from '@mantine/core'
import { IconFlag, IconMaximize, IconMinus, IconPlayerPlay, IconPlus } from '@tabler/icons-react'
import {
  BaseEdge,
  EdgeLabelRenderer,
  Handle,
  Panel,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react'
import { useEffect, useMemo } from 'react'

import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import '@xyflow/react/dist/base.css'

import { Chips } from './Chips'
import type { Step } from './definition'
import type { Chip } from './figures'
import { graphOf, type Graph, type GraphNode } from './graph'
import { stepIcons } from './icons'
import { curve, layout } from './layout'
import { stepInWords, triggerInWords, wayInWords } from './say'
import type { ShownProps } from './StepList'
import classes from './Steps.module.css'
import { words } from './words'

type Shown = Node<{ kind: GraphNode['kind']; step?: Step; title: string; summary: string; chips: Chip[]; on: boolean }>
type Line = Edge<{ label: string; on: boolean; path: string; x: number; y: number }>

const width = 250

/** Room for a title, up to three lines of summary, and up to two rows of numbers. */
function heightOf(n: { summary: string; chips: Chip[]; kind: string }) {
  const lines = Math.min(3, Math.ceil(n.summary.length / 34))
  const rows = Math.ceil(n.chips.length / 3)
  return 40 + lines * 18 + (rows ? rows * 22 + 4 : 0)
}

/** A picture of a journey, to look at: it can be moved and zoomed, and not changed. */
export default function Picture(props: ShownProps) {
  return (
    <ReactFlowProvider>
      <Flow {...props} />
    </ReactFlowProvider>
  )
}

function Flow({ definition, names, figures, trail }: ShownProps) {
  const t = useWords(words)
  const f = useFormat()
  const graph = useMemo(() => graphOf(definition), [definition])
  const shown = useMemo(
    () =>
      graph.nodes.map((n) => {
        const count = (key: 'entered' | 'finishedEnd', value?: number) =>
          value === undefined ? '' : t(`chips.${key}`, { n: f.number(value) })
        const what =
          n.kind === 'trigger'
            ? {
                title: t('view.begin'),
                summary: triggerInWords(t, definition.trigger, names),
                more: count('entered', figures?.entered),
              }
            : n.kind === 'end'
              ? { title: t('view.end'), summary: '', more: count('finishedEnd', figures?.finished) }
              : { title: t(`steps.${n.step!.type}`), summary: stepInWords(t, n.step!, names), more: '' }
        return {
          ...n,
          title: what.title,
          summary: [what.summary, what.more].filter(Boolean).join(' · '),
          chips: n.step && figures ? figures.step(n.step) : [],
          on: trail?.nodes.has(n.id) ?? false,
        }
      }),
    [graph, definition, names, figures, trail, t, f],
  )
  const labels = new Map(
    graph.edges.map((e) => {
      const step = graph.nodes.find((n) => n.id === e.from)?.step
      const said = e.ways.map(({ way, share }) => {
        const n = figures?.way?.(step!, way)
        const label = wayInWords(t, step!, way, share)
        return n === undefined ? label : t('chips.went', { way: label, n: f.compact(n) })
      })
      return [e.id, said.join(' · ')]
    }),
  )
  // Only what changes the room that nodes and labels take has them laid out anew.
  const heights = shown.map(heightOf).join(' ')
  const lengths = graph.edges.map((e) => labels.get(e.id)!.length).join(' ')
  const at = useLayout(graph, heights, lengths)
  const nodes: Shown[] = shown.map((n) => ({
    id: n.id,
    type: 'shown',
    position: at.places.get(n.id)!,
    width,
    height: at.high.get(n.id)!,
    data: { kind: n.kind, step: n.step, title: n.title, summary: n.summary, chips: n.chips, on: n.on },
  }))
  const edges: Line[] = graph.edges.map((e) => {
    const { points, label } = at.lines.get(e.id)!
    return {
      id: e.id,
      source: e.from,
      target: e.to,
      type: 'shown',
      data: { label: labels.get(e.id)!, path: curve(points), ...label, on: trail?.edges.has(e.id) ?? false },
    }
  })
  const flow = useReactFlow()
  useEffect(() => {
    const frame = requestAnimationFrame(() => void flow.fitView(fit))
    return () => cancelAnimationFrame(frame)
  }, [flow, at])
  return (
    <div className={classes.picture} role="group" aria-label={t('view.picture_label')}>
      <ReactFlow<Shown, Line>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        deleteKeyCode={null}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        zoomOnScroll={false}
        minZoom={0.15}
        maxZoom={1.5}
        fitView
        fitViewOptions={fit}
        proOptions={{ hideAttribution: true }}
      >
        <Panel position="top-right">
          <Group gap={4}>
            {(
              [
                ['zoomIn', IconPlus, () => flow.zoomIn()],
                ['zoomOut', IconMinus, () => flow.zoomOut()],
                ['fit', IconMaximize, () => flow.fitView(fit)],
              ] as const
            ).map(([key, Icon, act]) => (
              <Tooltip key={key} label={t(`view.${key}`)}>
                <ActionIcon variant="default" aria-label={t(`view.${key}`)} onClick={() => void act()}>
                  <Icon size={16} />
                </ActionIcon>
              </Tooltip>
            ))}
          </Group>
        </Panel>
      </ReactFlow>
    </div>
  )
}

function useLayout(graph: Graph, heights: string, lengths: string) {
  return useMemo(() => {
    const high = new Map(graph.nodes.map((n, i) => [n.id, Number(heights.split(' ')[i])]))
    const long = new Map(graph.edges.map((e, i) => [e.id, Number(lengths.split(' ')[i])]))
    return {
      high,
      ...layout(
        graph,
        (id) => ({ width, height: high.get(id)! }),
        (id) => (long.get(id) ? { width: long.get(id)! * 7 + 16, height: 22 } : undefined),
      ),
    }
  }, [graph, heights, lengths])
}

const fit = { padding: 0.08, maxZoom: 1 }

function ShownNode({ data }: NodeProps<Shown>) {
  const Icon = data.kind === 'trigger' ? IconPlayerPlay : data.kind === 'end' ? IconFlag : stepIcons[data.step!.type]
  return (
    <div className={classes.node} data-kind={data.kind} data-on={data.on || undefined}>
      <Handle type="target" position={Position.Top} className={classes.handle} isConnectable={false} />
      <Group gap={6} wrap="nowrap">
        <Icon size={16} aria-hidden className={classes.icon} />
        <Text size="sm" fw={600} truncate>
          {data.title}
        </Text>
        {data.step && (
          <Text size="xs" c="dimmed" ff="monospace" truncate ml="auto">
            {data.step.id}
          </Text>
        )}
      </Group>
      {data.summary && (
        <Text size="xs" lineClamp={3} className={classes.summary} title={data.summary}>
          {data.summary}
        </Text>
      )}
      <Chips chips={data.chips} plain />
      <Handle type="source" position={Position.Bottom} className={classes.handle} isConnectable={false} />
    </div>
  )
}

function ShownEdge({ id, data }: EdgeProps<Line>) {
  const { label, on, path, x, y } = data!
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        style={{
          stroke: on ? 'var(--mantine-color-indigo-6)' : 'var(--mantine-color-dimmed)',
          strokeWidth: on ? 3 : 1.2,
        }}
      />
      {label && (
        <EdgeLabelRenderer>
          <Text
            size="xs"
            px={6}
            bg="var(--mantine-color-body)"
            className={classes.label}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {label}
          </Text>
        </EdgeLabelRenderer>
      )}
    </>
  )
}

const nodeTypes = { shown: ShownNode }
const edgeTypes = { shown: ShownEdge }
