/** What stands at the side of a contact's page, and above it. */
import { Alert, Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { IconMailOff, IconPencil, IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { Schemas } from '~/api/client'
import { Explained, Figure, Figures } from '~/components/Figure'
import { Section } from '~/components/Page'
import { Time, useNow } from '~/components/Time'
import { causeText } from '~/features/suppressions/cause'
import { useLift } from '~/features/suppressions/useLift'
import { words as suppressionWords } from '~/features/suppressions/words'
import { ConsentBadge } from '~/features/topics/consent'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { shown } from './attributes'
import classes from './ContactPage.module.css'
import { localTime } from './local'
import { words } from './words'

export function SuppressionNote({ suppression }: { suppression: Schemas['ContactSuppression'] }) {
  const t = useWords(words)
  const suppressionWord = useWords(suppressionWords)
  const f = useFormat()
  const lift = useLift()
  return (
    <Alert color="red" icon={<IconMailOff aria-hidden />} title={t('page.suppressed')}>
      <Group justify="space-between" gap="sm">
        <div>
          <Text size="sm">
            {t('page.suppressedSince', {
              cause: causeText(suppressionWord, suppression.cause),
              time: f.dateTime(suppression.created_at),
            })}
          </Text>
          {suppression.detail && (
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {suppression.detail}
            </Text>
          )}
        </div>
        <Button variant="default" size="xs" onClick={() => void lift(suppression)}>
          {suppressionWord('liftConfirm')}
        </Button>
      </Group>
    </Alert>
  )
}

export function OrderFigures({ stats }: { stats: Schemas['CatalogStats'] }) {
  const t = useWords(words)
  const f = useFormat()
  const spent = stats.spent ?? []
  const first = spent[0]
  const favourite = (stats.favourite ?? []).slice(0, 3)
  return (
    <Figures>
      <Figure
        label={t('figures.orders')}
        value={f.number(stats.orders)}
        formula={t('figures.ordersFormula')}
        note={stats.undone > 0 && t('figures.undone', { count: stats.undone })}
      />
      <Figure
        label={t('figures.spent')}
        value={first ? f.money(first.total, first.currency) : '–'}
        formula={t('figures.spentFormula')}
        note={spent
          .slice(1)
          .map((s) => f.money(s.total, s.currency))
          .join(', ')}
      />
      {first && first.orders > 0 && (
        <Figure
          label={t('figures.average')}
          value={f.money(first.total / first.orders, first.currency)}
          formula={t('figures.averageFormula', { currency: first.currency })}
        />
      )}
      <Figure
        label={t('figures.first')}
        value={stats.first_at ? f.date(stats.first_at) : t('figures.none')}
        formula={t('figures.firstFormula')}
      />
      <Figure
        label={t('figures.last')}
        value={stats.last_at ? f.date(stats.last_at) : t('figures.none')}
        formula={t('figures.lastFormula')}
        note={stats.last_at && f.relative(stats.last_at)}
      />
      {favourite.length > 0 && (
        <Figure
          label={t('figures.favourite')}
          value={
            <Text span size="sm" fw={500} lh={1.3} display="inline-block" style={{ overflowWrap: 'anywhere' }}>
              {favourite[0]!.name || favourite[0]!.sku} × {f.number(favourite[0]!.quantity)}
            </Text>
          }
          formula={t('figures.favouriteFormula')}
          note={favourite
            .slice(1)
            .map((b) => `${b.name || b.sku} × ${f.number(b.quantity)}`)
            .join(', ')}
        />
      )}
    </Figures>
  )
}

export function Facts({ contact }: { contact: Schemas['Contact'] }) {
  const t = useWords(words)
  const { i18n } = useTranslation()
  const now = useNow(30_000)
  const f = useFormat()
  const there = localTime(i18n.language, contact.timezone, now)
  const facts: [string, string][] = [
    [t('externalId'), contact.external_id],
    [t('phone'), contact.phone],
    [t('country'), contact.country],
    [t('language'), languageName(i18n.language, contact.language)],
    [
      t('timezone'),
      contact.timezone &&
        contact.timezone.replaceAll('_', ' ') + (there ? `\n${t('page.local', { time: there })}` : ''),
    ],
    [t('created'), f.dateTime(contact.created_at)],
    [t('updated'), f.dateTime(contact.updated_at)],
  ]
  return (
    <Section title={t('page.about')}>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <Fact key={name} name={name}>
            {value || (
              <Text span size="sm" c="dimmed">
                {t('page.notKnown')}
              </Text>
            )}
          </Fact>
        ))}
      </dl>
    </Section>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

/** "German (de)", where the browser knows the tag. */
function languageName(language: string, tag: string): string {
  if (!tag) return ''
  try {
    const name = new Intl.DisplayNames(language, { type: 'language', fallback: 'none' }).of(tag)
    return name ? `${name} (${tag})` : tag
  } catch {
    return tag // a shop's own word
  }
}

interface ConsentsProps {
  consents: Schemas['ContactConsent'][]
  onChange: (topic: string, state: 'subscribed' | 'unsubscribed') => void
  onAdd: () => void
}

export function Consents({ consents, onChange, onAdd }: ConsentsProps) {
  const t = useWords(words)
  return (
    <Section
      title={t('page.consents')}
      actions={
        <Button size="compact-xs" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} onClick={onAdd}>
          {t('page.addConsent')}
        </Button>
      }
    >
      {consents.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('page.noConsents')}
        </Text>
      ) : (
        <ul className={classes.plain}>
          {consents.map((c) => {
            const next = c.state === 'subscribed' ? 'unsubscribed' : 'subscribed'
            const verb = next === 'subscribed' ? 'subscribe' : 'unsubscribe'
            return (
              <li key={c.topic} className={classes.consent}>
                <Group gap={6}>
                  <Text size="sm" fw={500}>
                    {c.topic}
                  </Text>
                  <ConsentBadge state={c.state} />
                </Group>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={t(`consents.${verb}Which`, { topic: c.topic })}
                  onClick={() => onChange(c.topic, next)}
                >
                  {t(`consents.${verb}`)}
                </Button>
                <Text size="xs" c="dimmed" component="div">
                  {c.source} · <Time at={c.updated_at} />
                </Text>
              </li>
            )
          })}
        </ul>
      )}
    </Section>
  )
}

export function Segments({ segments }: { segments: Schemas['SegmentMembership'][] }) {
  const t = useWords(words)
  return (
    <Section title={t('page.segments')}>
      {segments.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('page.noSegments')}
        </Text>
      ) : (
        <Stack gap={4} component="ul" className={classes.plain}>
          {segments.map((s) => (
            <li key={s.id}>
              <Anchor component={Link} to={`/segments/${s.id}`} size="sm" style={{ overflowWrap: 'anywhere' }}>
                {s.name}
              </Anchor>
            </li>
          ))}
        </Stack>
      )}
      {segments.length > 0 && (
        <Text size="xs" c="dimmed" component="div">
          <Explained formula={t('page.segmentsFormula')}>
            {t('page.segmentCount', { count: segments.length })}
          </Explained>
        </Text>
      )}
    </Section>
  )
}

export function Attributes({ attributes, onEdit }: { attributes: Record<string, unknown>; onEdit: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const entries = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))
  return (
    <Section
      title={t('page.attributes')}
      actions={
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconPencil size={14} aria-hidden />}
          aria-label={t('attributes.edit')}
          onClick={onEdit}
        >
          {say('edit')}
        </Button>
      }
    >
      {entries.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('page.noAttributes')}
        </Text>
      ) : (
        <dl className={classes.facts}>
          {entries.map(([name, value]) => (
            <Fact key={name} name={name}>
              {typeof value === 'boolean' ? (
                <Badge color={value ? 'teal' : 'gray'}>{say(value ? 'yes' : 'no')}</Badge>
              ) : (
                shown(value)
              )}
            </Fact>
          ))}
        </dl>
      )}
    </Section>
  )
}
