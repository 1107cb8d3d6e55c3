import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

import { searchOf } from './search'

export const queueRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/queues',
    validateSearch: searchOf,
    component: lazyRouteComponent(() => import('./QueuesPage'), 'QueuesPage'),
    staticData: { roles: ['ops'] },
  }),
] as const
