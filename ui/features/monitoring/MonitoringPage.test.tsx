import { act, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, type ApiClient } from '@/lib/api/client'
import { dashboard, event, events, logger, OTHER, P, pipeline } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { MonitoringPage } from './MonitoringPage'

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams(window.location.search), useRouter: () => ({ push: vi.fn() }) }))
// Drawing is checked in a browser; jsdom has no sizes.
vi.mock('./RateChart', () => ({ RateChart: () => null }))
vi.mock('@/features/analytics/Charts', () => ({ LatencyChart: () => null }))

const ok = { ok: true, pipeline_id: P, room: '', last_seq: 3, replayed: 0 }
const history = async () => ({ events: events(1, 3), next: null })
const rows = () => screen.getAllByRole('row').filter((r) => r.dataset.pipelineSeq !== undefined).map((r) => Number(r.dataset.pipelineSeq))
const stat = (id: string) => document.querySelector(`[data-stat=${id}]`)?.textContent

async function live(api: Partial<ApiClient> = {}) {
  const page = renderPage(<MonitoringPage />, { api: { events: history, ...api } })
  await waitFor(() => expect(rows()).toEqual([3, 2, 1]))
  act(() => {
    page.socket.up()
    page.socket.asked('subscribe_pipeline')[0]!.ack!(null, ok)
  })
  return page
}

beforeEach(() => window.history.replaceState(null, '', '/monitoring'))

describe('the page', () => {
  it('shows the pipeline, its events newest first, and the counts of the server', async () => {
    await live()
    expect(screen.getByRole('button', { name: 'Pipeline: shop orders' })).toBeVisible()
    expect([stat('total_events'), stat('insert_count'), stat('update_count'), stat('delete_count')]).toEqual(['100', '60', '30', '9'])
    expect(document.querySelector('[data-link=live]')).toHaveTextContent('Live')
    expect(document.querySelector('[data-contiguous=true]')).toHaveTextContent('No gaps#1 to #3')
  })

  it('shows a zero of the server as zero, whatever the list holds', async () => {
    await live({ dashboard: async () => dashboard({ total_events: 0, insert_count: 0 }) })
    await waitFor(() => expect([stat('total_events'), stat('insert_count')]).toEqual(['0', '0']))
  })

  it('shows a live event, and says when one is missing', async () => {
    const page = await live()
    act(() => page.socket.say('replication_event', event(4, { after: { id: 4, note: 'hello' } })))
    await waitFor(() => expect(rows()).toEqual([4, 3, 2, 1]))
    expect(screen.getByText('hello')).toBeVisible()
    act(() => page.socket.say('replication_event', event(6)))
    await waitFor(() => expect(document.querySelector('[data-contiguous=false]')).toHaveTextContent('1 missing (5)'))
  })

  it('says since when it is offline, and lets one try at once', async () => {
    const page = await live()
    act(() => page.socket.down('transport close'))
    const banner = screen.getByRole('alert')
    expect(banner).toHaveTextContent(/Offline since \d\d:\d\d:\d\d/)
    await page.user.click(within(banner).getByRole('button', { name: 'Try now' }))
    expect(page.socket.connect).toHaveBeenCalled()
  })

  it('says what the log can no longer give', async () => {
    const page = await live()
    act(() => page.socket.say('replay_gap', { pipeline_id: P, from: 4, to: 9, reason: 'retention has passed this position' }))
    expect(document.querySelector('[data-replay-gap]')).toHaveTextContent('events 4 to 9: retention has passed this position')
  })

  it('shows why the logger is not well', async () => {
    await live({ loggerStatus: async () => logger({ status: 'degraded', last_error: 'Kafka: all brokers are down' }) })
    expect(await screen.findByText('Degraded')).toBeVisible()
    expect(screen.getByText('Kafka: all brokers are down')).toBeVisible()
  })
})

describe('pausing', () => {
  it('holds the list, counts what waits and gives it back', async () => {
    const page = await live()
    await page.user.click(screen.getByRole('button', { name: 'Pause' }))
    act(() => page.socket.say('replication_events', [event(4), event(5)]))
    expect(await screen.findByText('2 waiting')).toBeVisible()
    expect(rows()).toEqual([3, 2, 1])
    await page.user.keyboard('p')
    expect(rows()).toEqual([5, 4, 3, 2, 1])
  })
})

describe('filters', () => {
  it('narrow the list, stand in the address, and can be cleared', async () => {
    const page = await live({ events: async () => ({ events: [event(3, { event_type: 'delete' }), event(2), event(1)], next: null }) })
    await page.user.click(screen.getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(rows()).toEqual([3]))
    expect(window.location.search).toBe(`?pipeline=${P}&kind=delete`)
    expect(screen.getByText('1 of 3 events')).toBeVisible()
    await page.user.keyboard('/row')
    expect(screen.getByRole('searchbox')).toHaveFocus()
    await page.user.click(screen.getByRole('button', { name: 'Clear' }))
    await waitFor(() => expect(rows()).toEqual([3, 2, 1]))
  })

  it('of the address are there from the start, with what to do when nothing matches', async () => {
    window.history.replaceState(null, '', '/monitoring?q=unheard-of')
    const page = renderPage(<MonitoringPage />, { api: { events: history } })
    expect(await screen.findByText('No event matches')).toBeVisible()
    await page.user.click(screen.getByRole('button', { name: 'Clear the filters' }))
    await waitFor(() => expect(rows()).toEqual([3, 2, 1]))
  })
})

describe('an event', () => {
  const update = event(3, { event_type: 'update', before: { id: { $number: '9007199254740993' }, status: 'new' }, after: { id: { $number: '9007199254740993' }, status: 'paid' } })

  it('opens by keyboard, shows what changed and every digit of its JSON, and closes again', async () => {
    const page = await live({ events: async () => ({ events: [update, event(2), event(1)], next: null }) })
    screen.getByRole('grid').focus()
    await page.user.keyboard('{ArrowDown}{Enter}')
    const detail = screen.getByRole('complementary', { name: 'Event 3' })
    expect(within(detail).getByText('status').closest('tr')).toHaveAttribute('data-diff', 'changed')
    await page.user.click(within(detail).getByRole('tab', { name: 'JSON' }))
    expect(within(detail).getByRole('tabpanel')).toHaveTextContent('"id": 9007199254740993')
    await page.user.keyboard('{Escape}')
    expect(screen.queryByRole('complementary')).toBeNull()
  })
})

describe('more of it', () => {
  it('only this key: the events of one row', async () => {
    const page = await live()
    screen.getByRole('grid').focus()
    await page.user.keyboard('{ArrowDown}{ArrowDown}{Enter}')
    await page.user.click(within(screen.getByRole('complementary', { name: 'Event 2' })).getByRole('button', { name: 'Only this key' }))
    await waitFor(() => expect(rows()).toEqual([2]))
    expect(window.location.search).toContain('table=public.orders')
  })

  it('the dead letters, with why', async () => {
    const letter = { id: 'd', pipeline_id: P, topic: 't', partition: 0, offset: 5, reason: 'value: not JSON', key_bytes: 3, value_bytes: 1200, created_at: '2026-11-20T10:00:00Z' }
    const retryDeadLetter = vi.fn<ApiClient['retryDeadLetter']>()
    const page = await live({ retryDeadLetter, dashboard: async () => dashboard({ failed_count: 1 }), deadLetters: async () => ({ items: [letter], next: null }) })
    await page.user.click(await screen.findByRole('button', { name: 'Dead letters: 1, show them' }))
    expect(await screen.findByText('value: not JSON')).toBeVisible()
    expect(screen.getByText('t / 0 @ 5')).toBeVisible()
    retryDeadLetter.mockRejectedValueOnce(new ApiError('It still cannot be logged: not JSON', 'http', 422)).mockResolvedValueOnce(undefined)
    await page.user.click(screen.getByRole('button', { name: 'Read t 5 again' }))
    expect(await screen.findByText('It still cannot be logged: not JSON')).toBeVisible()
    await page.user.click(screen.getByRole('button', { name: 'Read t 5 again' }))
    await waitFor(() => expect(screen.queryByText('t / 0 @ 5')).toBeNull())
  })
})

describe('when something is not there', () => {
  it('no pipeline: it says how to make one', async () => {
    renderPage(<MonitoringPage />, { api: { pipelines: async () => [] } })
    expect(await screen.findByText('No pipelines yet')).toBeVisible()
  })

  it('no event yet: it says what it waits for', async () => {
    renderPage(<MonitoringPage />)
    expect(await screen.findByText('Waiting for the first change')).toBeVisible()
  })

  it('the pipelines cannot be read: it says why, and tries again', async () => {
    const pipelines = vi.fn<ApiClient['pipelines']>().mockRejectedValueOnce(new ApiError('PostgreSQL is away', 'http', 503)).mockResolvedValue([pipeline()])
    const page = renderPage(<MonitoringPage />, { api: { pipelines, events: history } })
    expect(await screen.findByText('PostgreSQL is away')).toBeVisible()
    await page.user.click(screen.getByRole('button', { name: 'Retry' }))
    await waitFor(() => expect(rows()).toEqual([3, 2, 1]))
  })

  it('the events cannot be read: the rest of the page is not disturbed', async () => {
    const failing = vi.fn<ApiClient['events']>().mockRejectedValueOnce(new ApiError('It took too long', 'http', 504)).mockImplementation(history)
    const page = renderPage(<MonitoringPage />, { api: { events: failing } })
    expect(await screen.findByText('It took too long')).toBeVisible()
    expect(stat('total_events')).toBe('100')
    await page.user.click(screen.getByRole('button', { name: 'Retry' }))
    await waitFor(() => expect(rows()).toEqual([3, 2, 1]))
  })

  it('another pipeline is chosen: its events and no others', async () => {
    const page = await live({
      pipelines: async () => [pipeline(), pipeline({ id: OTHER, name: 'billing', status: 'PAUSED' })],
      events: async (q) => ({ events: q.pipeline_id === P ? events(1, 3) : [event(9, { pipeline_id: OTHER })], next: null }),
    })
    await page.user.click(screen.getByRole('button', { name: 'Pipeline: shop orders' }))
    await page.user.click(await screen.findByRole('menuitemradio', { name: /billing/ }))
    await waitFor(() => expect(rows()).toEqual([9]))
    expect(window.location.search).toBe(`?pipeline=${OTHER}`)
  })
})
