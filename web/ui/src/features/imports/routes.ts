import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

import { newSearch } from './search'

export const importRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/imports',
    component: lazyRouteComponent(() => import('./ImportsPage'), 'ImportsPage'),
    staticData: { roles: ['marketer'] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/imports/new',
    component: lazyRouteComponent(() => import('./NewImportPage'), 'NewImportPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: newSearch,
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/imports/$id',
    component: lazyRouteComponent(() => import('./ImportPage'), 'ImportPage'),
    staticData: { roles: ['marketer'] },
  }),
] as const
