import { Button, Group, Modal, Radio, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { $api } from '~/api/client'
import { common } from '~/i18n/common'
import { useWords } from '~/i18n'
import { formatter, useFormat } from '~/i18n/format'

import classes from '../campaigns.module.css'
import { words } from '../words'
import { differences, merged, type Campaign, type Field, type Fields } from './fields'
import type { Draft } from './useDraft'
import { useSegments } from './useSegments'

/** Both versions of a draft side by side: whose counts, field by field. */
export function ConflictDialog({
  draft,
  campaign,
  onClose,
}: {
  draft: Draft
  campaign: Campaign
  onClose: () => void
}) {
  const t = useWords(words)
  const c = useWords(common)
  const f = useFormat()
  const show = useShown(draft)
  const { fields, stored, theirs } = draft.state
  const [mine, setMine] = useState<Partial<Record<Field, boolean>>>({})
  const [busy, setBusy] = useState(false)
  if (!theirs) return null
  const name = theirs.by || t('conflict.somebody')
  const list = differences(stored.fields, fields, theirs.fields)
  const isMine = (field: Field, by: string) => mine[field] ?? by !== 'them'
  const all = (yes: boolean) => setMine(Object.fromEntries(list.map((d) => [d.field, yes])))
  const save = async () => {
    setBusy(true)
    const keep = list.filter((d) => isMine(d.field, d.by)).map((d) => d.field)
    const done = await draft.auto.resolve(merged(fields, theirs.fields, keep))
    setBusy(false)
    // Where it failed, the page says so; where somebody was first again, the dialog shows their newer version.
    if (done || draft.auto.get().phase !== 'conflict') onClose()
    else setMine({})
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t('conflict.title', { name, time: f.time(theirs.at) })}
      closeButtonProps={{ 'aria-label': c('close') }}
    >
      <Stack>
        <Text size="sm">{t('conflict.text')}</Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => all(true)}>
            {t('conflict.allMine')}
          </Button>
          <Button size="xs" variant="default" onClick={() => all(false)}>
            {t('conflict.allTheirs')}
          </Button>
        </Group>
        <table className={classes.compare} aria-label={campaign.name}>
          <thead>
            <tr>
              <th scope="col">{t('conflict.field')}</th>
              <th scope="col">{t('conflict.mine')}</th>
              <th scope="col">{t('conflict.theirsOf', { name })}</th>
            </tr>
          </thead>
          <tbody>
            {list.map(({ field, by }) => (
              <tr key={field}>
                <th scope="row">
                  {t(`fields.${field}`)}
                  <Text size="xs" c="dimmed">
                    {by === 'both'
                      ? t('conflict.byBoth')
                      : by === 'me'
                        ? t('conflict.byMe')
                        : t('conflict.byThem', { name })}
                  </Text>
                </th>
                {([true, false] as const).map((yes) => (
                  <td key={String(yes)}>
                    <Radio
                      name={`conflict-${field}`}
                      checked={isMine(field, by) === yes}
                      onChange={() => setMine((m) => ({ ...m, [field]: yes }))}
                      label={show(field, yes ? fields : theirs.fields) || t('conflict.empty')}
                      aria-label={`${t(`fields.${field}`)}, ${yes ? t('conflict.mine') : t('conflict.theirsOf', { name })}: ${show(field, yes ? fields : theirs.fields) || t('conflict.empty')}`}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <Group justify="flex-end">
          <Button loading={busy} onClick={() => void save()}>
            {t('conflict.save')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

/** A field's value as people read it. */
function useShown(draft: Draft) {
  const t = useWords(words)
  const f = useFormat()
  const { i18n } = useTranslation()
  const { fields, theirs } = draft.state
  const segments = useSegments([fields, theirs?.fields ?? fields].flatMap((v) => [...v.include, ...v.exclude]))
  const templates = $api.useQuery('get', '/api/v1/templates', { params: { query: { limit: 200 } } })
  return (field: Field, v: Fields): string => {
    switch (field) {
      case 'include':
      case 'exclude':
        return f.list(v[field].map(segments.name))
      case 'template_id':
        return v.template_id
          ? (templates.data?.items?.find((x) => x.id === v.template_id)?.name ?? String(v.template_id))
          : ''
      case 'schedule':
        if (v.schedule === null) return t('whenSection.now')
        if ('at' in v.schedule) return f.dateTime(v.schedule.at)
        return `${v.schedule.cron} (${formatter(i18n.language, v.schedule.timezone).timeZone})`
      case 'in_doubt':
        return t(`content.${v.in_doubt}`)
      default:
        return v[field]
    }
  }
}
