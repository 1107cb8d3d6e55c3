import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export const topicRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/topics',
    component: lazyRouteComponent(() => import('./TopicsPage'), 'TopicsPage'),
    staticData: { roles: ['marketer'] },
  }),
] as const
