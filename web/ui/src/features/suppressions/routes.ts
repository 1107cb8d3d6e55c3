import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export interface SuppressionSearch {
  q?: string
  cause?: 'unsubscribe' | 'complaint' | 'bounce' | 'manual'
}

const causes: unknown[] = ['unsubscribe', 'complaint', 'bounce', 'manual']

export const suppressionRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/suppressions',
    component: lazyRouteComponent(() => import('./SuppressionsPage'), 'SuppressionsPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: (s: Record<string, unknown>): SuppressionSearch => ({
      q: (typeof s.q === 'string' || typeof s.q === 'number') && s.q !== '' ? String(s.q) : undefined,
      cause: causes.includes(s.cause) ? (s.cause as SuppressionSearch['cause']) : undefined,
    }),
  }),
] as const
