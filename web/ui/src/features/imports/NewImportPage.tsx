import { VisuallyHidden } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { Page } from '~/components/Page'
import { useWords } from '~/i18n'

import { ColumnsStep } from './ColumnsStep'
import { consentProblem } from './consent'
import { ConsentStep } from './ConsentStep'
import { FileStep } from './FileStep'
import classes from './imports.module.css'
import { choose, missing, names, problems, toQuery, within, type Choice, type Choices } from './mapping'
import { stepsOf, type Kind, type Step } from './search'
import { StartStep } from './StartStep'
import { picked as pickedFile, usePreview, type Picked } from './usePreview'
import { words } from './words'

const none = { map: [], skip: [] }

/** A file becomes an import, step by step. What was chosen stays when a step is gone back. */
export function NewImportPage() {
  const t = useWords(words)
  const { kind = 'contacts', step: asked } = useSearch({ from: '/shell/imports/new' })
  const navigate = useNavigate({ from: '/imports/new' })
  const [picked, setPicked] = useState<Picked>()
  const [chosen, setChosen] = useState<Partial<Record<Kind, Choices>>>({})
  const [topic, setTopic] = useState('')
  const [source, setSource] = useState('')

  // The file as the server takes it by itself, and as it is taken with what was chosen.
  const plain = usePreview(picked, kind, none)
  const known = useMemo(() => plain.data && names(plain.data.columns ?? []), [plain.data])
  const choices = useMemo(() => within(chosen[kind] ?? {}, known ?? []), [chosen, kind, known])
  const mapping = useMemo(() => toQuery(choices), [choices])
  const preview = usePreview(picked, kind, mapping)
  const data = preview.data

  const steps = stepsOf(kind)
  const topicColumn = data?.columns?.some((c) => c.field === 'topics') ?? false
  const options = kind === 'contacts' ? { topic: topicColumn ? '' : topic.trim(), source: source.trim() } : {}
  const ready = data !== undefined && missing(data, kind).length === 0 && problems(data).length === 0
  // As far as one can go; what an address asks for beyond that comes later.
  const last = !data ? 0 : !ready ? 1 : consentProblem(options) ? 2 : steps.length - 1
  const step = steps[Math.min(asked ? Math.max(steps.indexOf(asked), 0) : 0, last)]!
  const go = (to: Step) => void navigate({ search: (s) => ({ ...s, step: to === 'file' ? undefined : to }) })

  const set = (name: string, choice: Choice) =>
    setChosen((all) => ({ ...all, [kind]: choose(all[kind] ?? {}, name, choice) }))

  return (
    <Page title={t(`newTitle.${kind}`)} back={{ to: '/imports', label: t('title') }} wide={step === 'columns'}>
      <Steps steps={steps} at={step} go={go} last={last} />
      {step === 'file' && (
        <FileStep
          kind={kind}
          onKind={(k) => void navigate({ search: { kind: k }, replace: true })}
          picked={picked}
          onPick={(file) => setPicked(pickedFile(file))}
          preview={plain}
          onNext={() => go('columns')}
        />
      )}
      {step === 'columns' && (
        <ColumnsStep
          kind={kind}
          preview={data!}
          busy={preview.busy}
          error={preview.error}
          retry={() => void preview.refetch()}
          choices={choices}
          onChoose={set}
          onReset={() => setChosen((all) => ({ ...all, [kind]: {} }))}
          onBack={() => go('file')}
          onNext={() => go(kind === 'contacts' ? 'consent' : 'start')}
        />
      )}
      {step === 'consent' && (
        <ConsentStep
          preview={data!}
          topic={topic}
          onTopic={setTopic}
          source={source}
          onSource={setSource}
          onBack={() => go('columns')}
          onNext={() => go('start')}
        />
      )}
      {step === 'start' && (
        <StartStep
          kind={kind}
          file={picked!.file}
          preview={data!}
          query={{ ...mapping, ...options }}
          onBack={() => go(kind === 'contacts' ? 'consent' : 'columns')}
        />
      )}
    </Page>
  )
}

interface StepsProps {
  steps: Step[]
  at: Step
  go: (step: Step) => void
  /** Steps up to this one can be gone to. */
  last: number
}

function Steps({ steps, at, go, last }: StepsProps) {
  const t = useWords(words)
  const now = steps.indexOf(at)
  return (
    <nav aria-label={t('steps.label')}>
      <ol className={classes.steps}>
        {steps.map((step, i) => (
          <li key={step} data-now={i === now || undefined} data-done={i < now || undefined}>
            <button
              type="button"
              className={classes.step}
              aria-current={i === now ? 'step' : undefined}
              disabled={i > last}
              onClick={() => i !== now && go(step)}
            >
              <span className={classes.number} aria-hidden>
                {i + 1}
              </span>
              <VisuallyHidden>{t('steps.of', { n: i + 1, all: steps.length })}: </VisuallyHidden>
              <span className={classes.name}>{t(`steps.${step}`)}</span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
