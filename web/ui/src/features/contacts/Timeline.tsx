import { Anchor, Button, Chip, Group, Stack, Text, VisuallyHidden } from '@mantine/core'
import { IconBan, IconBolt, IconChecklist, IconMail, IconRoute, IconShoppingBag } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

import { useList } from '~/api/list'
import { Empty, Failed, Loading } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { kinds, type Kind } from './search'
import { sentence, type Entry } from './timeline'
import classes from './Timeline.module.css'
import { timelineWords } from './timelineWords'
import { words } from './words'

const icons = {
  mail: IconMail,
  order: IconShoppingBag,
  event: IconBolt,
  step: IconRoute,
  consent: IconChecklist,
  suppression: IconBan,
}

interface Props {
  externalId: string
  who: string
  kind?: Kind
  onKind: (kind: Kind | undefined) => void
}

/** All that happened with a contact, the newest first. It is read on as one scrolls, or until something of the kind is found. */
export function Timeline({ externalId, who, kind, onKind }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const list = useList('/api/v1/contacts/{external_id}/timeline', { path: { external_id: externalId } }, { limit: 100 })
  const entries = kind ? list.items.filter((e) => e.kind === kind) : list.items
  const end = useRef<HTMLDivElement>(null)
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = list
  useEffect(() => {
    if (!end.current || typeof IntersectionObserver === 'undefined') return
    const observer = new IntersectionObserver(
      ([seen]) => {
        if (seen?.isIntersecting && hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage()
      },
      { rootMargin: '600px' },
    )
    observer.observe(end.current)
    return () => observer.disconnect()
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage])
  return (
    <Stack gap="xs">
      <Chip.Group value={kind ?? ''} onChange={(v) => onKind((v as Kind) || undefined)}>
        <Group gap={6} role="group" aria-label={t('timeline.filter')}>
          <Chip value="" size="xs">
            {t('timeline.kinds.all')}
          </Chip>
          {kinds.map((k) => (
            <Chip key={k} value={k} size="xs">
              {t(`timeline.kinds.${k}`)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      {list.isPending ? (
        <Loading />
      ) : list.isError && list.items.length === 0 ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : list.items.length === 0 ? (
        <Empty title={t('timeline.empty')}>{t('timeline.emptyText')}</Empty>
      ) : (
        <>
          <Entries label={t('timeline.label', { who })} entries={entries} />
          <div ref={end}>
            <Group justify="center" gap="sm" aria-live="polite" mih={30}>
              {list.isError ? (
                <Failed error={list.error} retry={() => void fetchNextPage()} />
              ) : hasNextPage ? (
                <>
                  {kind && (
                    <Text size="xs" c="dimmed">
                      {t('timeline.read', { count: list.items.length })}
                    </Text>
                  )}
                  <Button variant="default" size="xs" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                    {say('more')}
                  </Button>
                </>
              ) : (
                <Text size="xs" c="dimmed">
                  {entries.length === 0 ? t('timeline.nothing') : t('timeline.end')}
                </Text>
              )}
            </Group>
          </div>
        </>
      )}
    </Stack>
  )
}

export function Entries({ label, entries }: { label: string; entries: Entry[] }) {
  const t = useWords(words)
  const tell = useWords(timelineWords)
  const f = useFormat()
  if (entries.length === 0) return null
  return (
    <ol className={classes.list} aria-label={label}>
      {entries.map((e, i) => {
        const Icon = icons[e.kind]
        const { before, link, after, notes } = sentence(tell, f, e)
        return (
          <li key={i} className={classes.entry}>
            <span className={classes.icon}>
              <Icon size={14} aria-hidden />
            </span>
            <div className={classes.text}>
              <Text size="sm" component="p" m={0}>
                <VisuallyHidden>{t(`timeline.kind.${e.kind}`)}: </VisuallyHidden>
                {before}
                {link &&
                  (link.to ? (
                    <Anchor component={Link} to={link.to} inherit underline="always">
                      {link.label}
                    </Anchor>
                  ) : (
                    link.label
                  ))}
                {after}
              </Text>
              {notes.map((note, n) => (
                <Text key={n} size="xs" c="dimmed">
                  {note}
                </Text>
              ))}
            </div>
            <span className={classes.when}>
              <Time at={e.at} />
            </span>
          </li>
        )
      })}
    </ol>
  )
}
