import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useEffect, type ReactNode } from 'react'

import { languages, setLanguage, useWords, type Language } from '~/i18n'

import classes from './Door.module.css'
import { words } from './words'

interface Props {
  title: string
  lead?: ReactNode
  foot?: ReactNode
  children: ReactNode
}

/** The frame of the pages before the shell: who comes in, and how. */
export function Door({ title, lead, foot, children }: Props) {
  useWords(words) // drawn again in another language
  useEffect(() => {
    document.title = `${title} · Posthorn`
  }, [title])
  return (
    <main className={classes.door}>
      <Stack gap="md" className={classes.inner}>
        <Group gap="xs" justify="center">
          <img src="/app/icon.svg" alt="" width={28} height={28} />
          <Text fw={650} size="lg">
            Posthorn
          </Text>
        </Group>
        <Paper withBorder radius="md" className={classes.card}>
          <Stack gap="md">
            <div>
              <Title order={1}>{title}</Title>
              {lead && (
                <Text c="dimmed" size="sm" mt={4}>
                  {lead}
                </Text>
              )}
            </div>
            {children}
          </Stack>
        </Paper>
        {foot && (
          <Text c="dimmed" size="sm" ta="center">
            {foot}
          </Text>
        )}
        <Group justify="center" gap="md">
          {(Object.entries(languages) as [Language, string][]).map(([code, name]) => (
            <Anchor
              key={code}
              component="button"
              type="button"
              size="sm"
              lang={code}
              aria-current={document.documentElement.lang === code || undefined}
              className={classes.language}
              onClick={() => setLanguage(code)}
            >
              {name}
            </Anchor>
          ))}
        </Group>
      </Stack>
    </main>
  )
}
