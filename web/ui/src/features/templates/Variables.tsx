import { Badge, Code, ScrollArea, Stack, Text, UnstyledButton } from '@mantine/core'
import { useMemo, useState } from 'react'

import { CodeText } from '~/components/CodeText'
import { SearchInput } from '~/components/SearchInput'
import { useWords } from '~/i18n'

import { search, type Insertable } from './reference'
import classes from './TemplatePage.module.css'
import { words } from './words'

/** All that can be put into a template; a click does. */
export function Variables({ all, onInsert }: { all: Insertable[]; onInsert: (text: string) => void }) {
  const t = useWords(words)
  const [text, setText] = useState('')
  const found = useMemo(() => search(all, text), [all, text])
  const groups = useMemo(() => {
    const out = new Map<string, Insertable[]>()
    for (const i of found) {
      const key = i.event ? `properties ${i.event}` : i.group
      out.set(key, [...(out.get(key) ?? []), i])
    }
    return [...out.values()]
  }, [found])
  return (
    <Stack gap="xs" h="100%" mih={0}>
      <SearchInput size="xs" label={t('variables.search')} value={text} onSearch={setText} />
      <Text size="xs" c="dimmed">
        {t('variables.lead')}
      </Text>
      <ScrollArea
        flex={1}
        mih={200}
        type="auto"
        viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': t('side.variables') }}
      >
        {found.length === 0 && (
          <Text size="sm" c="dimmed" role="status">
            {t('variables.nothing')}
          </Text>
        )}
        {groups.map((items) => {
          const { group, event } = items[0]!
          return (
            <section key={event ? `${group} ${event}` : group}>
              <Text component="h2" size="xs" fw={600} c="dimmed" className={classes.group}>
                {t(`variables.groups.${group}`, { event })}
              </Text>
              {items.map((i) => (
                <UnstyledButton key={i.key} className={classes.variable} onClick={() => onInsert(i.insert)}>
                  <span className={classes.variableName}>
                    <Code>{i.name}</Code>
                    {i.available && i.available !== 'always' && (
                      <Badge size="xs" color="gray" tt="none">
                        {t(`variables.available.${i.available}`)}
                      </Badge>
                    )}
                  </span>
                  <Text size="xs" component="span">
                    <CodeText>{i.description}</CodeText>
                  </Text>
                  {i.example && (
                    <Text size="xs" c="dimmed" component="span" className={classes.example}>
                      {t('variables.forExample', { example: i.example })}
                    </Text>
                  )}
                </UnstyledButton>
              ))}
            </section>
          )
        })}
      </ScrollArea>
    </Stack>
  )
}
