import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

export type ListFilter = 'all' | 'open' | 'drafts' | 'ended'
export interface ListSearch {
  show?: Exclude<ListFilter, 'all'>
  q?: string
  view?: 'calendar'
  /** Of the calendar: "2026-03". */
  month?: string
}

export type Tab = 'recipients' | 'content' | 'runs' | 'setup'
export interface CampaignSearch {
  tab?: Tab
  run?: number
  state?: string
  reason?: string
  q?: string
}

const one = <T extends string>(v: unknown, ...of: T[]) => (of.includes(v as T) ? (v as T) : undefined)
const text = (v: unknown) => ((typeof v === 'string' || typeof v === 'number') && v !== '' ? String(v) : undefined)

export const campaignRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/campaigns',
    component: lazyRouteComponent(() => import('./CampaignsPage'), 'CampaignsPage'),
    staticData: { roles: ['marketer', 'ops'] },
    validateSearch: (s: Record<string, unknown>): ListSearch => ({
      show: one(s.show, 'open', 'drafts', 'ended'),
      q: text(s.q),
      view: one(s.view, 'calendar'),
      month: /^\d{4}-(0[1-9]|1[0-2])$/.test(String(s.month)) ? String(s.month) : undefined,
    }),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/campaigns/$id',
    component: lazyRouteComponent(() => import('./CampaignPage'), 'CampaignPage'),
    staticData: { roles: ['marketer', 'ops'] },
    validateSearch: (s: Record<string, unknown>): CampaignSearch => ({
      tab: one(s.tab, 'recipients', 'content', 'runs', 'setup'),
      run: Number.isSafeInteger(s.run) && Number(s.run) > 0 ? Number(s.run) : undefined,
      state: one(s.state, 'planned', 'sending', 'deferred', 'sent', 'failed', 'skipped', 'cancelled', 'unknown'),
      reason: text(s.reason),
      q: text(s.q),
    }),
  }),
] as const
