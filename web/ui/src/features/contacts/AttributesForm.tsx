import { ActionIcon, Button, Fieldset, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState, type FormEvent } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { Failed } from '~/components/states'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'

import { attributeTypes, changesOf, problemsOf, rowsOf, type AttributeRow, type AttributeType } from './attributes'
import { words } from './words'

type Keyed = AttributeRow & { key: number }

/** Adds, changes and removes attributes. Only what changed is sent, so that nobody else's change is undone. */
export function AttributesForm({ contact, onClose }: { contact: Schemas['Contact']; onClose: () => void }) {
  const t = useWords(words)
  const say = useWords(common)
  const [before] = useState(contact.attributes)
  const [rows, setRows] = useState<Keyed[]>(() => rowsOf(before).map((row, key) => ({ ...row, key })))
  const [next, setNext] = useState(rows.length)
  const [checked, setChecked] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const change = (key: number, patch: Partial<AttributeRow>) =>
    setRows((list) => list.map((row) => (row.key === key ? { ...row, ...patch } : row)))
  const retype = (row: Keyed, type: AttributeType) => {
    const value = type === 'flag' ? String(row.value === 'true') : row.value
    change(row.key, { type, value })
  }
  const add = () => {
    setRows((list) => [...list, { key: next, name: '', type: 'text', value: '' }])
    setNext(next + 1)
  }
  const save = async (event: FormEvent) => {
    event.preventDefault()
    setChecked(true)
    if (rows.some((row) => Object.keys(problemsOf(row, rows)).length > 0)) return
    const attributes = changesOf(before, rows)
    if (Object.keys(attributes).length === 0) return onClose()
    setBusy(true)
    setProblem(undefined)
    try {
      const params = { path: { external_id: contact.external_id } }
      await client.PUT('/api/v1/contacts/{external_id}', { params, body: { attributes } })
      void refresh('/api/v1/contacts')
      notifications.show({ color: 'teal', message: say('saved') })
      onClose()
    } catch (e) {
      setBusy(false)
      setProblem(e)
    }
  }
  return (
    <Modal
      opened
      size="xl"
      closeOnClickOutside={false}
      onClose={() => !busy && onClose()}
      title={t('attributes.edit')}
      closeButtonProps={{ 'aria-label': say('close') }}
    >
      <form onSubmit={(e) => void save(e)} noValidate>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {rows.length ? t('attributes.lead') : t('attributes.none')}
          </Text>
          {rows.map((row, i) => {
            const wrong = checked ? problemsOf(row, rows) : {}
            const nth = (what: 'name' | 'type' | 'value') =>
              t('attributes.nth', { what: t(`attributes.${what}`), n: i + 1 })
            return (
              <Fieldset key={row.key} variant="unstyled">
                <Group gap={6} align="flex-start">
                  <TextInput
                    aria-label={nth('name')}
                    placeholder={t('attributes.name')}
                    value={row.name}
                    maxLength={200}
                    error={wrong.name && t(`attributes.${wrong.name}`)}
                    onChange={(e) => change(row.key, { name: e.currentTarget.value })}
                    flex="1 1 130px"
                  />
                  <Select
                    aria-label={nth('type')}
                    value={row.type}
                    onChange={(type) => retype(row, type as AttributeType)}
                    data={attributeTypes.map((value) => ({ value, label: t(`attributes.types.${value}`) }))}
                    w={130}
                  />
                  {row.type === 'flag' ? (
                    <Select
                      aria-label={nth('value')}
                      value={row.value}
                      onChange={(value) => change(row.key, { value: value ?? 'false' })}
                      data={[
                        { value: 'true', label: say('yes') },
                        { value: 'false', label: say('no') },
                      ]}
                      flex="2 1 150px"
                    />
                  ) : (
                    <TextInput
                      aria-label={nth('value')}
                      placeholder={t('attributes.value')}
                      value={row.value}
                      inputMode={row.type === 'number' ? 'decimal' : undefined}
                      styles={
                        row.type === 'json' ? { input: { fontFamily: 'var(--mantine-font-family-monospace)' } } : {}
                      }
                      error={wrong.value && t(`attributes.${wrong.value}`)}
                      onChange={(e) => change(row.key, { value: e.currentTarget.value })}
                      flex="2 1 150px"
                    />
                  )}
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    size="lg"
                    aria-label={t('attributes.remove', { name: row.name || String(i + 1) })}
                    onClick={() => setRows((list) => list.filter((r) => r.key !== row.key))}
                  >
                    <IconTrash size={16} />
                  </ActionIcon>
                </Group>
              </Fieldset>
            )
          })}
          <Group>
            <Button variant="default" size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={add}>
              {t('attributes.add')}
            </Button>
          </Group>
          {problem !== undefined && <Failed error={problem} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose} disabled={busy}>
              {say('cancel')}
            </Button>
            <Button type="submit" loading={busy}>
              {say('save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
