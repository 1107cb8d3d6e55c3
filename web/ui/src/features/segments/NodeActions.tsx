import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconCopy, IconX } from '@tabler/icons-react'
import { getPathOfID, type QueryActions, type Schema } from 'react-querybuilder'

import { useWords } from '~/i18n'

import { placeOf, useBuilder } from './builder'
import classes from './RuleBuilder.module.css'
import { isTree, type Leaf, type Tree } from './rule'
import { words } from './words'

interface Props {
  node: Leaf | Tree
  path: number[]
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the library's own
  schema: Schema<any, any>
  actions: QueryActions
  shiftUpDisabled?: boolean
  shiftDownDisabled?: boolean
  label: string
}

/** Move, duplicate, remove: by button, so by keyboard as well. */
export function NodeActions({ node, path, schema, actions, shiftUpDisabled, shiftDownDisabled, label }: Props) {
  const t = useWords(words)
  const { announce, focus } = useBuilder()
  const move = (to: 'up' | 'down') => {
    actions.moveRule(path, to)
    const at = node.id ? getPathOfID(node.id, schema.getQuery()) : null
    announce(t('builder.said.moved', { at: placeOf(at ?? path) }))
    focus(node.id, to, to === 'up' ? 'down' : 'up')
  }
  const clone = () => {
    actions.moveRule(path, [...path.slice(0, -1), path.at(-1)! + 1], true)
    announce(t('builder.said.cloned'))
  }
  const remove = () => {
    const parent = parentOf(schema.getQuery() as Tree, path)
    if (isTree(node)) actions.onGroupRemove(path)
    else actions.onRuleRemove(path)
    announce(t('builder.said.removed'))
    focus(parent.id, 'add')
  }
  const acts = [
    { act: 'up', icon: IconArrowUp, run: () => move('up'), off: shiftUpDisabled },
    { act: 'down', icon: IconArrowDown, run: () => move('down'), off: shiftDownDisabled },
    { act: 'clone', icon: IconCopy, run: clone, off: false },
    { act: 'remove', icon: IconX, run: remove, off: false },
  ] as const
  return (
    <div className={classes.actions}>
      {acts.map(({ act, icon: Icon, run, off }) => (
        <Tooltip key={act} label={t(`builder.${act}`)}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`${t(`builder.${act}`)}: ${label}`}
            disabled={off}
            data-for={node.id}
            data-act={act}
            onClick={run}
          >
            <Icon size={16} />
          </ActionIcon>
        </Tooltip>
      ))}
    </div>
  )
}

function parentOf(tree: Tree, path: number[]): Tree {
  return path.slice(0, -1).reduce<Tree>((at, i) => at.rules[i] as Tree, tree)
}
