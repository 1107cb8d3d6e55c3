import { Alert, Button, Group, Stack, TagsInput, Text } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconSend2 } from '@tabler/icons-react'
import { useState } from 'react'

import { $api, client } from '~/api/client'
import { notifyProblem } from '~/api/problem'
import { useUser } from '~/app/session'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { StateDot } from '../run/StateDot'
import { wording, whyText } from '../wording'
import { words } from '../words'
import type { Draft } from './useDraft'

const address = /^[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+$/
const over = new Set(['sent', 'failed', 'skipped', 'cancelled', 'unknown'])

interface Props {
  draft: Draft
  id: number
  /** The contact whom the mail is shown as. */
  as: string | undefined
}

export function TestSection({ draft, id, as }: Props) {
  const t = useWords(words)
  const f = useFormat()
  const me = useUser()
  const [to, setTo] = useLocalStorage<string[]>({ key: 'campaign-test-to', defaultValue: [] })
  const addresses = to.length ? to : me?.email ? [me.email] : []
  const [busy, setBusy] = useState(false)
  const [run, setRun] = useState<{ id: number; at: Date }>()
  const bad = addresses.find((a) => !address.test(a))
  const ready = draft.state.fields.template_id > 0 && draft.state.fields.sender_address !== ''
  const send = async () => {
    setBusy(true)
    try {
      // What is tested is what is typed.
      await draft.auto.flush()
      const { data } = await client.POST('/api/v1/campaigns/{id}/test', {
        params: { path: { id } },
        body: { addresses, ...(as ? { contact_external_id: as } : {}) },
      })
      setRun({ id: data!.id, at: new Date() })
    } catch (error) {
      notifyProblem(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack gap="xs">
      <Group align="flex-start" gap="sm">
        <TagsInput
          label={t('test.addresses')}
          description={t('test.addressesHint')}
          placeholder={addresses.length ? undefined : t('test.addressesPlaceholder')}
          value={addresses}
          onChange={setTo}
          maxTags={20}
          splitChars={[',', ' ', ';']}
          acceptValueOnBlur
          error={bad && t('test.bad', { address: bad })}
          miw={{ base: '100%', xs: 320 }}
          maw={480}
          inputMode="email"
        />
        <Button
          variant="default"
          leftSection={<IconSend2 size={16} aria-hidden />}
          onClick={() => void send()}
          loading={busy}
          disabled={!ready || addresses.length === 0 || bad !== undefined}
          mt={{ base: 0, xs: 44 }}
        >
          {t('test.send')}
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {ready ? `${t('test.as')}: ${as ?? t('test.asMadeUp')}` : t('test.needs')}
      </Text>
      {run && <Result key={run.id} id={id} run={run.id} title={t('test.result', { time: f.time(run.at) })} />}
    </Stack>
  )
}

/** What became of a test, address by address, until all of it is known. */
function Result({ id, run, title }: { id: number; run: number; title: string }) {
  const t = useWords(words)
  const w = useWords(wording)
  const f = useFormat()
  const query = $api.useQuery(
    'get',
    '/api/v1/campaigns/{id}/messages',
    { params: { path: { id }, query: { run } } },
    {
      refetchInterval: (q) => (q.state.data?.items?.every((m) => over.has(m.state)) ? false : 1000),
      staleTime: 0,
    },
  )
  return (
    <Alert color="gray" title={title} aria-live="polite">
      <Stack gap={4}>
        {(query.data?.items ?? []).map((m) => (
          <Group key={m.id} gap={8} wrap="nowrap" align="flex-start">
            <StateDot state={m.state} />
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              <strong>{m.email}</strong>: {t(`states.${m.state}`)}. {m.state !== 'sent' && whyText(w, f, m)}
            </Text>
          </Group>
        ))}
      </Stack>
    </Alert>
  )
}
