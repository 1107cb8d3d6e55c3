import { Skeleton } from '@mantine/core'
import { lazy, Suspense, type Ref } from 'react'

import classes from './CodeEditor.module.css'
import type { Mark } from './place'

/** What is offered while one types. */
export interface Offer {
  label: string
  /** Behind it, in small: a type, an example. */
  detail?: string
  /** In a box beside it. */
  info?: string
  /** What is put in; left out: the label. */
  apply?: string
}

export type CodeLanguage =
  | { name: 'liquid'; html: boolean; variables: Offer[]; filters: Offer[]; tags: Offer[]; elements?: string[] }
  /** keys are offered at the beginning of a line, values behind their key. */
  | { name: 'yaml'; keys: Offer[]; values: Record<string, Offer[]> }

/** What can be asked of an editor from outside. */
export interface CodeHandle {
  /** Puts a text where the caret is, and the caret behind it. */
  insert(text: string): void
  /** Puts the caret at a mark, and shows it. */
  show(mark: Mark): void
}

export interface CodeEditorProps {
  /** For screen readers. */
  label: string
  value: string
  onChange: (value: string) => void
  onFocus?: () => void
  language: CodeLanguage
  marks?: Mark[]
  readOnly?: boolean
  ref?: Ref<CodeHandle>
}

const Editor = lazy(() => import('./Editor'))

/** A text editor for code, as high as what it is in. Its code is loaded when it is needed. */
export function CodeEditor(props: CodeEditorProps) {
  return (
    <div className={classes.frame}>
      <Suspense fallback={<Skeleton height="100%" />}>
        <Editor {...props} />
      </Suspense>
    </div>
  )
}

const Diff = lazy(() => import('./Diff'))

/** Two texts side by side, or one above the other where it is narrow, with what differs. */
export function CodeDiff(props: { label: string; before: string; after: string; html: boolean; narrow: boolean }) {
  return (
    <div className={classes.diff}>
      <Suspense fallback={<Skeleton height={200} />}>
        <Diff key={String(props.narrow)} {...props} />
      </Suspense>
    </div>
  )
}
