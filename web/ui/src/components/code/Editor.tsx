import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type Completion,
  type CompletionContext,
} from '@codemirror/autocomplete'
import { html } from '@codemirror/lang-html'
import { closePercentBrace, liquid } from '@codemirror/lang-liquid'
import { yaml } from '@codemirror/lang-yaml'
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef } from 'react'

import type { CodeEditorProps, CodeLanguage, Offer } from './CodeEditor'
import classes from './CodeEditor.module.css'
import { rangeOf } from './place'
import { setup } from './setup'

export default function Editor({ label, value, onChange, onFocus, language, marks, readOnly, ref }: CodeEditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const parts = useRef({ setup: new Compartment(), language: new Compartment() })
  const told = useRef({ onChange, onFocus })
  useEffect(() => {
    told.current = { onChange, onFocus }
  })

  // What it begins with; each of these has an effect of its own below.
  const first = useRef({ label, value, language, readOnly })
  useEffect(() => {
    const { label, value, language, readOnly } = first.current
    const made = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          parts.current.setup.of(setup(label, readOnly ?? false)),
          parts.current.language.of(support(language)),
          closeBrackets(),
          lintGutter(),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap]),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) told.current.onChange(u.state.doc.toString())
            if (u.focusChanged && u.view.hasFocus) told.current.onFocus?.()
          }),
        ],
      }),
    })
    view.current = made
    return () => made.destroy()
  }, [])

  useEffect(() => {
    const v = view.current!
    if (v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } })
  }, [value])
  useEffect(() => {
    view.current!.dispatch({ effects: parts.current.setup.reconfigure(setup(label, readOnly ?? false)) })
  }, [label, readOnly])
  useEffect(() => {
    view.current!.dispatch({ effects: parts.current.language.reconfigure(support(language)) })
  }, [language])
  useEffect(() => {
    const v = view.current!
    v.dispatch(
      setDiagnostics(
        v.state,
        (marks ?? []).flatMap((mark) => {
          const range = rangeOf(v.state.doc, mark)
          return range ? [{ ...range, severity: mark.severity, message: mark.message }] : []
        }),
      ),
    )
  }, [marks])

  useImperativeHandle(
    ref,
    () => ({
      insert(text) {
        const v = view.current!
        v.dispatch(v.state.replaceSelection(text), { scrollIntoView: true })
        v.focus()
      },
      show(mark) {
        const v = view.current!
        const range = rangeOf(v.state.doc, mark) ?? { from: 0, to: 0 }
        v.dispatch({
          selection: { anchor: range.from, head: range.to },
          effects: EditorView.scrollIntoView(range.from, { y: 'center' }),
        })
        v.focus()
      },
    }),
    [],
  )
  return <div ref={host} className={classes.editor} />
}

const completion = (type: string) => (o: Offer) => ({ ...o, type }) satisfies Completion

/** The language, and what is offered in it. */
function support(language: CodeLanguage): Extension {
  if (language.name === 'yaml')
    return [yaml(), autocompletion({ icons: false, override: [(context) => yamlOffers(context, language)] })]
  const { variables, filters, tags, elements = [] } = language
  // Paths are offered step by step: contact, then what a contact has.
  const roots = new Map<string, Completion>()
  for (const v of variables) {
    const root = v.label.split('.')[0]!
    if (!roots.has(root) || root === v.label) roots.set(root, { ...v, label: root, type: 'variable' })
  }
  const properties = (path: readonly string[]) => {
    const prefix = `${path.join('.')}.`
    const steps = new Map<string, Completion>()
    for (const v of variables) {
      if (!v.label.startsWith(prefix)) continue
      const step = v.label.slice(prefix.length).split('.')[0]!
      if (!steps.has(step) || v.label === prefix + step) steps.set(step, { ...v, label: step, type: 'property' })
    }
    return [...steps.values()].map((c) => ({ ...c, apply: c.label }))
  }
  return [
    liquid({
      ...(language.html && { base: html({ extraTags: Object.fromEntries(elements.map((e) => [e, {}])) }) }),
      variables: [...roots.values()].map((c) => ({ ...c, apply: c.label })),
      filters: filters.map(completion('function')),
      tags: tags.map(completion('keyword')),
      properties,
    }),
    closePercentBrace,
    autocompletion({ icons: false }),
  ]
}

function yamlOffers(context: CompletionContext, { keys, values }: Extract<CodeLanguage, { name: 'yaml' }>) {
  const before = context.state.doc
    .lineAt(context.pos)
    .text.slice(0, context.pos - context.state.doc.lineAt(context.pos).from)
  const value = /(?:^|[\s{,-])([a-z_]+):\s+["']?([^"'{}[\],]*)$/.exec(before)
  if (value) {
    const offers = values[value[1]!]
    return offers ? { from: context.pos - value[2]!.length, options: offers.map(completion('constant')) } : null
  }
  const key = /(?:^|[{,])\s*(?:- )?([a-z_]*)$/.exec(before)
  if (!key || (!key[1] && !context.explicit)) return null
  return { from: context.pos - key[1]!.length, options: keys.map(completion('property')) }
}
