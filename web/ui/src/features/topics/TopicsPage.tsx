import { Anchor, Group, Text } from '@mantine/core'
import { IconTags } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'

import { $api, type Schemas } from '~/api/client'
import type { ListQuery } from '~/api/list'
import { Explained } from '~/components/Figure'
import { List } from '~/components/List'
import { Page } from '~/components/Page'
import { Empty } from '~/components/states'
import { ImportButton } from '~/features/imports/ImportButton'
import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { consentStates, type ConsentState } from './consent'
import { words } from './words'

type Topic = Schemas['ContactTopicCount']

export function TopicsPage() {
  const t = useWords(words)
  const f = useFormat()
  const query = $api.useQuery('get', '/api/v1/topics')
  // All topics come at once: a list of one page.
  const list = { ...query, items: query.data?.items ?? [], hasNextPage: false, isFetchingNextPage: false }
  return (
    <Page title={t('title')} lead={t('lead')}>
      <List<Topic>
        label={t('title')}
        list={list as unknown as ListQuery<Topic>}
        id={(row) => row.topic}
        minWidth={720}
        empty={
          <Empty icon={IconTags} title={t('empty')} action={<ImportButton kind="contacts">{t('import')}</ImportButton>}>
            {t('emptyText')}
          </Empty>
        }
        columns={[
          {
            accessor: 'topic',
            title: t('topic'),
            render: (row) => (
              <Text size="sm" fw={500}>
                {row.topic}
              </Text>
            ),
          },
          ...consentStates.map((state) => ({
            accessor: state,
            title: t(`states.${state}`),
            textAlign: 'right' as const,
            render: (row: Topic) => <Count topic={row} state={state} />,
          })),
          {
            accessor: 'reachable',
            title: t('reachable'),
            textAlign: 'right',
            render: (row) => <Explained formula={t('reachableFormula')}>{f.number(row.reachable)}</Explained>,
          },
          { accessor: 'uses', title: t('uses'), render: (row) => <Uses topic={row} /> },
        ]}
      />
    </Page>
  )
}

/** Leads to the contacts that said so. */
function Count({ topic, state }: { topic: Topic; state: ConsentState }) {
  const t = useWords(words)
  const f = useFormat()
  const n = topic[state]
  if (!n) return '0'
  return (
    <Anchor
      component={Link}
      to={'/contacts' as string}
      search={{ topic: topic.topic, consent: state } as never}
      size="sm"
      aria-label={t('show', { n: f.number(n), state: t(`states.${state}`), topic: topic.topic })}
    >
      {f.number(n)}
    </Anchor>
  )
}

function Uses({ topic }: { topic: Topic }) {
  const t = useWords(words)
  if (!topic.campaigns && !topic.journeys)
    return (
      <Text size="sm" c="dimmed">
        {t('unused')}
      </Text>
    )
  return (
    <Group gap="sm">
      {topic.campaigns > 0 && (
        <Explained formula={t('campaignsFormula')}>{t('campaigns', { count: topic.campaigns })}</Explained>
      )}
      {topic.journeys > 0 && (
        <Explained formula={t('journeysFormula')}>{t('journeys', { count: topic.journeys })}</Explained>
      )}
    </Group>
  )
}
