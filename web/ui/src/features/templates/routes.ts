import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export const templateRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/templates',
    component: lazyRouteComponent(() => import('./TemplatesPage'), 'TemplatesPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: (s: Record<string, unknown>): { query?: string; archived?: true } => ({
      query: typeof s.query === 'string' && s.query ? s.query : undefined,
      archived: s.archived === true || undefined,
    }),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/templates/$id',
    component: lazyRouteComponent(() => import('./TemplatePage'), 'TemplatePage'),
    staticData: { roles: ['marketer'] },
    validateSearch: (s: Record<string, unknown>): { tab?: 'versions' | 'uses' } => ({
      tab: s.tab === 'versions' || s.tab === 'uses' ? s.tab : undefined,
    }),
  }),
] as const
