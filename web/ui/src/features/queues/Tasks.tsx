import { ActionIcon, Button, Code, Group, SegmentedControl, Select, Text, Tooltip, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconPlayerPlay, IconSkull, IconTrash } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect } from 'react'

import { client, refresh, type Schemas } from '~/api/client'
import { useList } from '~/api/list'
import { notifyProblem, Problem } from '~/api/problem'
import { useConfirm } from '~/components/confirm-context'
import { Empty } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { Away, Listed, Part, type Column } from './parts'
import classes from './Queues.module.css'
import { about, queueNames, type Overview, type QueueName, type TaskState } from './show'
import { firstWithTrouble } from './trouble'
import { words } from './words'

type Task = Schemas['QueueTask']

const states: TaskState[] = ['retry', 'archived', 'pending', 'active']
const route = getRouteApi('/shell/queues')
const path = '/api/v1/queues/{queue}/tasks'
const again = () => refresh(path)

export function Tasks({ o }: { o: Overview }) {
  const t = useWords(words)
  const f = useFormat()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const queues = o.queues ?? []
  const trouble = firstWithTrouble(queues)
  const queue = search.queue ?? trouble.queue
  const state = search.state ?? (search.queue ? 'retry' : trouble.state)
  const counts = queues.find((q) => q.name === queue)
  const choose = (next: { queue?: QueueName; state?: TaskState }) =>
    void navigate({ search: (s) => ({ ...s, queue, state, ...next }), replace: true })
  return (
    <Part
      id="tasks"
      title={t('tasks.title')}
      lead={t('tasks.lead')}
      actions={
        <Group gap="xs">
          <Select
            size="xs"
            aria-label={t('queues.queue')}
            value={queue}
            data={queueNames.map((value) => ({ value, label: t(`names.${value}`) }))}
            onChange={(value) => choose({ queue: value as QueueName })}
          />
          <SegmentedControl
            size="xs"
            aria-label={t('tasks.state')}
            value={state}
            onChange={(v) => choose({ state: v as TaskState })}
            data={states.map((value) => ({
              value,
              label: `${t(`tasks.states.${value}`)}${counts && o.redis === 'ok' ? ` ${f.compact(counts[value])}` : ''}`,
            }))}
          />
        </Group>
      }
    >
      {o.redis === 'ok' ? <TaskList queue={queue} state={state} count={counts?.[state] ?? 0} /> : <Away />}
    </Part>
  )
}

function TaskList({ queue, state, count }: { queue: QueueName; state: TaskState; count: number }) {
  const t = useWords(words)
  const say = useWords(common)
  const confirm = useConfirm()
  const list = useList(path, { path: { queue }, query: { state } })
  const name = t(`names.${queue}`)
  // What the figures say has changed, so has the list.
  useEffect(() => {
    void again()
  }, [count, queue, state])

  const stuck = state === 'retry' || state === 'archived'
  const done = (message: string) => notifications.show({ color: 'teal', message })
  const run = async (task: Task) => {
    try {
      await client.POST('/api/v1/queues/{queue}/tasks/{task}/run', { params: { path: { queue, task: task.id } } })
      done(t('tasks.ran', { count: 1 }))
    } catch (e) {
      if (!(e instanceof Problem && (e.status === 404 || e.status === 409))) notifyProblem(e) // it went on by itself
    }
    await again()
  }
  const remove = (task: Task) =>
    confirm({
      title: t('tasks.deleteTitle', { count: 1, queue: name }),
      children: (
        <Text size="sm">
          <Code>{task.id}</Code> ({about(task)}). {t('tasks.deleteText')}
        </Text>
      ),
      confirm: t('tasks.deleteAll', { count: 1 }),
      danger: true,
      action: async () => {
        try {
          await client.DELETE('/api/v1/queues/{queue}/tasks/{task}', { params: { path: { queue, task: task.id } } })
        } catch (e) {
          if (!(e instanceof Problem && e.status === 404)) throw e
        }
        await again()
      },
    })
  const body = { state: state as 'retry' | 'archived' }
  const runAll = () =>
    confirm({
      title: t('tasks.runTitle', { count, queue: name }),
      children: (
        <Text size="sm">
          {t('tasks.runText')} {state === 'archived' && t('tasks.runDead')}
        </Text>
      ),
      confirm: t('tasks.runAll', { count }),
      action: async () => {
        const { data } = await client.POST('/api/v1/queues/{queue}/tasks/run', { params: { path: { queue } }, body })
        done(t('tasks.ran', { count: data!.tasks }))
        await again()
      },
    })
  const deleteAll = () =>
    confirm({
      title: t('tasks.deleteTitle', { count, queue: name }),
      children: <Text size="sm">{t('tasks.deleteText')}</Text>,
      confirm: t('tasks.deleteAll', { count }),
      danger: true,
      action: async () => {
        const { data } = await client.POST('/api/v1/queues/{queue}/tasks/delete', { params: { path: { queue } }, body })
        done(t('tasks.deleted', { count: data!.tasks }))
        await again()
      },
    })
  const columns: Column<Task>[] = [
    {
      key: 'type',
      title: t('tasks.task'),
      render: (task) => (
        <>
          <Text size="sm" fw={500}>
            {task.type}
          </Text>
          <Text size="xs" c="dimmed" className={classes.wrap}>
            {task.id}
          </Text>
        </>
      ),
    },
    { key: 'row', title: t('tasks.about'), render: (task) => about(task) },
  ]
  if (stuck)
    columns.push(
      {
        key: 'retried',
        title: t('tasks.retried'),
        render: (task) => t('tasks.of', { n: task.retried, most: task.max_retry }),
      },
      {
        key: 'last_error',
        title: t('tasks.error'),
        wide: true,
        width: 260,
        render: (task) => (
          <Text size="sm" className={classes.wrap}>
            {task.last_error || '–'}
          </Text>
        ),
      },
      {
        key: 'next_at',
        title: state === 'retry' ? t('tasks.next') : t('tasks.failedAt'),
        render: (task) => <Time at={state === 'retry' ? task.next_at : task.last_failed_at} relative />,
      },
      {
        key: 'actions',
        title: <VisuallyHidden>{say('actions')}</VisuallyHidden>,
        number: true,
        width: 84,
        render: (task) => (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            <Tooltip label={t('tasks.run')}>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={t('tasks.runOf', { id: task.id })}
                onClick={() => void run(task)}
              >
                <IconPlayerPlay size={16} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label={say('delete')}>
              <ActionIcon
                variant="subtle"
                color="red"
                aria-label={t('tasks.deleteOf', { id: task.id })}
                onClick={() => void remove(task)}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Tooltip>
          </Group>
        ),
      },
    )
  return (
    <>
      {stuck && count > 0 && (
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => void runAll()}>
            {t('tasks.runAll', { count })}
          </Button>
          <Button size="xs" variant="light" color="red" onClick={() => void deleteAll()}>
            {t('tasks.deleteAll', { count })}
          </Button>
        </Group>
      )}
      <Listed<Task>
        label={t('tasks.label', { queue: name })}
        list={list}
        id={(task) => task.id}
        minWidth={stuck ? 820 : 480}
        empty={
          <Empty icon={state === 'archived' ? IconSkull : undefined} title={t(`tasks.empty.${state}`, { queue: name })}>
            {t(`tasks.emptyText.${state}`)}
          </Empty>
        }
        columns={columns}
      />
    </>
  )
}
