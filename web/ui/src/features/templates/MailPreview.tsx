import { Badge, Group, Loader, SegmentedControl, Switch, Text, Tooltip } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { useState, type ReactNode } from 'react'

import type { Schemas } from '~/api/client'
import { Explained } from '~/components/Figure'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { MailFrame } from './MailFrame'
import classes from './MailPreview.module.css'
import { previewWords } from './preview-words'

type View = 'desktop' | 'phone' | 'both' | 'text'

interface Props {
  /** As the API's previews answer it. */
  mail: Pick<Schemas['Preview'], 'subject' | 'preheader' | 'html' | 'text' | 'html_bytes' | 'text_bytes' | 'clip_bytes'>
  /** The From identity, where it is known. */
  sender?: { name?: string; address: string }
  /** It is being made anew. */
  updating?: boolean
  /** It is not what would be sent now, and why. */
  stale?: ReactNode
}

/**
 * A mail as one contact sees it: on a desktop, on a phone, in the dark, and as plain text. It
 * takes the height of what it is in.
 */
export function MailPreview({ mail, sender, updating, stale }: Props) {
  const t = useWords(previewWords)
  const f = useFormat()
  const [chosen, setView] = useLocalStorage<View>({ key: 'mail-view', defaultValue: 'desktop' })
  const [dark, setDark] = useState(false)
  const [pictures, setPictures] = useState(false)
  const view = mail.html ? chosen : 'text'
  const limit = f.bytes(mail.clip_bytes)
  const frame = { html: mail.html, dark, pictures }
  return (
    <div className={classes.preview}>
      <div className={classes.envelope}>
        {sender?.address && (
          <Text size="xs" c="dimmed">
            {t('from')} {sender.name ? `${sender.name} <${sender.address}>` : sender.address}
          </Text>
        )}
        <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
          <Text size="sm" component="div">
            <Text component="span" fw={600} inherit>
              {mail.subject || t('noSubject')}
            </Text>
            {mail.preheader && (
              <Text component="span" c="dimmed" inherit>
                {' '}
                – {mail.preheader}
              </Text>
            )}
          </Text>
          {mail.html && (
            <Badge color={mail.html_bytes > mail.clip_bytes ? 'red' : 'gray'} tt="none" miw="max-content">
              <Explained formula={t('sizeFormula', { limit })}>{f.bytes(mail.html_bytes)}</Explained>
            </Badge>
          )}
        </Group>
      </div>
      <Group gap="sm" justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label={t('view')}
          value={view}
          disabled={!mail.html}
          onChange={(v) => setView(v as View)}
          data={(['desktop', 'phone', 'both', 'text'] as const).map((value) => ({ value, label: t(`views.${value}`) }))}
        />
        {view !== 'text' && (
          <Group gap="md">
            <Tooltip label={t('darkHint')}>
              <Switch size="xs" label={t('dark')} checked={dark} onChange={(e) => setDark(e.currentTarget.checked)} />
            </Tooltip>
            <Tooltip label={t('picturesHint')}>
              <Switch
                size="xs"
                label={t('pictures')}
                checked={pictures}
                onChange={(e) => setPictures(e.currentTarget.checked)}
              />
            </Tooltip>
          </Group>
        )}
      </Group>
      <div aria-live="polite">
        {stale && (
          <Text size="xs" c="dimmed">
            {stale}
          </Text>
        )}
        {!mail.html && (
          <Text size="xs" c="dimmed">
            {t('textAlone')}
          </Text>
        )}
      </div>
      <div className={classes.stage} data-stale={stale ? true : undefined}>
        {updating && <Loader size="xs" pos="absolute" m={4} aria-label={t('updating')} />}
        {(view === 'desktop' || view === 'both') && (
          <div className={classes.desktop}>
            <MailFrame {...frame} width={640} title={t('desktopAlt')} />
          </div>
        )}
        {(view === 'phone' || view === 'both') && (
          <div className={classes.phone}>
            <MailFrame {...frame} width={360} title={t('phoneAlt')} />
          </div>
        )}
        {view === 'text' && (
          // Scrolled by keyboard as well.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          <pre className={classes.text} tabIndex={0} aria-label={t('views.text')}>
            {mail.text}
          </pre>
        )}
      </div>
    </div>
  )
}
