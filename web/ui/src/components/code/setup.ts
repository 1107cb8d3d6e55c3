/** What every editor of ours has: how it looks, and what its keys do. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState, type Extension } from '@codemirror/state'
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'

import { styleNonce } from '~/app/nonce'
import i18next from 'i18next'

// At least 4.5:1 on every ground that a line can have.
const tones = {
  purple: 'light-dark(#7a2d9e, #e599f7)',
  blue: 'light-dark(#364fc7, #91a7ff)',
  cyan: 'light-dark(#0b6274, #66d9e8)',
  green: 'light-dark(#1e6b36, #8ce99a)',
  brown: 'light-dark(#95410a, #ffc078)',
  red: 'light-dark(#b02525, #ffa8a8)',
  gray: 'var(--mantine-color-dimmed)',
}

const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: tones.purple },
  { tag: [tags.tagName, tags.typeName], color: tones.blue },
  { tag: [tags.attributeName, tags.propertyName, tags.definition(tags.propertyName)], color: tones.cyan },
  { tag: [tags.string, tags.attributeValue, tags.special(tags.string)], color: tones.green },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: tones.brown },
  { tag: [tags.variableName, tags.labelName], color: tones.red },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: tones.gray },
  { tag: [tags.angleBracket, tags.bracket, tags.punctuation], color: tones.gray },
  { tag: tags.invalid, color: tones.red },
])

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', color: 'var(--mantine-color-text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--mantine-color-text)', padding: '6px 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.cm-gutters': {
    backgroundColor: 'light-dark(var(--mantine-color-gray-0), var(--mantine-color-dark-8))',
    color: 'var(--mantine-color-dimmed)',
    border: 'none',
  },
  '.cm-activeLine': { backgroundColor: 'light-dark(rgb(0 0 0 / 3%), rgb(255 255 255 / 4%))' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'light-dark(var(--mantine-color-indigo-1), var(--mantine-color-indigo-9))',
  },
  '.cm-selectionMatch': { backgroundColor: 'light-dark(var(--mantine-color-yellow-1), rgb(255 255 255 / 12%))' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: 'light-dark(var(--mantine-color-gray-2), var(--mantine-color-dark-4))',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--mantine-color-body)',
    border: '1px solid var(--mantine-color-default-border)',
    borderRadius: '6px',
    boxShadow: 'var(--mantine-shadow-md)',
    fontSize: '13px',
    maxWidth: 'min(480px, 90vw)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'light-dark(var(--mantine-color-indigo-1), var(--mantine-color-indigo-9))',
    color: 'light-dark(var(--mantine-color-black), var(--mantine-color-white))',
  },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '320px' },
  '.cm-completionDetail': { color: 'var(--mantine-color-dimmed)', fontStyle: 'normal' },
  // Its own marks are pictures in data: addresses, which the page's policy does not let in.
  '.cm-lintRange': { backgroundImage: 'none', textDecoration: 'underline wavy 1px', textUnderlineOffset: '3px' },
  '.cm-lintRange-error': { textDecorationColor: 'var(--mantine-color-red-6)' },
  '.cm-lintRange-warning': {
    textDecorationColor: 'light-dark(var(--mantine-color-orange-7), var(--mantine-color-yellow-5))',
  },
  '.cm-lintRange-active': { backgroundColor: 'light-dark(var(--mantine-color-yellow-1), rgb(255 255 255 / 10%))' },
  '.cm-gutter-lint': { width: '12px' },
  '.cm-gutter-lint .cm-gutterElement': { padding: '0' },
  '.cm-lint-marker': { width: '8px', height: '8px', borderRadius: '50%', margin: '6px 2px 0', content: '""' },
  '.cm-lint-marker-error': { content: '""', backgroundColor: 'var(--mantine-color-red-6)' },
  '.cm-lint-marker-warning': { content: '""', backgroundColor: 'var(--mantine-color-yellow-6)' },
  '.cm-lintPoint:after': { borderBottomColor: 'var(--mantine-color-red-6)' },
  '.cm-diagnostic': { padding: '6px 10px', whiteSpace: 'pre-wrap' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--mantine-color-red-6)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--mantine-color-yellow-6)' },
  '.cm-panels': {
    backgroundColor: 'light-dark(var(--mantine-color-gray-0), var(--mantine-color-dark-8))',
    color: 'var(--mantine-color-text)',
  },
  '.cm-textfield': { backgroundColor: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--mantine-color-default)' },
  '.cm-changedLine': { backgroundColor: 'light-dark(rgb(0 120 60 / 8%), rgb(0 220 120 / 12%)) !important' },
  '.cm-deletedChunk': { backgroundColor: 'light-dark(rgb(200 0 0 / 7%), rgb(255 80 80 / 14%)) !important' },
  '.cm-changedText, .cm-deletedText': { backgroundImage: 'none !important', textDecoration: 'none' },
  '&.cm-merge-b .cm-changedText': { backgroundColor: 'light-dark(rgb(0 150 70 / 22%), rgb(0 220 120 / 30%))' },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': {
    backgroundColor: 'light-dark(rgb(220 0 0 / 18%), rgb(255 80 80 / 30%))',
  },
})

/** Words of the editor's own, for screen readers and its search. */
const german = {
  'Control character': 'Steuerzeichen',
  'Selection deleted': 'Auswahl gelöscht',
  Find: 'Suchen',
  Replace: 'Ersetzen',
  next: 'weiter',
  previous: 'zurück',
  all: 'alle',
  'match case': 'Groß und klein',
  'by word': 'ganze Wörter',
  regexp: 'Regulärer Ausdruck',
  replace: 'ersetzen',
  'replace all': 'alle ersetzen',
  close: 'schließen',
  Completions: 'Vorschläge',
  Diagnostics: 'Hinweise',
  'No diagnostics': 'Keine Hinweise',
}

/**
 * Tab is not bound: it leaves the editor, as it leaves every other field. F8 goes to the next
 * mark, Ctrl-Space offers what can be written.
 */
export function setup(label: string, readOnly: boolean): Extension[] {
  return [
    EditorView.cspNonce.of(styleNonce()),
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    EditorState.readOnly.of(readOnly),
    EditorState.phrases.of(i18next.language === 'de' ? german : {}),
    EditorView.lineWrapping,
    lineNumbers(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    crosshairCursor(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    indentOnInput(),
    bracketMatching(),
    syntaxHighlighting(colors),
    look,
    keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap]),
  ]
}
