/** All pages: each feature's routes.ts, in one tree. */
import { createRouter } from '@tanstack/react-router'

import { Loading } from '~/components/states'
import { campaignRoutes } from '~/features/campaigns/routes'
import { catalogRoutes } from '~/features/catalog/routes'
import { contactRoutes } from '~/features/contacts/routes'
import { homeRoutes } from '~/features/home/routes'
import { importRoutes } from '~/features/imports/routes'
import { journeyRoutes } from '~/features/journeys/routes'
import { queueRoutes } from '~/features/queues/routes'
import { segmentRoutes } from '~/features/segments/routes'
import { settingsRoutes } from '~/features/settings/routes'
import { suppressionRoutes } from '~/features/suppressions/routes'
import { templateRoutes } from '~/features/templates/routes'
import { topicRoutes } from '~/features/topics/routes'
import { signInRoutes, userRoutes } from '~/features/users/routes'

import { Broken, NotFound } from './errors'
import { rootRoute, shellRoute } from './root'

const routeTree = rootRoute.addChildren([
  ...signInRoutes,
  shellRoute.addChildren([
    ...homeRoutes,
    ...campaignRoutes,
    ...userRoutes,
    ...settingsRoutes,
    ...suppressionRoutes,
    ...topicRoutes,
    ...contactRoutes,
    ...importRoutes,
    ...segmentRoutes,
    ...templateRoutes,
    ...catalogRoutes,
    ...journeyRoutes,
    ...queueRoutes,
  ]),
])

export const router = createRouter({
  routeTree,
  basepath: '/app',
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultPendingComponent: Loading,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: NotFound,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
