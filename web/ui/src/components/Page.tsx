import { Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, type ReactNode } from 'react'

import classes from './Page.module.css'

interface Props {
  title: string
  /** Beside the title: a status. */
  badge?: ReactNode
  /** One line below it. */
  lead?: ReactNode
  /** What can be done with the whole page, the main one last. */
  actions?: ReactNode
  /** The list that the page belongs to. */
  back?: { to: string; label: string }
  /** For tables and pictures: as wide as the window. */
  wide?: boolean
  children: ReactNode
}

/**
 * The frame of a page. Its title is the document's, and takes the focus when the page is
 * gone to, so that a screen reader says where one is.
 */
export function Page({ title, badge, lead, actions, back, wide, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Posthorn`
  }, [title])
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.closest('nav'))
      heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <Stack gap="md" className={classes.page} data-wide={wide || undefined}>
      <div>
        {back && (
          <Anchor component={Link} to={back.to} size="sm" className={classes.back}>
            <IconChevronLeft size={14} aria-hidden />
            {back.label}
          </Anchor>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <Group gap="xs" miw={0}>
            <Title order={1} ref={heading} tabIndex={-1} className={classes.title}>
              {title}
            </Title>
            {badge}
          </Group>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
        {lead && (
          <Text component="div" c="dimmed" size="sm" mt={4}>
            {lead}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  )
}

/** A part of a page with its heading. */
export function Section({
  title,
  actions,
  lead,
  children,
}: {
  title: string
  actions?: ReactNode
  lead?: ReactNode
  children: ReactNode
}) {
  return (
    <Stack component="section" gap="xs" aria-label={title}>
      <Group justify="space-between" gap="xs">
        <Title order={2}>{title}</Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {lead && (
        <Text c="dimmed" size="sm">
          {lead}
        </Text>
      )}
      {children}
    </Stack>
  )
}
