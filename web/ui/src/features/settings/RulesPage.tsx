import { Button, Group, NumberInput, Paper, Select, Stack, Switch, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMemo, useState } from 'react'

import { $api, client, queryClient, type Schemas } from '~/api/client'
import { showInForm } from '~/api/problem'
import { browserZone, useMay } from '~/app/session'
import { Page, Section } from '~/components/Page'
import { Loaded } from '~/components/states'
import { zones } from '~/features/users/zones'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { bodyOf, sentences, validate, valuesOf, type RuleValues } from './rules'
import { words } from './words'

export function RulesPage() {
  const t = useWords(words)
  const may = useMay('marketer')
  const query = $api.useQuery('get', '/api/v1/sending-rules')
  return (
    <Page title={t('rules.title')} lead={`${t('rules.lead')}${may ? '' : ` ${t('rules.readOnly')}`}`}>
      <Loaded query={query}>
        {(rules) => (may ? <Rules rules={rules} /> : <InWords values={valuesOf(rules, rules.timezone)} />)}
      </Loaded>
    </Page>
  )
}

function Rules({ rules }: { rules: Schemas['SendingRules'] }) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const form = useForm<RuleValues>({ initialValues: valuesOf(rules, browserZone), validate })
  const values = form.getValues()
  const zoneData = useMemo(() => zones(rules.timezone), [rules.timezone])
  const save = form.onSubmit(async (v) => {
    setBusy(true)
    try {
      const { data } = await client.PUT('/api/v1/sending-rules', { body: bodyOf(v) })
      queryClient.setQueryData(['get', '/api/v1/sending-rules'], data)
      notifications.show({ color: 'teal', message: words.t('rules.saved') })
    } catch (e) {
      showInForm(form, e, (location) => location.replace(/^(frequency_cap|quiet_hours)\./, ''))
    } finally {
      setBusy(false)
    }
  })
  return (
    <form onSubmit={save} noValidate>
      <Stack gap="lg" maw={640}>
        <Section title={t('rules.cap')}>
          <Paper withBorder p="md">
            <Stack gap="sm">
              <Switch
                label={t('rules.capOn')}
                description={t('rules.capHint')}
                {...form.getInputProps('capOn', { type: 'checkbox' })}
              />
              {values.capOn && (
                <Group align="flex-start" gap="sm">
                  <NumberInput
                    label={t('rules.mails')}
                    min={1}
                    max={1000}
                    allowDecimal={false}
                    w={120}
                    {...form.getInputProps('mails')}
                  />
                  <NumberInput
                    label={t('rules.days')}
                    min={1}
                    max={366}
                    allowDecimal={false}
                    w={120}
                    {...form.getInputProps('days')}
                  />
                </Group>
              )}
            </Stack>
          </Paper>
        </Section>
        <Section title={t('rules.quiet')}>
          <Paper withBorder p="md">
            <Stack gap="sm">
              <Switch
                label={t('rules.quietOn')}
                description={t('rules.quietHint')}
                {...form.getInputProps('quietOn', { type: 'checkbox' })}
              />
              {values.quietOn && (
                <>
                  <Group align="flex-start" gap="sm">
                    <TextInput type="time" label={t('rules.from')} w={130} {...form.getInputProps('from')} />
                    <TextInput type="time" label={t('rules.to')} w={130} {...form.getInputProps('to')} />
                  </Group>
                  <Select
                    label={t('rules.zone')}
                    searchable
                    limit={100}
                    maw={340}
                    data={zoneData}
                    {...form.getInputProps('timezone')}
                  />
                </>
              )}
            </Stack>
          </Paper>
        </Section>
        <InWords values={values} />
        <Group>
          <Button type="submit" loading={busy}>
            {say('save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function InWords({ values }: { values: RuleValues }) {
  const t = useWords(words)
  return (
    <Section title={t('rules.asSentence')}>
      <div aria-live="polite">
        {sentences(values).map((s) => (
          <Text key={s} size="sm">
            {s}
          </Text>
        ))}
      </div>
    </Section>
  )
}
