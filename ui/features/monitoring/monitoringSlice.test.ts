import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UnknownAction } from '@reduxjs/toolkit'
import type { PipelineStatsEvent } from '@/lib/websocket/events'
import { dashboard, event, events, fakeApi, fakeSession, OTHER, P } from '@/test/fakes'
import { makeStore } from '@/lib/store'
import { continuity, EVENTS_MAX, merge } from './eventList'
import {
  addReplicationEvents,
  fetchMonitoringMetrics,
  fetchReplicationEvents,
  linkChanged,
  monitoringSlice,
  paused,
  replayGap,
  resumed,
  selectShownEvents,
  selectWaiting,
  setSelectedPipeline,
  statsReceived,
  type MonitoringState,
} from './monitoringSlice'

const run = (...actions: UnknownAction[]) =>
  [setSelectedPipeline(P), ...actions].reduce<MonitoringState>(monitoringSlice.reducer, monitoringSlice.getInitialState())
const after = (...batches: ReturnType<typeof event>[][]) => run(...batches.map((b) => addReplicationEvents(b))).events.map((e) => e.seq)
const stats = (total: number, more: Partial<PipelineStatsEvent> = {}): PipelineStatsEvent => ({
  pipeline_id: P, seq: 1, pipeline_seq: 1, total_events: total, insert_count: total, update_count: 0, delete_count: 0, other_count: 0,
  failed_count: 0, snapshot_count: 0, avg_latency_ms: 1, events_per_second: 1, last_event_time: null, ...more,
})
const store = (api = {}) => {
  const s = makeStore({ api: fakeApi(api), session: fakeSession() })
  s.dispatch(setSelectedPipeline(P))
  return s
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000_000 }))
afterEach(() => void vi.useRealTimers())

describe('the list', () => {
  it('adds to what is there instead of replacing it', () => expect(after([event(1)], [event(2)])).toEqual([2, 1]))
  it('shows an event once when socket and poll both bring it', () => expect(after([event(1), event(2)], [event(2), event(1)])).toEqual([2, 1]))
  it('shows an event once when one batch has it twice', () => expect(after([event(1), event(1)])).toEqual([1]))
  it('is in the order of the log, not of arrival', () => expect(after([event(9)], [event(3)], [event(5), event(12)])).toEqual([12, 9, 5, 3]))
  it('keeps the newest EVENTS_MAX', () => {
    const list = after(events(1, EVENTS_MAX), [event(EVENTS_MAX + 1)])
    expect([list.length, list[0], list.at(-1)]).toEqual([EVENTS_MAX, EVENTS_MAX + 1, 2])
  })
  it('takes no events of another pipeline', () => expect(after([event(1, { pipeline_id: OTHER })])).toEqual([]))
  it('starts anew with another pipeline', () => expect(run(addReplicationEvents(events(1, 3)), setSelectedPipeline(OTHER))).toMatchObject({ events: [], lastSeq: null, selectedPipelineId: OTHER }))
  it('does not start anew when the same pipeline is chosen again', () => expect(run(addReplicationEvents(events(1, 3)), setSelectedPipeline(P)).events).toHaveLength(3))
  it('is not touched by a batch that it knows', () => {
    const old = events(1, 3)
    expect(merge(old, [])).toBe(old)
  })
  it('merges a thousand new events into ten thousand quickly', () => {
    const old = events(1, EVENTS_MAX)
    const from = performance.now()
    for (let i = 0; i < 60; i++) merge(old, events(EVENTS_MAX + 1, EVENTS_MAX + 17))
    expect(performance.now() - from).toBeLessThan(250) // a second's frames
  })
})

describe('continuity', () => {
  it('is proven by pipeline_seq', () => expect(continuity(events(5, 9))).toEqual({ first: 5, last: 9, holes: [], missing: 0 }))
  it('names what is missing', () =>
    expect(continuity([event(9), event(8), event(4), event(2)])).toEqual({ first: 2, last: 9, holes: [{ from: 5, to: 7 }, { from: 3, to: 3 }], missing: 4 }))
  it('of nothing is nothing', () => expect(continuity([])).toEqual({ first: null, last: null, holes: [], missing: 0 }))
})

describe('pausing', () => {
  it('holds the view, counts what waits, and gives all of it back', () => {
    const held = run(addReplicationEvents(events(1, 3)), paused(), addReplicationEvents(events(4, 8)))
    const root = { monitoring: held } as never
    expect(selectShownEvents(root)).toHaveLength(3)
    expect(selectWaiting(root)).toBe(5)
    expect(selectShownEvents({ monitoring: monitoringSlice.reducer(held, resumed()) } as never)).toHaveLength(8)
  })
  it('counts what waits even when the list has dropped some of it again', () => {
    const held = run(addReplicationEvents([event(1)]), paused(), addReplicationEvents(events(2, EVENTS_MAX + 500)))
    expect(selectWaiting({ monitoring: held } as never)).toBe(EVENTS_MAX + 499)
    expect(held.frozen).toHaveLength(1)
  })
})

describe('history', () => {
  it('sets the place from which the stream goes on', async () => {
    const s = store({ events: async () => ({ events: events(1, 3), next: 'c' }) })
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    expect(s.getState().monitoring).toMatchObject({ lastSeq: 3, isLoading: false, older: { cursor: 'c' } })
  })

  it('merges with events that came while it was on its way', async () => {
    const s = store({ events: async () => ({ events: events(1, 3), next: null }) })
    const loading = s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    s.dispatch(addReplicationEvents([event(4), event(3)]))
    await loading
    expect(s.getState().monitoring.events.map((e) => e.seq)).toEqual([4, 3, 2, 1])
    expect(s.getState().monitoring.lastSeq).toBe(4)
  })

  it('of a pipeline that is no longer looked at is dropped', async () => {
    const s = store({ events: async () => ({ events: events(1, 3), next: null }) })
    const loading = s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    s.dispatch(setSelectedPipeline(OTHER))
    await loading
    expect(s.getState().monitoring.events).toEqual([])
  })

  it('read anew replaces a list that it does not reach back to', async () => {
    const s = store({ events: async () => ({ events: events(500, 699), next: 'c' }) })
    s.dispatch(addReplicationEvents(events(1, 3)))
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    expect(continuity(s.getState().monitoring.events)).toMatchObject({ first: 500, last: 699, missing: 0 })
  })

  it('goes further back, page by page', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null }))
    const s = store({ events: asked })
    asked.mockResolvedValueOnce({ events: events(4, 6), next: 'c' as never })
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'older' }))
    expect(asked).toHaveBeenLastCalledWith(expect.objectContaining({ cursor: 'c' }), expect.anything())
    expect(s.getState().monitoring).toMatchObject({ lastSeq: 6, older: { cursor: null } })
    expect(s.getState().monitoring.events).toHaveLength(6)
  })

  it('that was missed is asked for until it joins', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null as string | null }))
    const s = store({ events: asked })
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    asked.mockResolvedValueOnce({ events: events(7, 9), next: 'x' }).mockResolvedValueOnce({ events: events(4, 6), next: null })
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'missed' }))
    expect(continuity(s.getState().monitoring.events)).toMatchObject({ first: 1, last: 9, missing: 0 })
  })

  it('that was missed and is too long leaves no hole: the newest stay', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null as string | null }))
    const s = store({ events: asked })
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'latest' }))
    let top = 90_000
    asked.mockImplementation(async () => ({ events: events(top - 999, (top -= 1000) + 1000), next: 'more' }))
    await s.dispatch(fetchReplicationEvents({ pipelineId: P, reach: 'missed' }))
    expect(continuity(s.getState().monitoring.events)).toMatchObject({ first: 80_001, last: 90_000, missing: 0 })
  })
})

describe('a replay gap', () => {
  it('is kept as a notice', () =>
    expect(run(addReplicationEvents(events(1, 3)), replayGap({ pipeline_id: P, from: 4, to: 9, reason: 'retention has passed this position' }))).toMatchObject({ notices: [{ from: 4, to: 9 }], lastSeq: 3 }))
  it('before where we stand means another log: ours is dropped', () =>
    expect(run(addReplicationEvents(events(1, 30)), replayGap({ pipeline_id: P, from: 3, to: 30, reason: 'the log was started anew' }))).toMatchObject({ events: [], lastSeq: 2 }))
})

describe('counts', () => {
  it('are the server\'s, zero included', async () => {
    const s = store({ dashboard: async () => dashboard({ total_events: 0, insert_count: 0, update_count: 0, delete_count: 0, other_count: 0 }) })
    s.dispatch(addReplicationEvents(events(1, 3)))
    await s.dispatch(fetchMonitoringMetrics(P))
    expect(s.getState().monitoring.metrics.value).toMatchObject({ total_events: 0, insert_count: 0 })
  })

  it('never go back when an older answer comes late', async () => {
    let arrive: (d: ReturnType<typeof dashboard>) => void = () => {}
    const s = store({ dashboard: () => new Promise((resolve) => (arrive = resolve)) })
    const loading = s.dispatch(fetchMonitoringMetrics(P))
    vi.advanceTimersByTime(50)
    s.dispatch(statsReceived(stats(120)))
    arrive(dashboard({ total_events: 100, p95_latency_ms: 77 }))
    await loading
    expect(s.getState().monitoring.metrics.value).toMatchObject({ total_events: 120, insert_count: 120, p95_latency_ms: 77 })
  })

  it('stay, marked as of then, when they cannot be read', async () => {
    const read = vi.fn(async () => dashboard())
    const s = store({ dashboard: read })
    await s.dispatch(fetchMonitoringMetrics(P))
    read.mockRejectedValueOnce(new Error('no'))
    vi.advanceTimersByTime(5000)
    await s.dispatch(fetchMonitoringMetrics(P))
    expect(s.getState().monitoring.metrics).toMatchObject({ value: { total_events: 100 }, at: 1_000_000_000, error: { message: 'no' } })
  })

  it('of another pipeline are not shown', () => expect(run(statsReceived(stats(5, { pipeline_id: OTHER }))).metrics.value).toBeNull())
})

describe('the link', () => {
  it('remembers since when there is no socket, polling or not', () => {
    const s = run(linkChanged({ state: 'live' }, 10), linkChanged({ state: 'offline' }, 20), linkChanged({ state: 'polling' }, 30), linkChanged({ state: 'offline', attempt: 3 }, 40))
    expect(s.link).toEqual({ state: 'offline', since: 20, attempt: 3, reason: null })
  })
  it('forgets why it was down once it is up', () => {
    const s = run(linkChanged({ state: 'offline', reason: 'lost', attempt: 2 }, 20), linkChanged({ state: 'live' }, 50))
    expect(s.link).toEqual({ state: 'live', since: 50, attempt: 0, reason: null })
  })
})
