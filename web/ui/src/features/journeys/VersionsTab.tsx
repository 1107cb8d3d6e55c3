import { Alert, Anchor, Badge, Button, Group, Modal, Stack, Table, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { $api, client, refresh, type Schemas } from '~/api/client'
import { explain } from '~/api/problem'
import { useMay } from '~/app/session'
import { Explained } from '~/components/Figure'
import { Loaded } from '~/components/states'
import { Time } from '~/components/Time'
import { useWords } from '~/i18n'
import { common } from '~/i18n/common'
import { useFormat } from '~/i18n/format'

import { underWay } from './figures'
import { words } from './words'

interface Props {
  journey: Schemas['JourneyDetail']
  figures: Schemas['JourneyFigures']
}

export function VersionsTab({ journey, figures }: Props) {
  const t = useWords(words)
  const f = useFormat()
  const may = useMay('marketer')
  const [moving, setMoving] = useState(false)
  const { live_version: live, counts } = figures
  const away = (version: number) => {
    const c = counts.versions[version]
    return c ? underWay(c) + c.pending : 0
  }
  const behind = Object.keys(counts.versions)
    .map(Number)
    .filter((v) => live !== null && v !== live)
    .reduce((sum, v) => sum + away(v), 0)
  return (
    <Stack gap="sm">
      {behind > 0 && figures.status !== 'archived' && (
        <Alert color="blue">
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t('versions.behind', { count: behind })}</Text>
            {may && (
              <Button size="xs" variant="default" onClick={() => setMoving(true)}>
                {t('versions.move')}
              </Button>
            )}
          </Group>
        </Alert>
      )}
      <Table.ScrollContainer minWidth={620} type="native">
        <Table aria-label={t('versions.table')} withTableBorder>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('versions.version')}</Table.Th>
              <Table.Th>{t('versions.saved')}</Table.Th>
              <Table.Th>{t('versions.published')}</Table.Th>
              <Table.Th ta="right">
                <Explained formula={t('versions.underwayFormula')}>{t('versions.underway')}</Explained>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(journey.versions ?? []).map((v) => (
              <Table.Tr key={v.version}>
                <Table.Td>
                  <Group gap="xs">
                    {f.number(v.version)}
                    {v.version === live && <Badge color="teal">{t('versions.live')}</Badge>}
                    {!v.published_at && <Badge color="gray">{t('versions.draft')}</Badge>}
                    {may && (
                      <Anchor
                        size="xs"
                        aria-label={t('versions.showOf', { version: v.version })}
                        renderRoot={(props) => (
                          <Link
                            to="/journeys/$id"
                            params={{ id: String(journey.id) }}
                            search={{ version: v.version }}
                            {...props}
                          />
                        )}
                      >
                        {t('versions.show')}
                      </Anchor>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td>
                  <Time at={v.created_at} /> {v.created_by && t('versions.by', { name: v.created_by })}
                </Table.Td>
                <Table.Td>
                  {v.published_at ? (
                    <>
                      <Time at={v.published_at} /> {v.published_by && t('versions.by', { name: v.published_by })}
                    </>
                  ) : (
                    '–'
                  )}
                </Table.Td>
                <Table.Td ta="right">{f.number(away(v.version))}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {moving && live !== null && <Migrate id={journey.id} live={live} onClose={() => setMoving(false)} />}
    </Stack>
  )
}

/** Shows who would move, and moves them. */
function Migrate({ id, live, onClose }: { id: number; live: number; onClose: () => void }) {
  const t = useWords(words)
  const c = useWords(common)
  const f = useFormat()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>()
  const trial = $api.useQuery(
    'post',
    '/api/v1/journeys/{id}/migrate',
    { params: { path: { id } }, body: { dry_run: true } },
    { staleTime: 0, gcTime: 0, refetchOnWindowFocus: false },
  )
  const move = async () => {
    setBusy(true)
    setProblem(undefined)
    try {
      const { data } = await client.POST('/api/v1/journeys/{id}/migrate', {
        params: { path: { id } },
        body: { dry_run: false },
      })
      await refresh('/api/v1/journeys')
      notifications.show({ message: t('migrate.done', { count: data!.moved }) })
      onClose()
    } catch (e) {
      setProblem(e)
      setBusy(false)
    }
  }
  return (
    <Modal
      opened
      size="xl"
      onClose={() => !busy && onClose()}
      title={t('migrate.title', { version: live })}
      closeButtonProps={{ 'aria-label': c('close') }}
    >
      <Stack gap="sm">
        <Text size="sm">{t('migrate.lead')}</Text>
        <Loaded query={trial}>
          {(m) => (
            <>
              <Table.ScrollContainer minWidth={560} type="native">
                <Table aria-label={t('migrate.table')} withTableBorder>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t('migrate.from')}</Table.Th>
                      <Table.Th>{t('migrate.step')}</Table.Th>
                      <Table.Th ta="right">{t('migrate.moved')}</Table.Th>
                      <Table.Th>{t('migrate.to')}</Table.Th>
                      <Table.Th ta="right">{t('migrate.stayed')}</Table.Th>
                      <Table.Th>{t('migrate.why')}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {(m.parts ?? []).map((p) => (
                      <Table.Tr key={`${p.version} ${p.step}`}>
                        <Table.Td>{f.number(p.version)}</Table.Td>
                        <Table.Td>{p.step || t('enrolments.before')}</Table.Td>
                        <Table.Td ta="right">{f.number(p.moved)}</Table.Td>
                        <Table.Td>{p.moved > 0 ? t('migrate.toVersion', { version: m.live_version }) : '–'}</Table.Td>
                        <Table.Td ta="right">{f.number(p.stayed)}</Table.Td>
                        <Table.Td lang="en">{p.why ?? ''}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              <Text size="sm" c="dimmed">
                {t(m.moved > 0 ? 'migrate.waits' : 'migrate.nobody')}
              </Text>
              {problem !== undefined && (
                <Alert color="red" role="alert">
                  {explain(problem)}
                </Alert>
              )}
              <Group justify="flex-end" gap="xs">
                <Button variant="default" onClick={onClose} disabled={busy}>
                  {c('cancel')}
                </Button>
                <Button loading={busy} disabled={m.moved === 0} onClick={() => void move()}>
                  {t('migrate.confirm', { count: m.moved })}
                </Button>
              </Group>
            </>
          )}
        </Loaded>
      </Stack>
    </Modal>
  )
}
