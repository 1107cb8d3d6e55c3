/** Who is signed in. */
import { queryOptions, useQuery } from '@tanstack/react-query'

import { client, queryClient, type Schemas } from '~/api/client'
import { preferredLanguage, setLanguage, type Language } from '~/i18n'

export type Role = 'owner' | 'marketer' | 'ops'

export const sessionQuery = queryOptions({
  queryKey: ['get', '/api/v1/session'],
  queryFn: async ({ signal }) => {
    const { data } = await client.GET('/api/v1/session', { signal })
    setLanguage((data!.user?.language as Language) || preferredLanguage())
    return data!
  },
  staleTime: 60_000,
})

/** Notes who is signed in from now on: what came before was somebody else's, or nobody's. */
export function signedInAs(session: Schemas['Session']) {
  queryClient.clear()
  queryClient.setQueryData(sessionQuery.queryKey, session)
  setLanguage((session.user?.language as Language) || preferredLanguage())
}

/** Changes the language, also of who is signed in. */
export async function chooseLanguage(language: Language) {
  setLanguage(language)
  const user = queryClient.getQueryData(sessionQuery.queryKey)?.user
  if (!user) return
  const body = { name: user.name, timezone: user.timezone, language }
  const { data } = await client.PUT('/api/v1/session/profile', { body })
  queryClient.setQueryData(sessionQuery.queryKey, data)
}

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
  leave()
}

/** Goes to the sign-in and forgets everything. */
export function leave() {
  queryClient.clear()
  window.location.assign('/app/sign-in')
}
