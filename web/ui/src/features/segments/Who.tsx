import { Anchor, Group, Loader, Paper, Stack, Table, Text, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { explain, Problem } from '~/api/problem'
import { Explained } from '~/components/Figure'
import { Failed } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { useEstimate } from './estimate'
import type { RuleState } from './RuleBuilder'
import classes from './SegmentPage.module.css'
import { words } from './words'

/** The estimate of a rule while it is written. */
export function useLiveEstimate(state: RuleState | undefined) {
  const json = state ? JSON.stringify(state.rule) : ''
  const [settled] = useDebouncedValue(json, 500, { leading: true })
  const asked = !!state?.complete && settled !== ''
  const query = useEstimate(settled, asked && settled === json)
  return { ...query, waiting: !state?.complete, counting: !!state?.complete && (settled !== json || query.isFetching) }
}

/** Whom a rule selects: how many, in words, and some of them. */
export function Who({ estimate }: { estimate: ReturnType<typeof useLiveEstimate> }) {
  const t = useWords(words)
  const f = useFormat()
  const { i18n } = useTranslation()
  const { data, error, waiting, counting } = estimate
  const atRule = error instanceof Problem && error.status === 422
  const sample = data?.sample ?? []
  const stale = waiting || counting || !!error
  return (
    <Paper withBorder p="md" component="section" aria-label={t('who.title')} className={classes.who}>
      <Stack gap="sm">
        <Title order={2}>{t('who.title')}</Title>
        <div aria-live="polite">
          <Group gap="xs" mih={28} align="baseline">
            {data && !error && (
              <Text component="span" size="xl" fw={600} c={stale ? 'dimmed' : undefined}>
                <Explained formula={t('countFormula')}>{f.number(data.count)}</Explained>{' '}
                <Text span size="sm" fw={400}>
                  {t('who.contacts', { count: data.count })}
                </Text>
              </Text>
            )}
            {counting && <Loader size={14} aria-label={t('who.counting')} />}
          </Group>
          {waiting && (
            <Text size="sm" c="dimmed">
              {t('who.waiting')}
            </Text>
          )}
          {!waiting && atRule && (
            <Text size="sm" c="var(--mantine-color-error)">
              {Object.keys(error.fields).some((f) => f.startsWith('rule.')) ? t('page.wrong') : explain(error)}
            </Text>
          )}
          {data && !waiting && !error && (
            <Text size="sm" mt={4}>
              {i18n.language === 'de' ? data.sentence.de : data.sentence.en}
            </Text>
          )}
        </div>
        {!waiting && error && !atRule && <Failed error={error} retry={() => void estimate.refetch()} />}
        {data && !error && !waiting && data.count === 0 && (
          <Text size="sm" c="dimmed">
            {t('who.nobody')}
          </Text>
        )}
        {data && !error && !waiting && sample.length > 0 && (
          <div>
            <Text size="xs" c="dimmed" mb={4}>
              {data.count > sample.length
                ? t('who.sampleOf', { shown: sample.length, count: data.count })
                : t('who.sampleAll')}
            </Text>
            <Table aria-label={t('who.sample')} verticalSpacing={4} horizontalSpacing={0} layout="fixed">
              <Table.Tbody>
                {sample.map((c) => (
                  <Table.Tr key={c.external_id}>
                    <Table.Td>
                      <Anchor
                        component={Link}
                        to={`/contacts/${encodeURIComponent(c.external_id)}`}
                        size="sm"
                        display="block"
                        style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}
                      >
                        {[c.first_name, c.last_name].filter(Boolean).join(' ') || c.email || c.external_id}
                      </Anchor>
                      <Text size="xs" c="dimmed" truncate>
                        {[c.email, c.country].filter(Boolean).join(' · ')}
                      </Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </Stack>
    </Paper>
  )
}
