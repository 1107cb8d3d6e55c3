/** Who is signed in. */
import { queryOptions, useQuery } from '@tanstack/react-query'

import { client, queryClient } from '~/api/client'
import { preferredLanguage, setLanguage, type Language } from '~/i18n'

export type Role = 'owner' | 'marketer' | 'ops'

interface Answer {
  setup_required: boolean
  user: { email: string; name: string; role: Role; language: string; timezone: string } | null
}
const session = client as unknown as {
  GET: (path: string, init?: object) => Promise<{ data: Answer }>
  DELETE: (path: string) => Promise<unknown>
}

export const sessionQuery = queryOptions({
  queryKey: ['get', '/api/v1/session'],
  queryFn: async ({ signal }) => {
    const { data } = await session.GET('/api/v1/session', { signal })
    setLanguage((data.user?.language as Language) || preferredLanguage())
    return data
  },
  staleTime: 60_000,
})

/** The person who is signed in; undefined: nobody. */
export function useUser() {
  return useQuery(sessionQuery).data?.user ?? undefined
}

/** Whether the role of who is signed in is one of these. An owner may do anything. */
export function useMay(...roles: Role[]): boolean {
  const role = useUser()?.role as Role | undefined
  return role === 'owner' || (role !== undefined && roles.includes(role))
}

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The zone in which times are shown: the person's own, else the browser's. */
export function useTimezone(): string {
  return useUser()?.timezone || browserZone
}

/** Ends the session here; everything that was read is forgotten. */
export async function signOut() {
  await session.DELETE('/api/v1/session')
  queryClient.clear()
  window.location.assign('/app/sign-in')
}
