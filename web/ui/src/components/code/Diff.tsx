import { html } from '@codemirror/lang-html'
import { liquid } from '@codemirror/lang-liquid'
import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { useEffect, useRef } from 'react'

import { setup } from './setup'

interface Props {
  label: string
  before: string
  after: string
  html: boolean
  narrow: boolean
}

const collapseUnchanged = { margin: 3, minSize: 6 }

export default function Diff({ label, before, after, html: isHTML, narrow }: Props) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const extensions = [setup(label, true), EditorView.editable.of(false), liquid(isHTML ? { base: html() } : {})]
    const parent = host.current!
    const view = narrow
      ? new EditorView({
          parent,
          state: EditorState.create({
            doc: after,
            extensions: [extensions, unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged })],
          }),
        })
      : new MergeView({
          parent,
          a: { doc: before, extensions },
          b: { doc: after, extensions },
          collapseUnchanged,
          gutter: true,
        })
    return () => view.destroy()
  }, [label, before, after, isHTML, narrow])
  // What is not edited has no focus of its own: it is read and scrolled.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  return <div ref={host} tabIndex={0} role="group" aria-label={label} />
}
