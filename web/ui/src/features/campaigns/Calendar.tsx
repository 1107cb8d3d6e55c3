import { ActionIcon, Button, Group, Text, Title } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { keepPreviousData } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { $api, type Schemas } from '~/api/client'
import { useTimezone } from '~/app/session'
import { Failed, Loading } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { addMonths, byDay, periodOf, weeksOf } from './calendar'
import classes from './campaigns.module.css'
import { dayOf } from './draft/schedule'
import { words } from './words'

const most = 5 // entries of a day

/** What ran and what will run in a month, day by day. */
export default function Calendar({ month, onMonth }: { month?: string; onMonth: (month: string | undefined) => void }) {
  const t = useWords(words)
  const { i18n } = useTranslation()
  const zone = useTimezone()
  const today = dayOf(new Date(), zone)
  const shown = month ?? today.slice(0, 7)
  const query = $api.useQuery(
    'get',
    '/api/v1/campaigns/calendar',
    { params: { query: periodOf(shown, zone) } },
    { placeholderData: keepPreviousData, refetchInterval: 30_000 },
  )
  const inUTC = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(i18n.language, { ...options, timeZone: 'UTC' })
    return (day: string) => format.format(new Date(`${day}T00:00:00Z`))
  }
  const monthName = inUTC({ month: 'long', year: 'numeric' })(`${shown}-01`)
  const weekday = inUTC({ weekday: 'short' })
  const longDay = inUTC({ weekday: 'long', day: 'numeric', month: 'long' })
  const weeks = weeksOf(shown)
  const days = byDay(query.data?.items ?? [], zone)
  return (
    <div>
      <Group justify="space-between" mb="xs">
        <Title order={2} aria-live="polite">
          {monthName}
        </Title>
        <Group gap={4}>
          <Button size="xs" variant="default" onClick={() => onMonth(undefined)}>
            {t('calendar.today')}
          </Button>
          <ActionIcon variant="default" onClick={() => onMonth(addMonths(shown, -1))} aria-label={t('calendar.before')}>
            <IconChevronLeft size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon variant="default" onClick={() => onMonth(addMonths(shown, 1))} aria-label={t('calendar.after')}>
            <IconChevronRight size={16} aria-hidden />
          </ActionIcon>
        </Group>
      </Group>
      {query.isPending ? (
        <Loading />
      ) : query.isError && !query.data ? (
        <Failed error={query.error} retry={() => void query.refetch()} />
      ) : (
        <>
          <table className={classes.month} aria-label={t('calendar.label', { month: monthName })}>
            <thead>
              <tr>
                {weeks[0]!.map((day) => (
                  <th key={day} scope="col">
                    {weekday(day)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {weeks.map((week) => (
                <tr key={week[0]}>
                  {week.map((day) => {
                    const entries = days.get(day) ?? []
                    return (
                      <td
                        key={day}
                        data-outside={!day.startsWith(shown) || undefined}
                        data-empty={entries.length === 0 || undefined}
                      >
                        <time className={classes.day} dateTime={day} data-today={day === today || undefined}>
                          <Text component="span" inherit visibleFrom="sm">
                            {Number(day.slice(8))}
                          </Text>
                          <Text component="span" inherit hiddenFrom="sm">
                            {longDay(day)}
                          </Text>
                        </time>
                        <Entries list={entries} />
                      </td>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
          <Text size="xs" c="dimmed" mt="xs">
            {days.size === 0 ? t('calendar.nothing') : t('calendar.legend')} {query.data?.more && t('calendar.notAll')}
          </Text>
        </>
      )}
    </div>
  )
}

function Entries({ list }: { list: Schemas['CampaignHappening'][] }) {
  const t = useWords(words)
  const f = useFormat()
  const zone = useTimezone()
  if (list.length === 0) return null
  const time = (at: string) =>
    new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: 'short', timeZone: zone }).format(new Date(at))
  return (
    <ul className={classes.entries}>
      {list.slice(0, most).map((h) => {
        const what = h.kind === 'run' ? t('calendar.run', { n: f.number(h.sent) }) : t(`calendar.${h.kind}`)
        return (
          <li key={`${h.campaign_id} ${h.run_id ?? h.at}`}>
            <Link
              to="/campaigns/$id"
              params={{ id: String(h.campaign_id) }}
              search={h.run_id ? { run: h.run_id } : {}}
              className={classes.entry}
              data-kind={h.kind}
              title={`${time(h.at)} ${h.name}, ${what}`}
              aria-label={`${time(h.at)} ${h.name}, ${what}`}
            >
              {time(h.at)} {h.name}
            </Link>
          </li>
        )
      })}
      {list.length > most && (
        <li>
          <Text size="xs" c="dimmed">
            {t('calendar.more', { count: list.length - most })}
          </Text>
        </li>
      )}
    </ul>
  )
}
