import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'

import { client } from '~/api/client'
import { Problem } from '~/api/problem'

import type { Mapping, Preview } from './mapping'
import { reasonWords } from './reasons'
import type { Kind } from './search'

/** Bytes of an upload; imports.MaxFile says the same. */
export const maxFile = 500 * 1024 * 1024

/** Rows that a preview shows. */
const rows = 20
/** How much of the file is sent for it: a little, and where its rows are long the megabyte that the server looks at. */
const heads = [256 * 1024, 1024 * 1024]

export interface Picked {
  file: File
  /** Of the files that were chosen here, by which answers about one are not taken for another's. */
  n: number
}

let files = 0

export const picked = (file: File): Picked => ({ file, n: ++files })

/**
 * What an import would make of the beginning of a file. While it is asked again, as the
 * mapping has changed, the answer before stays; an answer that is out of date is dropped.
 */
export function usePreview(of: Picked | undefined, kind: Kind, mapping: Mapping) {
  const wanted = JSON.stringify(mapping)
  const [asked] = useDebouncedValue(wanted, 150)
  const query = useQuery<Preview, unknown>({
    queryKey: ['import-preview', of?.n, kind, asked],
    queryFn: ({ signal }) => ask(of!.file, kind, JSON.parse(asked) as Mapping, signal),
    enabled: of !== undefined,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    placeholderData: (before, query) =>
      query?.queryKey[1] === of?.n && query?.queryKey[2] === kind ? before : undefined,
  })
  return { ...query, busy: of !== undefined && (query.isFetching || asked !== wanted) }
}

async function ask(file: File, kind: Kind, mapping: Mapping, signal: AbortSignal): Promise<Preview> {
  for (const size of heads) {
    const cut = file.size > size
    let data: Preview | undefined
    try {
      const answer = await client.POST('/api/v1/imports/preview', {
        params: { query: { kind, ...mapping, cut } },
        headers: { 'Content-Type': 'text/csv' },
        body: file.slice(0, size) as unknown as string,
        bodySerializer: (body: unknown) => body as Blob,
        signal,
      })
      data = answer.data
    } catch (error) {
      throw await why(error, file)
    }
    if (data && (!cut || (data.rows?.length ?? 0) >= rows || size === heads.at(-1))) return data
  }
  throw new Problem(0)
}

/** A file that was changed meanwhile looks like a connection that is lost. */
export async function why(error: unknown, file: File): Promise<unknown> {
  if (!(error instanceof Problem) || error.status !== 0) return error
  try {
    await file.slice(0, 1).arrayBuffer()
  } catch {
    return new Error(reasonWords.t('file.gone'))
  }
  return error
}
