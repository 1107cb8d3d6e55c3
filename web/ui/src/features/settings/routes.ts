import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export const settingsRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/settings/keys',
    component: lazyRouteComponent(() => import('./KeysPage'), 'KeysPage'),
    staticData: { roles: [] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/settings/relays',
    component: lazyRouteComponent(() => import('./RelaysPage'), 'RelaysPage'),
    staticData: { roles: ['marketer', 'ops'] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/settings/rules',
    component: lazyRouteComponent(() => import('./RulesPage'), 'RulesPage'),
    staticData: { roles: ['marketer', 'ops'] },
  }),
] as const
