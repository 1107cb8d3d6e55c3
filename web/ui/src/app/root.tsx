/**
 * The two frames that pages are in: bare (sign-in, set-up) and the shell, for which
 * somebody has to be signed in. Features hang their routes below one of these:
 *
 *     createRoute({ getParentRoute: () => shellRoute, path: '/campaigns',
 *       component: lazyRouteComponent(() => import('./CampaignsPage'), 'CampaignsPage'),
 *       staticData: { roles: ['marketer'] } })
 */
import { createRootRoute, createRoute, Outlet, redirect } from '@tanstack/react-router'

import { queryClient } from '~/api/client'

import { Broken, NotFound } from './errors'
import { sessionQuery, type Role } from './session'
import { Shell } from './Shell'

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** Whom the page is for, besides owners; left out: everybody who is signed in. The server checks as well. */
    roles?: Role[]
  }
}

/** Outside of the shell, which has a main part already. */
function Nowhere() {
  return (
    <main>
      <NotFound />
    </main>
  )
}

export const rootRoute = createRootRoute({ component: Outlet, notFoundComponent: Nowhere, errorComponent: Broken })

export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  component: Shell,
  errorComponent: Broken,
  notFoundComponent: NotFound,
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery)
    if (session.setup_required) throw redirect({ to: '/set-up' as never })
    if (!session.user) throw redirect({ to: '/sign-in' as never, search: { next: location.href } as never })
  },
})
