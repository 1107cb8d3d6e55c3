import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core'
import { useQueryErrorResetBoundary } from '@tanstack/react-query'
import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router'
import { useEffect } from 'react'

import { explain, Problem } from '~/api/problem'
import { Page } from '~/components/Page'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

export function NotFound() {
  const t = useWords(common)
  return (
    <Page title={t('page.notFound')}>
      <Stack align="flex-start">
        <Text>{t('page.notFoundText')}</Text>
        <Button component={Link} to="/">
          {t('page.home')}
        </Button>
      </Stack>
    </Page>
  )
}

export function Forbidden({ role }: { role: string }) {
  const t = useWords(common)
  return (
    <Page title={t('page.forbidden')}>
      <Text>{t('page.forbiddenText', { role })}</Text>
    </Page>
  )
}

/** A page whose code or first data failed. */
export function Broken({ error: cause, reset }: ErrorComponentProps) {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const t = useWords(common)
  const router = useRouter()
  const queries = useQueryErrorResetBoundary()
  useEffect(() => queries.reset(), [queries])
  // A tab that was open while Posthorn was updated asks for files that are no more.
  const outdated = /dynamically imported module|Importing a module script failed/i.test(error.message)
  const known = error instanceof Problem
  return (
    <Page title={t('page.broken')}>
      <Stack align="flex-start">
        <Alert color="red" role="alert">
          {outdated ? t('page.updated') : known ? explain(error) : t('page.brokenText')}
          {!known && !outdated && (
            <Code block mt="xs">
              {error.message}
            </Code>
          )}
        </Alert>
        <Group>
          <Button
            onClick={() => {
              if (outdated) return window.location.reload()
              reset()
              void router.invalidate()
            }}
          >
            {t('page.reload')}
          </Button>
        </Group>
      </Stack>
    </Page>
  )
}
