/** Who is signed in. */
import { queryOptions, useQuery } from '@tanstack/react-query'

import { client, queryClient, type Schemas } from '~/api/client'
import { preferredLanguage, setLanguage, type Language } from '~/i18n'

export type Role = 'owner' | 'marketer' | 'ops'

type Session = Omit<Schemas['Session'], 'user'> & { user: Schemas['User'] | null }

export const sessionQuery = queryOptions({
  queryKey: ['get', '/api/v1/session'],
  queryFn: async ({ signal }) => {
    const { data } = await client.GET('/api/v1/session', { signal })
    const session = data as Session
    setLanguage((session.user?.language as Language) || preferredLanguage())
    return session
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
  await client.DELETE('/api/v1/session')
  queryClient.clear()
  window.location.assign('/app/sign-in')
}
