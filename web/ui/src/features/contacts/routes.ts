import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

import { contactSearch, listSearch } from './search'

export const contactRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/contacts',
    component: lazyRouteComponent(() => import('./ContactsPage'), 'ContactsPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: listSearch,
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/contacts/$externalId',
    component: lazyRouteComponent(() => import('./ContactPage'), 'ContactPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: contactSearch,
  }),
] as const
