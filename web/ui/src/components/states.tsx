/** What is shown instead of data: while it comes, where there is none, where it failed. */
import { Alert, Button, Center, Group, Skeleton, Stack, Text, Title, VisuallyHidden } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { ComponentType, ReactNode } from 'react'

import { explain } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

export function Loading({ lines = 6 }: { lines?: number }) {
  const t = useWords(common)
  return (
    <Stack gap="xs" p="md" role="status">
      <VisuallyHidden>{t('loading')}</VisuallyHidden>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={14} width={`${[92, 78, 86, 64, 90, 72][i % 6]}%`} />
      ))}
    </Stack>
  )
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useWords(common)
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} role="alert" title={t('problem.title')}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{explain(error)}</Text>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            {t('retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

interface EmptyProps {
  icon?: ComponentType<{ size?: number; stroke?: number }>
  title: string
  /** What to do next. */
  children?: ReactNode
  action?: ReactNode
}

export function Empty({ icon: Icon, title, children, action }: EmptyProps) {
  return (
    <Center py={48} px="md">
      <Stack align="center" gap="xs" maw={440}>
        {Icon && <Icon size={32} stroke={1.3} aria-hidden />}
        <Title order={2} ta="center">
          {title}
        </Title>
        {children && (
          <Text component="div" c="dimmed" size="sm" ta="center">
            {children}
          </Text>
        )}
        {action && (
          <Group mt="xs" justify="center">
            {action}
          </Group>
        )}
      </Stack>
    </Center>
  )
}

interface LoadedProps<T> {
  /** A query of TanStack's. Data that came stays while it is read again, also where that fails. */
  query: { data: T | undefined; isPending: boolean; error: unknown; refetch: () => unknown }
  loading?: ReactNode
  children: (data: T) => ReactNode
}

/** Shows data once it is there. */
export function Loaded<T>({ query, loading, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />
  return loading ?? <Loading />
}
