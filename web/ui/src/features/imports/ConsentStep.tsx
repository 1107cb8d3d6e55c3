import { Alert, Autocomplete, Button, Stack, TextInput } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useRef, useState } from 'react'

import { $api } from '~/api/client'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { consentProblem } from './consent'
import { consent, type Preview } from './mapping'
import { BackButton, StepFrame } from './StepFrame'
import { words } from './words'

interface Props {
  preview: Preview
  topic: string
  onTopic: (topic: string) => void
  source: string
  onSource: (source: string) => void
  onBack: () => void
  onNext: () => void
}

/** Who may be mailed afterwards. By itself a file subscribes nobody. */
export function ConsentStep({ preview, topic, onTopic, source, onSource, onBack, onNext }: Props) {
  const t = useWords(words)
  const f = useFormat()
  const topics = $api.useQuery('get', '/api/v1/topics').data?.items ?? []
  const [tried, setTried] = useState(false)
  const fields = (preview.columns ?? []).flatMap((c) => (c.field ? [c.field] : []))
  const column = fields.includes('topics')
  const decided = fields.filter((x) => x.startsWith(consent)).map((x) => x.slice(consent.length))
  const problem = consentProblem({ topic: column ? '' : topic, source })
  const topicInput = useRef<HTMLInputElement>(null)
  const sourceInput = useRef<HTMLInputElement>(null)
  const isNew = topic.trim() !== '' && problem !== 'topic' && !topics.some((x) => x.topic === topic.trim())
  const next = () => {
    setTried(true)
    if (problem === 'topic') topicInput.current?.focus()
    else if (problem === 'source') sourceInput.current?.focus()
    else onNext()
  }
  return (
    <StepFrame
      title={t('consent.title')}
      lead={t('consent.lead')}
      buttons={
        <>
          <BackButton onClick={onBack} />
          <Button onClick={next}>{t('next')}</Button>
        </>
      }
    >
      <Stack gap="md" maw={560}>
        {decided.length > 0 && (
          <Alert color="indigo" icon={<IconInfoCircle aria-hidden />}>
            {t('consent.fromFile', { topics: f.list(decided) })}
          </Alert>
        )}
        {column ? (
          <Alert color="indigo" icon={<IconInfoCircle aria-hidden />}>
            {t('consent.topicColumn')}
          </Alert>
        ) : (
          <Autocomplete
            ref={topicInput}
            label={t('consent.topic')}
            description={t('consent.topicText')}
            placeholder={t('consent.none')}
            value={topic}
            onChange={onTopic}
            data={topics.map((x) => x.topic)}
            maxLength={64}
            clearable
            error={problem === 'topic' && tried && t('consent.badTopic')}
            inputContainer={(children) => (
              <>
                {children}
                {isNew && <small>{t('consent.newTopic')}</small>}
              </>
            )}
          />
        )}
        {(column || decided.length > 0 || topic.trim() !== '') && (
          <TextInput
            ref={sourceInput}
            label={t('consent.source')}
            description={t('consent.sourceText')}
            placeholder={t('consent.sourcePlaceholder')}
            value={source}
            onChange={(e) => onSource(e.currentTarget.value)}
            maxLength={200}
            required={topic.trim() !== '' && !column}
            error={problem === 'source' && tried && t('consent.sourceMissing')}
          />
        )}
      </Stack>
    </StepFrame>
  )
}
