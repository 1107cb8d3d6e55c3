import { Anchor, Badge, Group, Loader, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconCircleCheck } from '@tabler/icons-react'
import { useMemo, useRef } from 'react'

import { $api, type Schemas } from '~/api/client'
import { CodeEditor, type CodeHandle, type CodeLanguage, type Offer } from '~/components/code/CodeEditor'
import type { Mark } from '~/components/code/place'
import { Failed } from '~/components/states'
import { useWords } from '~/i18n'

import classes from './Editor.module.css'
import { useNames } from './names'
import { words } from './words'
import { quoted } from './yaml'

export interface Check {
  /** Of what was written a moment ago; undefined: not yet. */
  problems: Schemas['JourneyFinding'][] | undefined
  checking: boolean
  error: unknown
}

/** Checks what is being written, a moment after the last key. */
export function useCheck(text: string, enabled = true): Check {
  const [settled] = useDebouncedValue(text, 350)
  const query = $api.useQuery(
    'post',
    '/api/v1/journeys/check',
    { body: { text: settled } },
    { enabled, placeholderData: (before) => before, staleTime: 30_000, gcTime: 30_000, refetchOnWindowFocus: false },
  )
  return {
    problems: query.data && (query.data.problems ?? []),
    checking: enabled && (query.isFetching || settled !== text),
    error: query.isError && !query.isFetching ? query.error : undefined,
  }
}

interface Props {
  name: string
  onName: (name: string) => void
  nameError?: string
  text: string
  onText: (text: string) => void
  check: Check
  readOnly?: boolean
}

/** Name and definition of a journey as text, with what the check says at line and column. */
export function JourneyEditor({ name, onName, nameError, text, onText, check, readOnly }: Props) {
  const t = useWords(words)
  const code = useRef<CodeHandle>(null)
  const language = useLanguage()
  const { problems } = check
  const marks = useMemo(() => problems as Mark[] | undefined, [problems])
  return (
    <Stack gap="xs">
      <TextInput
        label={t('editor.name')}
        value={name}
        maxLength={200}
        readOnly={readOnly}
        error={nameError}
        onChange={(e) => onName(e.currentTarget.value)}
        maw={480}
      />
      <div className={classes.code}>
        <CodeEditor
          ref={code}
          label={t('editor.label')}
          value={text}
          onChange={onText}
          language={language}
          marks={marks}
          readOnly={readOnly}
        />
      </div>
      {!readOnly && (
        <section aria-label={t('problems.title')}>
          <Group gap="xs" role="status">
            {problems?.length === 0 && <IconCircleCheck size={16} aria-hidden />}
            <Text
              size="xs"
              fw={600}
              c={problems?.some((p) => p.severity === 'error') ? 'var(--mantine-color-error)' : 'dimmed'}
            >
              {!problems
                ? t('problems.checking')
                : problems.length === 0
                  ? t('problems.none')
                  : t('problems.count', { count: problems.length })}
            </Text>
            {check.checking && problems && <Loader size={12} aria-label={t('problems.checking')} />}
          </Group>
          {check.error !== undefined && <Failed error={check.error} />}
          {!!problems?.length && (
            <ul className={classes.found}>
              {problems.map((p, i) => (
                <li key={i}>
                  <UnstyledButton
                    className={classes.problem}
                    title={t('problems.show')}
                    onClick={() => code.current?.show(p as Mark)}
                  >
                    <Badge size="xs" color={p.severity === 'error' ? 'red' : 'yellow'}>
                      {t(p.severity === 'error' ? 'problems.error' : 'problems.warning')}
                    </Badge>{' '}
                    <Text component="span" size="xs" c="dimmed">
                      {p.line > 0 ? t('problems.place', { line: p.line, column: p.column }) : t('problems.whole')}
                    </Text>{' '}
                    <Text component="span" size="xs" lang="en">
                      {p.path ? `${p.path}: ` : ''}
                      {p.message}
                    </Text>
                  </UnstyledButton>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      <Text size="xs" c="dimmed">
        {t('editor.hint')}{' '}
        <Anchor href="/api/journey-file.schema.json" target="_blank" rel="noreferrer" size="xs" underline="always">
          {t('editor.docs')}
        </Anchor>
      </Text>
    </Stack>
  )
}

const offers = (labels: string): Offer[] => labels.split(' ').map((label) => ({ label }))

const keys = offers(
  'trigger entry exit steps type on name where within unless products categories interval intervals segment attribute ' +
    'offset at yearly key again_after if goal on_refund id template topic sender relay transactional promotes for event ' +
    'timeout then else paths weight set subscribe unsubscribe url reason field operator value combinator rules not from ' +
    'to within_days times quantity',
).map((o) => ({ ...o, apply: `${o.label}: ` }))

/** YAML with the keys of a definition, and the names that are known behind theirs. */
function useLanguage(): CodeLanguage {
  const names = useNames()
  const topics = $api.useQuery('get', '/api/v1/topics', {}, { staleTime: 60_000 }).data?.items
  return useMemo(
    () => ({
      name: 'yaml',
      keys,
      values: {
        type: offers(
          'send wait wait_until branch split update_contact webhook exit order event abandoned not_bought win_back ' +
            'replenishment segment date',
        ),
        on: offers('placed paid cancelled refunded entered left'),
        key: offers('order event contact'),
        transactional: offers('true false'),
        yearly: offers('true false'),
        on_refund: offers('true false'),
        from: offers('trigger'),
        combinator: offers('and or'),
        operator: offers(
          '= != < <= > >= between not_between in not_in contains does_not_contain begins_with does_not_begin_with ' +
            'ends_with does_not_end_with null not_null bought not_bought did did_not',
        ),
        template: [...names.templates.values()].map((name) => ({ label: name, apply: quoted(name) })),
        segment: [...names.segments.values()].map((name) => ({ label: name, apply: quoted(name) })),
        topic: (topics ?? []).map((x) => ({ label: x.topic, apply: quoted(x.topic) })),
      },
    }),
    [names, topics],
  )
}
