import { BarChart, LineChart } from '@mantine/charts'
import { ColorSwatch, Group, SegmentedControl, Select, Text } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'

import { $api } from '~/api/client'
import { Loaded } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat, type Format } from '~/i18n/format'

import { Part } from './parts'
import classes from './Queues.module.css'
import { dayPoints, latencyPoints, mailPoints, outcomes, summary, taskPoints, type Point } from './series'
import { queueNames, sends, span, type QueueName } from './show'
import { words } from './words'

import '@mantine/charts/styles.layer.css'

const route = getRouteApi('/shell/queues')

/** Charts of one queue. They and their code come after the figures. */
export default function History() {
  const t = useWords(words)
  const { history: queue = 'bulk' } = route.useSearch()
  const navigate = route.useNavigate()
  const [span, setSpan] = useState<'hour' | 'month'>('hour')
  return (
    <Part
      id="history"
      title={t('history.title')}
      lead={t('history.note')}
      actions={
        <Group gap="xs">
          <Select
            size="xs"
            aria-label={t('history.of')}
            value={queue}
            data={queueNames.map((value) => ({ value, label: t(`names.${value}`) }))}
            onChange={(value) =>
              void navigate({ search: (s) => ({ ...s, history: value as QueueName }), replace: true })
            }
          />
          <SegmentedControl
            size="xs"
            aria-label={t('history.span')}
            value={span}
            onChange={(v) => setSpan(v as typeof span)}
            data={(['hour', 'month'] as const).map((value) => ({ value, label: t(`history.${value}`) }))}
          />
        </Group>
      }
    >
      {span === 'hour' ? <Hour queue={queue} /> : <Month queue={queue} />}
    </Part>
  )
}

function Hour({ queue }: { queue: QueueName }) {
  const t = useWords(words)
  const f = useFormat()
  const query = $api.useQuery(
    'get',
    '/api/v1/queues/{queue}/minutes',
    { params: { path: { queue }, query: { minutes: 59 } } },
    { refetchInterval: 30_000 },
  )
  const when = (at: string) => f.time(at).replace(/(:\d\d):\d\d/, '$1')
  return (
    <Loaded query={query}>
      {({ items }) => {
        const minutes = items ?? []
        if (!sends(queue))
          return (
            <Bars
              title={t('history.tasks')}
              points={taskPoints(minutes, when)}
              series={[
                { name: 'done', label: t('history.done'), color: 'teal.6' },
                { name: 'failed', label: t('history.failed'), color: 'red.6' },
              ]}
            />
          )
        const colors = { sent: 'teal.6', deferred: 'yellow.6', failed: 'red.6', skipped: 'gray.5', unknown: 'violet.6' }
        return (
          <div className={classes.charts}>
            <Bars
              title={t('history.mails')}
              points={mailPoints(minutes, when)}
              series={outcomes.map((name) => ({ name, label: t(`states.${name}`), color: colors[name] }))}
            />
            <Latency points={latencyPoints(minutes, when)} f={f} />
          </div>
        )
      }}
    </Loaded>
  )
}

function Month({ queue }: { queue: QueueName }) {
  const t = useWords(words)
  const f = useFormat()
  const query = $api.useQuery('get', '/api/v1/queues/{queue}/days', {
    params: { path: { queue }, query: { days: 30 } },
  })
  return (
    <Loaded query={query}>
      {({ items }) => (
        <Bars
          title={t('history.days')}
          points={dayPoints(items ?? [], (date) => f.date(`${date}T12:00:00Z`))}
          series={[
            { name: 'done', label: t('history.done'), color: 'teal.6' },
            { name: 'lost', label: t('history.lost'), color: 'red.6' },
          ]}
        />
      )}
    </Loaded>
  )
}

interface Series {
  name: string
  label: string
  color: string
}

function Bars({ title, points, series }: { title: string; points: Point[]; series: Series[] }) {
  const t = useWords(words)
  const f = useFormat()
  const names = series.map((s) => s.name)
  const said = summary(points, names)
  // A legend of what did not occur only takes room.
  const shown = series.filter((s, i) => i === 0 || points.some((p) => Number(p[s.name]) > 0))
  return (
    <Chart
      title={title}
      series={shown}
      label={
        said && t('history.summary', { title, total: f.number(said.total), most: f.number(said.most), when: said.when })
      }
    >
      <BarChart
        h={200}
        data={points}
        dataKey="when"
        type="stacked"
        series={shown}
        valueFormatter={f.number}
        yAxisProps={{ allowDecimals: false, width: 56, tickFormatter: (n: number) => f.compact(n) }}
        xAxisProps={{ minTickGap: 24 }}
        barProps={{ isAnimationActive: false }}
        tooltipAnimationDuration={0}
      />
    </Chart>
  )
}

function Latency({ points, f }: { points: Point[]; f: Format }) {
  const t = useWords(words)
  const said = summary(points, ['p95'])
  const title = t('history.latency')
  const series = [
    { name: 'p50', label: t('history.p50'), color: 'indigo.5' },
    { name: 'p95', label: t('history.p95'), color: 'orange.6' },
  ]
  return (
    <Chart
      title={title}
      series={series}
      label={said && t('history.longest', { title, most: span(f, said.most), when: said.when })}
    >
      <LineChart
        h={200}
        data={points}
        dataKey="when"
        series={series}
        curveType="linear"
        connectNulls={false}
        valueFormatter={(s) => span(f, s)}
        yAxisProps={{ width: 72 }}
        xAxisProps={{ minTickGap: 24 }}
        lineProps={{ isAnimationActive: false }}
        dotProps={{ r: 2 }}
        tooltipAnimationDuration={0}
      />
    </Chart>
  )
}

/** A picture with its title, and what it shows in a sentence for those who do not see it. */
function Chart({
  title,
  series,
  label,
  children,
}: {
  title: string
  series: Series[]
  label: string | undefined
  children: React.ReactNode
}) {
  const t = useWords(words)
  return (
    <figure className={classes.chart}>
      <Text component="figcaption" size="sm" fw={500} mb={4}>
        {title}
      </Text>
      {label ? (
        <>
          <ul className={classes.legend} aria-hidden>
            {series.map((s) => (
              <li key={s.name}>
                <ColorSwatch color={`var(--mantine-color-${s.color.replace('.', '-')})`} size={10} withShadow={false} />
                {s.label}
              </li>
            ))}
          </ul>
          <div role="img" aria-label={label}>
            {children}
          </div>
        </>
      ) : (
        <Text size="sm" c="dimmed" py="lg">
          {t('history.nothing')}
        </Text>
      )}
    </figure>
  )
}
