import { Group, Loader, Paper, Text, Title, VisuallyHidden } from '@mantine/core'

import { Explained } from '~/components/Figure'
import { Failed } from '~/components/states'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { words } from '../words'
import type { EstimateState } from './useEstimate'

/** The audience as a sum: matched, less who does not get it. */
export function EstimateCard({ estimate, everyone }: { estimate: EstimateState; everyone: boolean }) {
  const t = useWords(words)
  const f = useFormat()
  const { data, updating, error, topic, retry } = estimate
  const lines =
    data &&
    ([
      ['duplicates', data.duplicates],
      ['suppressed', data.suppressed],
      ['unsubscribed', data.unsubscribed],
      ['noConsent', data.no_consent],
      ['invalid', data.invalid_address],
    ] as const)
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" wrap="nowrap" mb={4}>
        <Title order={2}>{t('estimate.title')}</Title>
        {updating && <Loader size={14} aria-hidden />}
      </Group>
      {!topic ? (
        <Text size="sm" c="dimmed">
          {t('estimate.chooseTopic')}
        </Text>
      ) : error && !updating ? (
        <Failed error={error} retry={retry} />
      ) : !data ? (
        <Text size="sm" c="dimmed">
          {t('estimate.updating')}
        </Text>
      ) : (
        <>
          <table className={classes.sum} data-updating={updating || undefined}>
            <tbody className={updating ? classes.stale : undefined}>
              <tr>
                <th scope="row">{everyone ? t('audience.everyone') : t('estimate.matched')}</th>
                <td>{f.number(data.matched)}</td>
              </tr>
              {lines!.map(([name, n]) => (
                <tr key={name} data-zero={n === 0 || undefined}>
                  <th scope="row">{t(`estimate.${name}`)}</th>
                  <td>−{f.number(n)}</td>
                </tr>
              ))}
              <tr data-total>
                <th scope="row">
                  <Explained formula={t('estimate.willFormula')}>{t('estimate.will')}</Explained>
                </th>
                <td>{f.number(data.will_receive)}</td>
              </tr>
            </tbody>
          </table>
          <Text size="xs" c="dimmed" mt="xs">
            {t('estimate.asOf')}
          </Text>
        </>
      )}
      {/* Said once it has come to rest. */}
      <VisuallyHidden aria-live="polite">
        {data && !updating ? `${t('estimate.will')}: ${t('estimate.people', { count: data.will_receive })}` : ''}
      </VisuallyHidden>
    </Paper>
  )
}
