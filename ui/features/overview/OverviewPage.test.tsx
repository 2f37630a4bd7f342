import { screen, waitFor } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/lib/api/client'
import type { Health } from '@/lib/api/types'
import { event, OTHER, pipeline } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { OverviewPage } from './OverviewPage'

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams(''), useRouter: () => ({ push: vi.fn() }) }))

const health = (more: Partial<Health['checks']> = {}): Health => ({
  status: 'ok', queue_length: 0, version: '1', uptime_seconds: 1,
  checks: { postgres: { status: 'up', latency_ms: 1 }, redis: { status: 'up' }, kafka: { status: 'up' }, connect: { status: 'off' }, event_logger: { status: 'up' }, ...more },
})
const tone = (part: string) => document.querySelector(`[data-health=${part}]`)?.getAttribute('data-tone')

describe('the overview', () => {
  it('says what is not well, and why', async () => {
    renderPage(<OverviewPage />, { api: { health: async () => health({ kafka: { status: 'down', detail: 'all brokers are down' } }) } })
    await waitFor(() => expect([tone('api'), tone('postgres'), tone('kafka'), tone('connect')]).toEqual(['up', 'up', 'down', 'off']))
    expect(screen.getByText('all brokers are down')).toBeVisible()
  })

  it('knows nothing of the parts when the API is away', async () => {
    renderPage(<OverviewPage />, { api: { health: async () => Promise.reject(new ApiError('The API cannot be reached.', 'network')) } })
    await waitFor(() => expect([tone('api'), tone('postgres')]).toEqual(['down', 'unknown']))
  })

  it('has the pipelines that need somebody first, the totals, the newest events and what happened', async () => {
    renderPage(<OverviewPage />, {
      api: {
        health: async () => health(),
        pipelines: async () => [pipeline(), pipeline({ id: OTHER, name: 'billing', health: 'DEGRADED', health_reason: 'the sink stands still' })],
        events: async () => ({ events: [event(2), event(1)], next: null }),
        activity: async () => [{ id: 1, kind: 'pipeline', outcome: 'failure', message: 'billing fell behind', pipeline_id: OTHER, details: {}, created_at: '2026-11-20T10:00:00Z' }],
      },
    })
    expect(await screen.findByText('1 needs somebody')).toBeVisible()
    expect([...document.querySelectorAll('[data-pipeline] a')].map((a) => a.textContent)).toEqual(['billing', 'shop orders'])
    expect(document.querySelectorAll('[data-event]')).toHaveLength(2)
    expect(screen.getByText('billing fell behind')).toBeVisible()
    expect(document.querySelector('[data-stat=total_events]')).toHaveTextContent('100')
  })

  it('one part that cannot be read disturbs no other', async () => {
    renderPage(<OverviewPage />, { api: { health: async () => health(), dashboard: async () => Promise.reject(new ApiError('It took too long', 'http', 504)) } })
    expect(await screen.findByText(/The totals cannot be read: It took too long/)).toBeVisible()
    expect(await screen.findByText('shop orders')).toBeVisible()
  })
})
