import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

const text = (v: unknown) => (typeof v === 'string' && v ? v : undefined)

export const catalogRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/products',
    component: lazyRouteComponent(() => import('./ProductsPage'), 'ProductsPage'),
    staticData: { roles: ['marketer'] },
    validateSearch: (s: Record<string, unknown>): { query?: string; category?: string; stock?: 'in' | 'out' } => ({
      query: text(s.query),
      category: text(s.category),
      stock: s.stock === 'in' || s.stock === 'out' ? s.stock : undefined,
    }),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/products/$sku',
    component: lazyRouteComponent(() => import('./ProductPage'), 'ProductPage'),
    staticData: { roles: ['marketer'] },
  }),
] as const
