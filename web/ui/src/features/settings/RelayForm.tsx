import {
  Alert,
  Button,
  Grid,
  Group,
  Input,
  Modal,
  NumberInput,
  PasswordInput,
  SegmentedControl,
  Select,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { explain, Problem } from '~/api/problem'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { bodyOf, keepsPassword, portFor, valuesOf, type RelayValues } from './relay'
import { words } from './words'

interface Props {
  /** The one that is changed; undefined: a new one. */
  relay?: Schemas['Relay']
  /** There is none yet: this is the default. */
  first: boolean
  onClose: () => void
}

export function RelayForm({ relay, first, onClose }: Props) {
  const t = useWords(words)
  const say = useWords(common)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const filled = (v: string | number) => (String(v).trim() ? null : words.t('missing'))
  const form = useForm<RelayValues>({
    initialValues: valuesOf(relay, first),
    validate: {
      name: filled,
      host: filled,
      port: filled,
      connections: filled,
      password: (v, all) => {
        if (v || keepsPassword(relay, all) || !all.username.trim()) return null
        return words.t(relay?.has_password ? 'relays.passwordHost' : 'relays.loginPair')
      },
      username: (v, all) => (all.password && !v.trim() ? words.t('relays.loginPair') : null),
    },
  })
  const values = form.getValues()
  const save = form.onSubmit(async (v) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await client.PUT('/api/v1/relays/{name}', { params: { path: { name: v.name.trim() } }, body: bodyOf(relay, v) })
      await refresh('/api/v1/relays')
      onClose()
    } catch (e) {
      setBusy(false)
      const fields = Object.entries(e instanceof Problem ? e.fields : {})
      const known = fields.filter(([name]) => name in v)
      known.forEach(([name, message]) => form.setFieldError(name, message))
      if (known.length === 0 || known.length < fields.length) setProblem(e)
    }
  })
  return (
    <Modal
      opened
      size="lg"
      onClose={() => !busy && onClose()}
      title={relay ? t('relays.editTitle', { name: relay.name }) : t('relays.addTitle')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={save} noValidate autoComplete="off">
        <Stack gap="sm">
          {!relay && (
            <TextInput
              label={t('relays.name')}
              description={t('relays.nameHint')}
              maxLength={64}
              data-autofocus={!first || undefined}
              {...form.getInputProps('name')}
            />
          )}
          <Grid gap="sm">
            <Grid.Col span={{ base: 8, xs: 9 }}>
              <TextInput
                label={t('relays.host')}
                placeholder="smtp.example.com"
                maxLength={253}
                spellCheck={false}
                data-autofocus={!!relay || first || undefined}
                {...form.getInputProps('host')}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 4, xs: 3 }}>
              <NumberInput
                label={t('relays.port')}
                min={1}
                max={65535}
                allowDecimal={false}
                hideControls
                {...form.getInputProps('port')}
              />
            </Grid.Col>
          </Grid>
          <Input.Wrapper label={t('relays.tls')} labelElement="div" id="relay-tls">
            <SegmentedControl
              fullWidth
              aria-label={t('relays.tls')}
              data={(['starttls', 'tls', 'none'] as const).map((v) => ({ value: v, label: t(`relays.tlsNames.${v}`) }))}
              value={values.tls}
              onChange={(v) => {
                const tls = v as RelayValues['tls']
                form.setValues({ tls, port: portFor(values.port, values.tls, tls) })
              }}
            />
            <Text size="xs" c="dimmed" mt={4} aria-live="polite">
              {t(`relays.tlsHint.${values.tls}`)}
            </Text>
            {form.errors.tls && <Input.Error mt={4}>{form.errors.tls}</Input.Error>}
          </Input.Wrapper>
          <Grid gap="sm">
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <TextInput
                label={t('relays.username')}
                description={t('relays.usernameHint')}
                autoComplete="off"
                spellCheck={false}
                {...form.getInputProps('username')}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <PasswordInput
                label={t('relays.password')}
                description={keepsPassword(relay, values) ? t('relays.passwordKept') : '\u00a0'}
                autoComplete="new-password"
                visibilityToggleButtonProps={{ 'aria-label': t('relays.showPassword'), tabIndex: 0 }}
                {...form.getInputProps('password')}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <NumberInput
                label={t('relays.connections')}
                description={t('relays.connectionsHint')}
                min={1}
                max={500}
                allowDecimal={false}
                {...form.getInputProps('connections')}
              />
            </Grid.Col>
            <Grid.Col span={{ base: 12, xs: 6 }}>
              <NumberInput
                label={t('relays.rate')}
                description={t('relays.rateHint')}
                min={0}
                max={100000}
                allowDecimal={false}
                {...form.getInputProps('rate_per_second')}
              />
            </Grid.Col>
          </Grid>
          <Select
            label={t('relays.encoding')}
            description={t('relays.encodingHint')}
            data={(['auto', 'quoted-printable'] as const).map((v) => ({
              value: v,
              label: t(`relays.encodingNames.${v}`),
            }))}
            {...form.getInputProps('encoding')}
          />
          {problem !== undefined && (
            <Alert color="red" role="alert">
              {explain(problem)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {relay ? say('save') : t('relays.add')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
