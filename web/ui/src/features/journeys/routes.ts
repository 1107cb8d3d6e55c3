import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { shellRoute } from '~/app/root'

const statuses = ['draft', 'live', 'paused', 'archived'] as const
const tabs = ['definition', 'machine', 'enrolments', 'versions'] as const
const enrolled = ['pending', 'active', 'waiting', 'finished', 'exited', 'dropped'] as const

export type JourneyStatus = (typeof statuses)[number]
export type EnrolmentStatus = (typeof enrolled)[number]

const oneOf = <T>(known: readonly T[], value: unknown) => (known.includes(value as T) ? (value as T) : undefined)
const text = (value: unknown) =>
  typeof value === 'string' && value ? value : typeof value === 'number' ? String(value) : undefined

export interface JourneySearch {
  tab?: (typeof tabs)[number]
  /** Whose steps are shown. */
  version?: number
  view?: 'list' | 'picture'
  /** Of the enrolments. */
  status?: EnrolmentStatus
  step?: string
  contact?: string
  /** The contact about whom is asked why. */
  why?: string
}

export const journeyRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/journeys',
    component: lazyRouteComponent(() => import('./JourneysPage'), 'JourneysPage'),
    staticData: { roles: ['marketer', 'ops'] },
    validateSearch: (s: Record<string, unknown>): { query?: string; status?: JourneyStatus } => ({
      query: text(s.query),
      status: oneOf(statuses, s.status),
    }),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/journeys/new',
    component: lazyRouteComponent(() => import('./NewJourneyPage'), 'NewJourneyPage'),
    staticData: { roles: ['marketer'] },
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/journeys/$id',
    component: lazyRouteComponent(() => import('./JourneyPage'), 'JourneyPage'),
    staticData: { roles: ['marketer', 'ops'] },
    validateSearch: (s: Record<string, unknown>): JourneySearch => ({
      tab: oneOf(tabs, s.tab),
      version: Number.isInteger(s.version) && Number(s.version) > 0 ? Number(s.version) : undefined,
      view: oneOf(['list', 'picture'] as const, s.view),
      status: oneOf(enrolled, s.status),
      step: text(s.step),
      contact: text(s.contact),
      why: text(s.why),
    }),
  }),
] as const
