import { Button, Checkbox, Group, SegmentedControl, Text, Tooltip } from '@mantine/core'
import { IconFolderPlus, IconPlus } from '@tabler/icons-react'
import type { RuleGroupProps } from 'react-querybuilder'

import { useWords } from '~/i18n'

import { placeOf, useBuilder } from './builder'
import { ServerErrors } from './ConditionRow'
import { NodeActions } from './NodeActions'
import classes from './RuleBuilder.module.css'
import { emptyLeaf, errorsAt, isTree, type Leaf, type Tree } from './rule'
import { words } from './words'

/** Conditions and groups of which all, or any, must hold. */
export function GroupBox(props: RuleGroupProps) {
  const t = useWords(words)
  const { errors, gaps, bare, announce } = useBuilder()
  const { path, schema, actions } = props
  const tree = props.ruleGroup as Tree
  const root = path.length === 0
  const label = root ? t('builder.label') : t('builder.groupAt', { at: placeOf(path) })
  const gap = gaps[path.join('.')]
  const { rule: Row, ruleGroup: Box } = schema.controls
  const last = tree.rules.length - 1

  return (
    <div className={classes.group} role="group" aria-label={label}>
      <div className={classes.head}>
        <Group gap={8}>
          <Text size="sm">{t('builder.groupIs')}</Text>
          <SegmentedControl
            size="xs"
            aria-label={`${label}: ${t('builder.groupIs')}`}
            value={tree.combinator}
            onChange={(v) => actions.onPropChange('combinator', v, path)}
            data={[
              { value: 'and', label: t('builder.all') },
              { value: 'or', label: t('builder.any') },
            ]}
          />
          <Tooltip label={t('builder.notHint')}>
            <Checkbox
              size="xs"
              label={t('builder.not')}
              checked={tree.not ?? false}
              onChange={(e) => actions.onPropChange('not', e.currentTarget.checked, path)}
            />
          </Tooltip>
        </Group>
        {!root && (
          <Group ml="auto">
            <NodeActions {...props} node={tree} label={label} />
          </Group>
        )}
      </div>
      {tree.rules.length > 0 ? (
        <ul className={classes.rules}>
          {tree.rules.map((node, i) => {
            const at = [...path, i]
            const shared = {
              id: node.id,
              path: at,
              schema,
              actions,
              translations: props.translations,
              context: props.context,
              shiftUpDisabled: root && i === 0,
              shiftDownDisabled: root && i === last,
            }
            return (
              <li key={node.id ?? i}>
                {i > 0 && (
                  <div className={classes.word} aria-hidden>
                    {t(tree.combinator === 'or' ? 'builder.or' : 'builder.and')}
                  </div>
                )}
                {isTree(node as Leaf | Tree) ? (
                  <Box {...shared} ruleGroup={node as never} />
                ) : (
                  <Row {...shared} rule={node as never} />
                )}
              </li>
            )
          })}
        </ul>
      ) : (
        <Text size="sm" c={gap ? 'var(--mantine-color-error)' : 'dimmed'} my="xs">
          {!root || tree.combinator !== 'and' || tree.not ? t('builder.gaps.group') : t('builder.everyone')}
        </Text>
      )}
      <ServerErrors found={errorsAt(errors, path, { group: true, bare })} />
      <Group gap="xs" mt={4}>
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<IconPlus size={14} aria-hidden />}
          data-for={tree.id}
          data-act="add"
          onClick={() => {
            actions.onRuleAdd(emptyLeaf(), path)
            announce(t('builder.said.added'))
          }}
        >
          {t('builder.addCondition')}
        </Button>
        {path.length < 9 && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconFolderPlus size={14} aria-hidden />}
            onClick={() => {
              actions.onGroupAdd({ combinator: 'or', rules: [emptyLeaf()] }, path)
              announce(t('builder.said.addedGroup'))
            }}
          >
            {t('builder.addGroup')}
          </Button>
        )}
      </Group>
    </div>
  )
}
