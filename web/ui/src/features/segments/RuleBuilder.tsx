import { VisuallyHidden } from '@mantine/core'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { QueryBuilder, type RuleGroupType } from 'react-querybuilder'

import { $api, type Schemas } from '~/api/client'
import { Loaded, Loading } from '~/components/states'

import { BuilderContext, type Builder } from './builder'
import { ConditionRow } from './ConditionRow'
import { GroupBox } from './GroupBox'
import { gapsOf, isTree, ruleOf, treeOf, type Leaf, type Tree } from './rule'

export interface RuleState {
  /** As the API takes it. */
  rule: unknown
  /** Nothing is left to fill in; the server may still refuse it. */
  complete: boolean
}

interface Props {
  /** The rule to begin with; another one needs another key. */
  initial: unknown
  /** Also told once at the beginning. */
  onChange: (state: RuleState) => void
  /** What the server said, by location: "rule.rules[1].value". */
  errors?: Record<string, string>
  /** Marks what is not filled in. */
  strict?: boolean
  /** Of a rule of a journey: what triggers it. */
  scope?: 'contact' | 'order' | 'event'
}

/** Edits a rule (docs/rules.md). It is a lot of code: use it behind a lazy route or lazy(). */
export function RuleBuilder(props: Props) {
  const { scope } = props
  const known = $api.useQuery(
    'get',
    '/api/v1/segments/fields',
    { params: { query: scope ? { scope } : {} } },
    { staleTime: 5 * 60_000 },
  )
  return (
    <Loaded query={known} loading={<Loading lines={4} />}>
      {(data) => <Editor {...props} known={data} />}
    </Loaded>
  )
}

const controlElements = { rule: ConditionRow, ruleGroup: GroupBox }
const noErrors = {}

function Editor({
  initial,
  onChange,
  errors = noErrors,
  strict = false,
  scope,
  known,
}: Props & { known: Schemas['SegmentFieldList'] }) {
  const box = useRef<HTMLDivElement>(null)
  const [start] = useState(() => treeOf(initial))
  const [tree, setTree] = useState<Tree>(start)
  const [said, announce] = useState('')

  const gaps = useMemo(() => gapsOf(tree, known.fields ?? []), [tree, known.fields])
  const complete = Object.keys(gaps).length === 0
  const tell = useRef(onChange)
  useEffect(() => {
    tell.current = onChange
  })
  useEffect(() => tell.current({ rule: ruleOf(tree), complete }), [tree, complete])

  const focus = useCallback<Builder['focus']>((id, ...acts) => {
    requestAnimationFrame(() => {
      for (const act of acts) {
        const button = box.current?.querySelector<HTMLButtonElement>(`[data-for="${id}"][data-act="${act}"]`)
        if (!button || button.disabled) continue
        button.focus()
        return
      }
    })
  }, [])
  const only = tree.rules[0] as Leaf | Tree | undefined
  const bare = !!tree.bare && tree.rules.length === 1 && !isTree(only!) && tree.combinator === 'and' && !tree.not
  const builder = useMemo<Builder>(
    () => ({
      known,
      inJourney: scope !== undefined,
      errors,
      gaps: strict ? gaps : {},
      bare,
      announce,
      focus,
    }),
    [known, scope, errors, gaps, strict, bare, focus],
  )
  return (
    <BuilderContext value={builder}>
      <div ref={box}>
        <QueryBuilder
          defaultQuery={start as RuleGroupType}
          onQueryChange={(query) => setTree(query as Tree)}
          controlElements={controlElements as never}
          autoSelectField={false}
          autoSelectOperator={false}
          controlClassnames={{ queryBuilder: '' }}
          enableDragAndDrop={false}
        />
        <VisuallyHidden role="status" aria-live="polite">
          {said}
        </VisuallyHidden>
      </div>
    </BuilderContext>
  )
}
