import { Badge, Group, Loader, Text, UnstyledButton } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'

import { useWords } from '~/i18n'

import classes from './TemplatePage.module.css'
import { words } from './words'

export interface Found {
  severity: 'error' | 'warning'
  /** Where: "HTML, line 3". */
  place: string
  message: string
  onShow?: () => void
}

/** What a check has to say, as a list: the same as what the editor underlines. */
export function Problems({ list, checking }: { list: Found[] | undefined; checking: boolean }) {
  const t = useWords(words)
  const errors = list?.filter((p) => p.severity === 'error').length ?? 0
  return (
    <section aria-label={t('problems.title')} className={classes.problems}>
      <Group gap="xs" mb={4} role="status">
        {list && list.length === 0 && <IconCircleCheck size={16} aria-hidden />}
        <Text size="xs" fw={600} c={errors ? 'var(--mantine-color-error)' : 'dimmed'}>
          {!list
            ? t('problems.checking')
            : list.length === 0
              ? t('problems.none')
              : t('problems.count', { count: list.length })}
        </Text>
        {checking && list && <Loader size={12} aria-label={t('problems.checking')} />}
      </Group>
      {list && list.length > 0 && (
        <ul className={classes.found}>
          {list.map((p, i) => (
            <li key={i}>
              <UnstyledButton
                className={classes.problem}
                onClick={p.onShow}
                disabled={!p.onShow}
                title={p.onShow && t('problems.show')}
              >
                <Badge size="xs" color={p.severity === 'error' ? 'red' : 'yellow'}>
                  {t(`problems.${p.severity}`)}
                </Badge>{' '}
                <Text component="span" size="xs" c="dimmed">
                  {p.place}
                </Text>{' '}
                <Text component="span" size="xs">
                  {p.message}
                </Text>
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
