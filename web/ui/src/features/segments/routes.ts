import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export const segmentRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments',
    validateSearch: (search: Record<string, unknown>): { q?: string } =>
      typeof search.q === 'string' && search.q ? { q: search.q } : {},
    component: lazyRouteComponent(() => import('./SegmentsPage'), 'SegmentsPage'),
    staticData: { roles: ['marketer'] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments/new',
    component: lazyRouteComponent(() => import('./SegmentPage'), 'NewSegmentPage'),
    staticData: { roles: ['marketer'] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/segments/$id',
    component: lazyRouteComponent(() => import('./SegmentPage'), 'SegmentPage'),
    staticData: { roles: ['marketer'] },
  }),
] as const
