import { Text } from '@mantine/core'

import { useWords } from '~/i18n'
import { useFormat } from '~/i18n/format'

import { fieldLabel } from './fields'
import classes from './imports.module.css'
import { cellProblems, missing, problems, rowProblems, shown, type Preview, type Row, type Shown } from './mapping'
import { reasonWords, rowReason } from './reasons'
import type { Kind } from './search'
import { words } from './words'

/** The first rows of a file as they would be stored, with what is wrong where it is wrong. */
export function PreviewTable({ kind, preview, busy }: { kind: Kind; preview: Preview; busy: boolean }) {
  const t = useWords(words)
  const rows = preview.rows ?? []
  const columns = preview.columns ?? []
  const all = shown(preview, kind)
  const settled = missing(preview, kind).length === 0 && problems(preview).length === 0
  return (
    <div className={classes.preview} aria-busy={busy}>
      <h3 className={classes.subheading}>{t('preview.title')}</h3>
      <Verdict rows={rows} settled={settled} busy={busy} />
      {rows.length > 0 && (
        <div
          className={classes.scroll}
          data-busy={busy || undefined}
          role="region"
          aria-label={t('preview.title')}
          // It scrolls, also by keyboard.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
        >
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">{t('preview.line')}</th>
                {all.map((s) => (
                  <th key={s.key} scope="col">
                    {fieldLabel(t, kind, s.key)}
                    <span className={classes.from}>
                      {s.cell < 0 ? t('preview.added') : t('preview.from', { title: columns[s.cell]!.title })}
                    </span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <PreviewRow key={row.line} kind={kind} row={row} all={all} preview={preview} settled={settled} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {kind === 'orders' && rows.length > 0 && (
        <Text size="xs" c="dimmed" mt={6}>
          {t('preview.orders')}
        </Text>
      )}
    </div>
  )
}

function Verdict({ rows, settled, busy }: { rows: Row[]; settled: boolean; busy: boolean }) {
  const t = useWords(words)
  const f = useFormat()
  const bad = rows.filter((r) => r.problems?.length).length
  const text = busy
    ? t('preview.updating')
    : rows.length === 0
      ? t('preview.none')
      : !settled
        ? t('preview.notYet')
        : bad === 0
          ? t('preview.good', { count: rows.length })
          : bad === rows.length
            ? t('preview.allBad', { rows: f.number(rows.length) })
            : t('preview.bad', { rows: f.number(rows.length), bad: f.number(bad) })
  return (
    <Text size="sm" c="dimmed" mb={6} aria-live="polite">
      {text}
    </Text>
  )
}

interface RowProps {
  kind: Kind
  row: Row
  all: Shown[]
  preview: Preview
  /** Where it is not, values are not known yet: cells are shown as they are. */
  settled: boolean
}

function PreviewRow({ kind, row, all, preview, settled }: RowProps) {
  const t = useWords(words)
  const r = useWords(reasonWords)
  const columns = preview.columns ?? []
  const bad = (row.problems?.length ?? 0) > 0
  const cells = row.cells ?? []
  const fits = !row.raw && cells.length > 0
  const rest = rowProblems(row, all, columns)
  return (
    <>
      <tr data-bad={bad || undefined}>
        <th scope="row">{row.line}</th>
        {fits ? (
          all.map((s) => {
            const wrong = cellProblems(row, s, columns)
            const cell = cells[s.cell]?.trim() ?? ''
            const value = bad || !settled ? cell : (row.values[s.key] ?? '')
            return (
              <td key={s.key} data-wrong={wrong.length > 0 || undefined} data-added={s.cell < 0 || undefined}>
                <span
                  className={classes.value}
                  title={value !== cell && cell ? t('preview.stands', { cell }) : undefined}
                >
                  {value || (wrong.length === 0 && <span className={classes.nothing}>–</span>)}
                </span>
                {wrong.map((p) => (
                  <span key={p.message} className={classes.wrong}>
                    {rowReason(r, p.message)}
                  </span>
                ))}
              </td>
            )
          })
        ) : (
          <td colSpan={Math.max(all.length, 1)} data-wrong>
            <span className={classes.wrong}>{t('preview.noCells')}</span>
            <code className={classes.raw}>{row.raw ?? ''}</code>
          </td>
        )}
      </tr>
      {rest.length > 0 && (
        <tr data-bad>
          <td />
          <td colSpan={Math.max(all.length, 1)} data-wrong>
            {rest.map((p) => (
              <span key={p.message} className={classes.wrong}>
                {p.field ? `${fieldLabel(t, kind, p.field)}: ` : ''}
                {rowReason(r, p.message)}
              </span>
            ))}
          </td>
        </tr>
      )}
    </>
  )
}
