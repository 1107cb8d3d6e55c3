import { Button, Group, Paper, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'

import { useUser, type Role } from '~/app/session'
import { Section } from '~/components/Page'
import { Time } from '~/components/Time'
import { wording } from '~/features/campaigns/wording'
import { useWords } from '~/i18n'

import classes from './home.module.css'
import { noticeHow, noticeLink, noticeText, type Notice } from './notice'
import { noticeWords } from './notice-words'
import { words } from './words'

/** What needs somebody, with the reason and the way to act. */
export default function Attention({ list }: { list: Notice[] }) {
  const t = useWords(noticeWords)
  const h = useWords(words)
  const w = useWords(wording)
  const role = useUser()?.role as Role | undefined
  if (list.length === 0)
    return (
      <Group gap={6}>
        <IconCircleCheck
          size={18}
          color="light-dark(var(--mantine-color-teal-8), var(--mantine-color-teal-4))"
          aria-hidden
        />
        <Text size="sm">{t('allWell')}</Text>
      </Group>
    )
  return (
    <Section title={t('attention')}>
      <Paper withBorder>
        <ul className={classes.list} aria-live="polite">
          {list.map((n) => {
            const link = noticeLink(n, role)
            const Icon = n.level === 'error' ? IconCircleX : IconAlertTriangle
            const color =
              n.level === 'error'
                ? 'var(--mantine-color-error)'
                : 'light-dark(var(--mantine-color-orange-8), var(--mantine-color-orange-4))'
            return (
              <li
                key={`${n.code} ${n.kind} ${n.id ?? ''} ${String(n.values.relay ?? '')}`}
                className={classes.row}
                data-wrap
              >
                <Icon size={18} color={color} aria-label={t(`level.${n.level}`)} style={{ flex: 'none' }} />
                <div className={classes.grow}>
                  <Text size="sm">{noticeText(t, w, n)}</Text>
                  <Text size="xs" c="dimmed">
                    {noticeHow(t, n)} {!link && n.kind !== 'import' && h('askOps')}
                    {n.at && n.code !== 'relay_missing' && (
                      <>
                        {' '}
                        <Time at={n.at} relative />
                      </>
                    )}
                  </Text>
                </div>
                {link && (
                  <Button component={Link} to={link.to} size="xs" variant="default" style={{ flex: 'none' }}>
                    {t(link.word)}
                  </Button>
                )}
              </li>
            )
          })}
        </ul>
      </Paper>
    </Section>
  )
}
