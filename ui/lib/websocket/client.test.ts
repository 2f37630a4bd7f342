import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setSelectedPipeline } from '@/features/monitoring/monitoringSlice'
import { fetchPipelines } from '@/features/pipelines/pipelineSlice'
import { ApiError, type ApiClient, type EventPage } from '@/lib/api/client'
import { built } from '@/lib/config'
import { SessionOver } from '@/lib/session'
import { makeStore } from '@/lib/store'
import { event, events, fakeApi, fakeSession, FakeSocket, OTHER, P, tokens } from '@/test/fakes'
import { realtimeRetried, realtimeStarted, realtimeStopped } from './client'

const away = () => Promise.reject(new ApiError('The API cannot be reached.', 'network'))
const settle = () => vi.advanceTimersByTimeAsync(0)

function page(api: Partial<ApiClient> = {}, config = {}) {
  const socket = new FakeSocket()
  const session = fakeSession()
  const store = makeStore({
    api: fakeApi(api),
    session,
    config: { ...built({}), ...config },
    realtime: {
      connect: (_, options) => {
        socket.auth = options.auth as FakeSocket['auth']
        return socket.asSocket()
      },
      frame: (fn) => {
        const timer = setTimeout(fn, 16)
        return () => clearTimeout(timer)
      },
    },
  })
  const at = () => store.getState().monitoring
  return { socket, session, store, at, seqs: () => at().events.map((e) => e.seq) }
}

/** A page that is live on P, with events 1..3 as its history. */
async function livePage(api: Partial<ApiClient> = {}) {
  const p = page({ events: async () => ({ events: events(1, 3), next: null }), ...api })
  p.store.dispatch(realtimeStarted())
  p.store.dispatch(setSelectedPipeline(P))
  await settle()
  p.socket.up()
  p.socket.asked('subscribe_pipeline')[0]!.ack!(null, { ok: true, pipeline_id: P, room: `pipeline_${P}`, last_seq: 3, replayed: 0 })
  return p
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000_000 }))
afterEach(() => void vi.useRealTimers())

describe('a subscription', () => {
  it('asks for everything after the last seq of the history', async () => {
    const p = await livePage()
    expect(p.socket.asked('subscribe_pipeline').map((e) => e.args)).toEqual([[{ pipeline_id: P, after: 3, batch_ms: 50 }]])
    expect(p.at().link.state).toBe('live')
  })

  it('waits for the history, so that there is no hole between the two', async () => {
    let arrive: (page: { events: typeof e; next: null }) => void = () => {}
    const e = events(1, 3)
    const p = page({ events: () => new Promise((resolve) => (arrive = resolve)) })
    p.store.dispatch(realtimeStarted())
    p.store.dispatch(setSelectedPipeline(P))
    p.socket.up()
    await settle()
    expect(p.socket.asked('subscribe_pipeline')).toHaveLength(0)
    arrive({ events: e, next: null })
    await settle()
    expect(p.socket.asked('subscribe_pipeline')[0]!.args).toEqual([{ pipeline_id: P, after: 3, batch_ms: 50 }])
  })

  it('of an empty pipeline asks for all of it', async () => {
    const p = page()
    p.store.dispatch(realtimeStarted())
    p.store.dispatch(setSelectedPipeline(P))
    await settle()
    p.socket.up()
    expect(p.socket.asked('subscribe_pipeline')[0]!.args).toEqual([{ pipeline_id: P, after: 0, batch_ms: 50 }])
  })

  it('goes live without a history that failed, and says that it failed', async () => {
    const p = page({ events: () => Promise.reject(new ApiError('Something went wrong here', 'http', 500)) })
    p.store.dispatch(realtimeStarted())
    p.socket.up()
    p.store.dispatch(setSelectedPipeline(P))
    await settle()
    expect(p.socket.asked('subscribe_pipeline')[0]!.args).toEqual([{ pipeline_id: P, after: undefined, batch_ms: 50 }])
    expect(p.at().error?.message).toBe('Something went wrong here')
  })

  it('follows the selection: the old room is left, its late events are not shown', async () => {
    const p = await livePage()
    p.store.dispatch(setSelectedPipeline(OTHER))
    await settle()
    expect(p.socket.asked('unsubscribe_pipeline').map((e) => e.args)).toEqual([[{ pipeline_id: P }]])
    p.socket.say('replication_event', event(4))
    await vi.advanceTimersByTimeAsync(20)
    expect(p.seqs()).not.toContain(4)
  })

  it('that is refused says why, and is tried again', async () => {
    const p = await livePage()
    p.socket.down('transport close')
    p.socket.up()
    const first = p.socket.asked('subscribe_pipeline').at(-1)!
    first.ack!(null, { ok: false, error: { code: 'unavailable', message: 'PostgreSQL is not available; try again.' } })
    expect(p.at().subscription).toBe('PostgreSQL is not available; try again.')
    await vi.advanceTimersByTimeAsync(2000)
    p.socket.asked('subscribe_pipeline').at(-1)!.ack!(null, { ok: true, pipeline_id: P, room: '', last_seq: 3, replayed: 0 })
    expect(p.at()).toMatchObject({ subscription: null, link: { state: 'live' } })
  })

  it('to a pipeline that is gone makes the list be read again', async () => {
    const pipelines = vi.fn(async () => [])
    const p = await livePage({ pipelines })
    p.socket.down('transport close')
    p.socket.up()
    p.socket.asked('subscribe_pipeline').at(-1)!.ack!(null, { ok: false, error: { code: 'unknown_pipeline', message: 'There is no such pipeline.' } })
    expect(pipelines).toHaveBeenCalledTimes(1)
  })
})

describe('before there is a pipeline to watch', () => {
  it('the page is not live yet: it does not know what there is', async () => {
    const p = page()
    p.store.dispatch(realtimeStarted())
    p.socket.up()
    expect(p.at().link.state).toBe('catching_up')
  })

  it('it is live once it is known that there is none', async () => {
    const p = page({ pipelines: async () => [] })
    p.store.dispatch(realtimeStarted())
    p.socket.up()
    await p.store.dispatch(fetchPipelines())
    expect(p.at().link.state).toBe('live')
  })
})

describe('events', () => {
  it('enter the store once a frame, however many there are', async () => {
    const p = await livePage()
    const changes = vi.fn()
    p.store.subscribe(changes)
    for (let n = 4; n <= 103; n++) p.socket.say('replication_event', event(n))
    expect(changes).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(20)
    expect(changes).toHaveBeenCalledTimes(1)
    expect(p.seqs()).toHaveLength(103)
  })

  it('do not wait for a frame when there are thousands', async () => {
    const p = await livePage()
    p.socket.say('replication_events', events(4, 2500))
    expect(p.seqs()[0]).toBe(2500)
  })
})

describe('when the connection goes', () => {
  it('the page is offline at once, and polls after a moment', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null }))
    const p = await livePage({ events: asked })
    p.socket.down('transport close')
    expect(p.at().link).toMatchObject({ state: 'offline', since: 1_000_000_000, reason: 'The connection was lost.' })
    asked.mockResolvedValueOnce({ events: [event(4)], next: null })
    await vi.advanceTimersByTimeAsync(1000)
    expect(asked).toHaveBeenLastCalledWith({ pipeline_id: P, limit: 1000, after_seq: 3, cursor: undefined }, expect.anything())
    expect(p.at().link).toMatchObject({ state: 'polling', since: 1_000_000_000 })
    expect(p.seqs()).toEqual([4, 3, 2, 1])
    await vi.advanceTimersByTimeAsync(5000)
    expect(asked).toHaveBeenCalledTimes(3)
  })

  it('and the API too, it stays offline since the beginning', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null as string | null }))
    const p = await livePage({ events: asked })
    asked.mockImplementation(away)
    p.socket.down('transport close')
    await vi.advanceTimersByTimeAsync(12_000)
    expect(p.at().link).toMatchObject({ state: 'offline', since: 1_000_000_000 })
    expect(asked.mock.calls.length).toBeGreaterThanOrEqual(4)
  })

  it('it resumes after the last event that it has, and polls no more', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null }))
    const p = await livePage({ events: asked })
    p.socket.say('replication_event', event(4))
    p.socket.down('transport close') // before the frame: the event must not be lost
    expect(p.seqs()).toEqual([4, 3, 2, 1])
    p.socket.up()
    expect(p.at().link.state).toBe('catching_up')
    const again = p.socket.asked('subscribe_pipeline')[1]!
    expect(again.args).toEqual([{ pipeline_id: P, after: 4, batch_ms: 50 }])
    p.socket.say('replication_event', event(5))
    again.ack!(null, { ok: true, pipeline_id: P, room: '', last_seq: 5, replayed: 1 })
    expect(p.seqs()).toEqual([5, 4, 3, 2, 1])
    expect(p.at().link).toMatchObject({ state: 'live', attempt: 0, reason: null })
    const polls = asked.mock.calls.length
    await vi.advanceTimersByTimeAsync(30_000)
    expect(asked).toHaveBeenCalledTimes(polls)
  })

  it('a poll under way when it comes back cannot move the place to resume from', async () => {
    let arrive: (page: EventPage) => void = () => {}
    const asked = vi.fn<ApiClient['events']>(
      (_, call) =>
        new Promise((resolve, reject) => {
          arrive = resolve
          call?.signal?.addEventListener('abort', () => reject(new ApiError('given up', 'aborted')))
        }),
    )
    asked.mockResolvedValueOnce({ events: events(1, 3), next: null })
    const p = await livePage({ events: asked })
    p.socket.down('transport close')
    await vi.advanceTimersByTimeAsync(1000)
    p.socket.up()
    arrive({ events: events(90, 99), next: null })
    await settle()
    expect(p.at().lastSeq).toBe(3)
    expect(p.seqs()).toEqual([3, 2, 1])
  })

  it('an answer to a subscription of the old connection means nothing', async () => {
    const p = await livePage()
    p.socket.down('transport close')
    p.socket.up()
    const [, second] = p.socket.asked('subscribe_pipeline')
    p.socket.down('transport close')
    second!.ack!(null, { ok: true, pipeline_id: P, room: '', last_seq: 3, replayed: 0 })
    expect(p.at().link.state).toBe('offline')
  })

  it('nothing is asked at once after a refusal of the history: the page goes on polling', async () => {
    const asked = vi.fn(away)
    const p = page({ events: asked as never })
    p.store.dispatch(realtimeStarted())
    p.store.dispatch(setSelectedPipeline(P))
    p.socket.say('connect_error', new Error('websocket error'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(p.at().link.state).toBe('offline')
    asked.mockResolvedValue({ events: events(1, 3), next: null } as never)
    await vi.advanceTimersByTimeAsync(5000)
    expect(p.at().link.state).toBe('polling')
    expect(p.seqs()).toEqual([3, 2, 1])
    p.socket.up()
    expect(p.socket.asked('subscribe_pipeline')[0]!.args).toEqual([{ pipeline_id: P, after: 3, batch_ms: 50 }])
  })

  it('the user can have the next try now', async () => {
    const p = await livePage()
    p.socket.down('transport close')
    p.store.dispatch(realtimeRetried())
    expect(p.socket.connect).toHaveBeenCalledTimes(1)
  })
})

describe('without a socket by choice', () => {
  it('the page polls from the start', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null }))
    const p = page({ events: asked }, { wsEnabled: false, pollInterval: 2000 })
    p.store.dispatch(realtimeStarted())
    p.store.dispatch(setSelectedPipeline(P))
    await vi.advanceTimersByTimeAsync(2500)
    expect(p.at().link.state).toBe('polling')
    expect(asked).toHaveBeenLastCalledWith(expect.objectContaining({ after_seq: 3 }), expect.anything())
  })
})

describe('the token', () => {
  it('goes with every connection, as it is then', async () => {
    const p = await livePage()
    expect(await p.socket.credentials()).toEqual({ token: 'a1' })
    p.session.keep(tokens(2))
    expect(await p.socket.credentials()).toEqual({ token: 'a2' })
  })

  it('that was refused is renewed, and the connection made again', async () => {
    const p = await livePage()
    p.session.exchange = vi.fn(async () => tokens(2))
    await p.socket.credentials()
    p.socket.down('transport close')
    p.socket.refuse('unauthorized', 'token_expired')
    await vi.advanceTimersByTimeAsync(10)
    expect(p.session.exchange).toHaveBeenCalledWith('r1')
    expect(p.socket.connect).toHaveBeenCalledTimes(1)
  })

  it('that is refused again and again is not hammered with', async () => {
    const p = await livePage()
    let n = 2
    p.session.exchange = vi.fn(async () => tokens(n++))
    p.socket.connect.mockImplementation(() => {
      void p.socket.credentials().then(() => p.socket.refuse('unauthorized', 'token_invalid'))
      return p.socket
    })
    await p.socket.credentials()
    p.socket.refuse('unauthorized', 'token_invalid')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(p.socket.connect.mock.calls.length).toBeLessThan(8)
  })

  it('that cannot be renewed ends the session', async () => {
    const p = await livePage()
    p.session.exchange = () => Promise.reject(new SessionOver())
    await p.socket.credentials()
    p.socket.refuse('unauthorized', 'token_expired')
    await vi.advanceTimersByTimeAsync(10)
    expect(p.store.getState().auth.status).toBe('expired')
    expect(p.socket.connect).not.toHaveBeenCalled()
  })

  it('of a server that closed the connection: it is opened again', async () => {
    const p = await livePage()
    p.socket.down('io server disconnect')
    await vi.advanceTimersByTimeAsync(1000)
    expect(p.socket.connect).toHaveBeenCalledTimes(1)
  })

  it('is renewed before it ends, and the open socket is told', async () => {
    const p = await livePage()
    await p.socket.credentials()
    p.session.exchange = vi.fn(async () => tokens(2))
    await vi.advanceTimersByTimeAsync(841_000)
    expect(p.session.exchange).toHaveBeenCalledTimes(1)
    expect(p.socket.asked('refresh_token').at(-1)!.args).toEqual([{ token: 'a2' }])
  })
})

describe('at the end', () => {
  it('everything stops: socket, polls, renewals', async () => {
    const asked = vi.fn(async () => ({ events: events(1, 3), next: null }))
    const p = await livePage({ events: asked })
    p.session.exchange = vi.fn()
    p.socket.down('transport close')
    p.store.dispatch(realtimeStopped())
    const before = asked.mock.calls.length
    await vi.advanceTimersByTimeAsync(2_000_000)
    expect(asked).toHaveBeenCalledTimes(before)
    expect(p.session.exchange).not.toHaveBeenCalled()
    expect(p.socket.disconnect).toHaveBeenCalled()
    expect(p.at().link.state).toBe('idle')
  })
})
