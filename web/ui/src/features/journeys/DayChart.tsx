import { BarChart } from '@mantine/charts'

import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import '@mantine/charts/styles.layer.css'

import { words } from './words'

/** Mails per day as bars. The table beside it says the same to whoever does not see it. */
export default function DayChart({ days }: { days: { day: string; mails: number }[] }) {
  const t = useWords(words)
  const f = useFormat()
  return (
    <div aria-hidden>
      <BarChart
        h={220}
        data={days}
        dataKey="day"
        series={[{ name: 'mails', label: t('machine.mailsOn'), color: 'indigo.6' }]}
        valueFormatter={(n) => f.number(n)}
        tickLine="none"
        barChartProps={{ accessibilityLayer: false }}
        barProps={{ isAnimationActive: false }}
      />
    </div>
  )
}
