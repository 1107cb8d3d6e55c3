import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { queryClient } from '~/api/client'
import { rootRoute, shellRoute } from '~/app/root'
import { sessionQuery } from '~/app/session'

import { innerPath } from './next'

/** Sign-in and set-up are for who is not signed in. */
const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { next?: string } => {
    const next = innerPath(search.next)
    return { next: next === '/' ? undefined : next } // in place of what was there, which would stay otherwise
  },
  beforeLoad: async ({ search }) => {
    const session = await queryClient.ensureQueryData(sessionQuery)
    if (session.setup_required) throw redirect({ to: '/set-up' })
    if (session.user) throw redirect({ href: `/app${innerPath(search.next)}` })
  },
  component: lazyRouteComponent(() => import('./SignInPage'), 'SignInPage'),
})

const setUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/set-up',
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(sessionQuery)
    if (session.user) throw redirect({ to: '/' })
  },
  component: lazyRouteComponent(() => import('./SetUpPage'), 'SetUpPage'),
})

const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./InvitationPage'), 'InvitationPage'),
})

export const signInRoutes = [signInRoute, setUpRoute, invitationRoute] as const

export const userRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/profile',
    component: lazyRouteComponent(() => import('./ProfilePage'), 'ProfilePage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/settings/users',
    component: lazyRouteComponent(() => import('./UsersPage'), 'UsersPage'),
    staticData: { roles: [] },
  }),
] as const
