// The one Socket.IO client, as Redux middleware. It keeps the promise of the page: an event that was
// committed is shown once, whatever happens to the connection.
//
//   connecting -> catching_up -> live
//                     ^            | the socket goes
//                     |            v
//                     +------ offline <-> polling      (the API answers GET /events, or does not)
//
// - A subscription says `after: lastSeq`, so the server replays what was missed, then goes on live.
// - Events are buffered and enter the store once an animation frame, or less often when the page
//   can't keep up with that (frames.ts).
// - While there is no socket, the missed events are asked for every pollInterval. A poll that is
//   under way when the socket comes back is given up: it could put lastSeq past what the replay has
//   yet to bring.
// - A refused or expired token is renewed and the connection made again.
import { createAction, isAnyOf, type Middleware, type UnknownAction } from '@reduxjs/toolkit'
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import { fetchPipelines, pipelineStatusChanged, type PipelineState } from '@/features/pipelines/pipelineSlice'
import {
  addReplicationEvents,
  fetchReplicationEvents,
  linkChanged,
  replayGap,
  setSelectedPipeline,
  statsReceived,
  subscriptionRefused,
  type MonitoringState,
} from '@/features/monitoring/monitoringSlice'
import type { ReplicationEvent } from '@/lib/api/types'
import type { Config } from '@/lib/config'
import type { Failure } from '@/lib/failure'
import { SessionOver, type SessionKeeper } from '@/lib/session'
import type { MillraceSocket, SubscribeAck } from './events'
import { pacedFrames, type Frame } from './frames'
import { exactParser } from './parser'

/** 'nothing': the page wants no pipeline's events, only what is said to everybody and how the socket is. */
export const realtimeStarted = createAction<'nothing' | undefined>('realtime/started')
export const realtimeStopped = createAction('realtime/stopped')
/** The user does not want to wait for the next try. */
export const realtimeRetried = createAction('realtime/retried')

export type Connect = (url: string, options: Partial<ManagerOptions & SocketOptions>) => MillraceSocket
export interface RealtimeDeps {
  config: Config
  session: SessionKeeper
  connect?: Connect
  frame?: Frame
}

const BATCH_MS = 50 // events come together for so long: a thousand messages a second are work even unopened
const BUFFER_MAX = 2000 // events; above it the frame is not waited for
const ACK_MS = 60_000 // a long replay is acknowledged when the server says so, well before this
const RETRY_MS_MAX = 30_000
const FIRST_POLL_MS = 1000 // most connections are back before this

interface Store {
  dispatch: (action: unknown) => unknown
  getState: () => { monitoring: MonitoringState; pipelines: PipelineState }
}
type Aborting = Promise<UnknownAction & { payload?: unknown }> & { abort: () => void }

export function realtimeMiddleware(deps: RealtimeDeps): Middleware {
  return (api) => {
    const realtime = new Realtime(deps, api as Store)
    return (next) => (action) => {
      const before = (api.getState() as { monitoring: MonitoringState }).monitoring.selectedPipelineId
      const result = next(action)
      realtime.after(action as UnknownAction, before)
      return result
    }
  }
}

class Realtime {
  private socket: MillraceSocket | null = null
  private running = false
  private nothing = false // is wanted
  private buffer: ReplicationEvent[] = []
  private cancelFrame: (() => void) | null = null
  private subscription = 0 // which of our requests is the latest: answers to older ones are void
  private subscribed: string | null = null
  private poll: Aborting | null = null
  private pollTimer: ReturnType<typeof setTimeout> | null = null
  private retryTimer: ReturnType<typeof setTimeout> | null = null
  private renewTimer: ReturnType<typeof setTimeout> | null = null
  private refusals = 0 // in a row; each makes the next try later
  private token: string | null = null // the one that the socket was opened with
  private readonly undo: (() => void)[] = []
  private readonly frame: NonNullable<RealtimeDeps['frame']>

  constructor(
    private readonly deps: RealtimeDeps,
    private readonly store: Store,
  ) {
    this.frame = deps.frame ?? pacedFrames()
  }

  private get state() {
    return this.store.getState().monitoring
  }

  after(action: UnknownAction, before: string | null) {
    if (realtimeStarted.match(action)) this.start(action.payload === 'nothing')
    else if (realtimeStopped.match(action)) this.stop()
    else if (!this.running) return
    else if (realtimeRetried.match(action)) this.hurry()
    else if (setSelectedPipeline.match(action)) this.selected(before)
    else if (isHistory(action)) this.subscribe()
    else if (fetchPipelines.fulfilled.match(action) && this.socket?.connected && this.nothingToWatch())
      this.store.dispatch(linkChanged({ state: 'live' }))
  }

  // ---- life

  private start(nothing: boolean) {
    if (this.running) return
    this.running = true
    this.nothing = nothing
    this.store.dispatch(linkChanged({ state: 'connecting', attempt: 0, reason: null }))
    this.undo.push(this.deps.session.onChange(() => this.renewed()))
    if (typeof window !== 'undefined') {
      const online = () => this.hurry()
      const seen = () => document.visibilityState === 'visible' && !this.socket?.connected && this.hurry()
      window.addEventListener('online', online)
      document.addEventListener('visibilitychange', seen)
      this.undo.push(
        () => window.removeEventListener('online', online),
        () => document.removeEventListener('visibilitychange', seen),
      )
    }
    this.planRenewal()
    this.loadHistory()
    if (this.deps.config.wsEnabled) this.open()
    else this.pollTimer = setTimeout(() => this.pollNow(), 0)
  }

  private stop() {
    if (!this.running) return
    this.running = false
    this.undo.splice(0).forEach((undo) => undo())
    this.stopPolling()
    for (const timer of [this.retryTimer, this.renewTimer]) if (timer) clearTimeout(timer)
    this.retryTimer = this.renewTimer = null
    this.forget()
    this.socket?.disconnect()
    this.socket = null
    this.store.dispatch(linkChanged({ state: 'idle', attempt: 0, reason: null }))
  }

  private open() {
    const connect: Connect = this.deps.connect ?? ((url, options) => io(url, options) as MillraceSocket)
    const socket = connect(this.deps.config.wsUrl || globalThis.location?.origin || '', {
      auth: (give) => void this.credentials().then(give),
      parser: exactParser,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
      timeout: 10_000,
      forceNew: true,
    })
    this.socket = socket
    socket.on('connect', () => this.connected())
    socket.on('disconnect', (reason) => this.disconnected(reason))
    socket.on('connect_error', (error) => this.refused(error as Error & { data?: { code?: string } }))
    socket.on('replication_event', (event) => this.received([event]))
    socket.on('replication_events', (events) => this.received(events))
    socket.on('pipeline_stats', (stats) => {
      this.flush() // so that the counts and the list move together
      this.store.dispatch(statsReceived(stats))
    })
    socket.on('pipeline_status', (status) => this.store.dispatch(pipelineStatusChanged(status)))
    socket.on('replay_gap', (gap) => {
      this.flush()
      this.store.dispatch(replayGap(gap))
    })
    socket.io?.on('reconnect_attempt', (attempt) => this.attempted(attempt))
  }

  private async credentials(): Promise<{ token?: string }> {
    try {
      this.token = await this.deps.session.token()
    } catch {
      this.token = this.deps.session.current()?.accessToken ?? null // the server will say what it thinks of it
    }
    return this.token ? { token: this.token } : {}
  }

  // ---- the connection

  private connected() {
    this.refusals = 0
    this.clearRetry()
    this.stopPolling()
    this.subscribed = null
    this.store.dispatch(linkChanged({ state: this.nothingToWatch() ? 'live' : 'catching_up' }))
    this.renewed() // while it was being opened, another tab may have renewed the token
    this.loadHistory()
    this.subscribe()
  }

  /** Connected and no pipeline exists or is wanted: that is all there is to have. Not yet knowing is another thing. */
  private nothingToWatch() {
    if (this.nothing && this.state.selectedPipelineId === null) return true
    const { loaded, pipelines } = this.store.getState().pipelines
    return loaded && pipelines.length === 0
  }

  private disconnected(reason: string) {
    this.flush()
    this.forget()
    if (!this.running || reason === 'io client disconnect') return
    this.down(reason === 'io server disconnect' ? 'The server closed the connection.' : 'The connection was lost.')
    // The library comes back by itself from all but this one: an expired token, or a server that ends.
    if (reason === 'io server disconnect') this.again(500 * (0.5 + Math.random()))
  }

  private refused(error: Error & { data?: { code?: string } }) {
    if (!this.running) return
    if (this.socket?.active) return this.down('The server cannot be reached.') // it tries again by itself
    const unauthorized = error.message === 'unauthorized'
    this.down(unauthorized ? 'The server did not accept the session.' : `The server refused: ${error.message}.`)
    const delay = this.refusals === 0 ? 0 : Math.min(RETRY_MS_MAX, 1000 * 2 ** this.refusals)
    this.refusals++
    if (!unauthorized) return this.again(Math.max(1000, delay))
    const used = this.token
    this.again(delay, async () => {
      if (used) await this.deps.session.renew(used)
    })
  }

  /** Connect later, after `first` went well; if the session is over, not at all. */
  private again(delay: number, first: () => Promise<void> = async () => {}) {
    this.clearRetry()
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null
      first().then(
        () => this.running && this.socket?.connect(),
        (e) => this.running && !(e instanceof SessionOver) && this.again(Math.max(2000, delay), first),
      )
    }, delay)
  }

  private clearRetry() {
    if (this.retryTimer) clearTimeout(this.retryTimer)
    this.retryTimer = null
  }

  private attempted(attempt: number) {
    const { link } = this.state
    this.store.dispatch(linkChanged({ ...link, attempt }))
  }

  private hurry() {
    if (!this.running || this.socket?.connected) return
    this.refusals = 0
    this.clearRetry()
    this.socket?.disconnect().connect()
    this.pollNow()
  }

  // ---- subscriptions

  private selected(before: string | null) {
    const { selectedPipelineId } = this.state
    if (before === selectedPipelineId) return
    this.poll?.abort()
    this.buffer = []
    this.subscription++
    this.subscribed = null
    if (before && this.socket?.connected) this.socket.emit('unsubscribe_pipeline', { pipeline_id: before })
    this.loadHistory()
  }

  /** The first page, unless it is there; when it has come, or failed, the subscription follows. */
  private loadHistory() {
    const { selectedPipelineId: pipelineId, isLoading, lastSeq } = this.state
    if (pipelineId && !isLoading && lastSeq === null) void this.store.dispatch(fetchReplicationEvents({ pipelineId, reach: 'latest' }))
  }

  /** Once per connection and pipeline, and not before the history has said where it ends. */
  private subscribe() {
    const { selectedPipelineId: id, isLoading, lastSeq } = this.state
    const socket = this.socket
    if (!socket?.connected || !id || isLoading || this.subscribed === id) return
    this.subscribed = id
    const request = ++this.subscription
    this.store.dispatch(linkChanged({ state: 'catching_up' }))
    socket
      .timeout(ACK_MS)
      .emit('subscribe_pipeline', { pipeline_id: id, after: lastSeq ?? undefined, batch_ms: BATCH_MS }, (late: Error | null, answer: SubscribeAck) => {
        if (request === this.subscription && socket.connected) this.answered(late ? null : answer)
      })
  }

  private answered(answer: SubscribeAck | null) {
    this.flush()
    if (answer?.ok) {
      this.store.dispatch(subscriptionRefused(null))
      this.store.dispatch(linkChanged({ state: 'live' }))
      return
    }
    const error = answer?.error ?? { code: 'late', message: 'The server did not answer.' }
    this.store.dispatch(subscriptionRefused(error.message))
    if (error.code === 'unknown_pipeline') {
      void this.store.dispatch(fetchPipelines()) // the page then chooses one that exists
      return
    }
    this.subscribed = null
    this.clearRetry()
    this.retryTimer = setTimeout(() => this.subscribe(), 2000)
  }

  private forget() {
    this.subscription++
    this.subscribed = null
    this.buffer = []
    this.cancelFrame?.()
    this.cancelFrame = null
  }

  // ---- events, a frame at a time

  private received(events: ReplicationEvent[]) {
    for (const event of events) this.buffer.push(event)
    if (this.buffer.length >= BUFFER_MAX) this.flush()
    else this.cancelFrame ??= this.frame(() => this.flush())
  }

  private flush() {
    this.cancelFrame?.()
    this.cancelFrame = null
    if (!this.buffer.length) return
    const events = this.buffer
    this.buffer = []
    this.store.dispatch(addReplicationEvents(events))
  }

  // ---- without a socket

  private down(reason: string) {
    const { link } = this.state
    const already = link.state === 'polling' || link.state === 'offline'
    this.store.dispatch(linkChanged({ state: already ? link.state : 'offline', reason }))
    if (!this.pollTimer && !this.poll) this.pollTimer = setTimeout(() => this.pollNow(), this.deps.config.wsEnabled ? FIRST_POLL_MS : 0)
  }

  private pollNow() {
    if (!this.running || this.poll || this.socket?.connected) return
    if (this.pollTimer) clearTimeout(this.pollTimer)
    this.pollTimer = null
    const { selectedPipelineId: pipelineId, lastSeq } = this.state
    const poll = this.store.dispatch(
      pipelineId ? fetchReplicationEvents({ pipelineId, reach: lastSeq === null ? 'latest' : 'missed' }) : fetchPipelines(),
    ) as Aborting
    this.poll = poll
    void poll.then((result) => {
      if (this.poll !== poll) return
      this.poll = null
      if (!this.running || this.socket?.connected) return
      this.polled(result)
      this.pollTimer = setTimeout(() => this.pollNow(), this.deps.config.pollInterval)
    })
  }

  private polled(result: UnknownAction & { payload?: unknown }) {
    const failed = isAnyOf(fetchReplicationEvents.rejected, fetchPipelines.rejected)(result)
    if (!failed) {
      this.store.dispatch(linkChanged({ state: 'polling' }))
      return
    }
    const failure = result.payload as Failure | undefined
    // An answer, even a refusal, means that the API is there.
    if (failure?.away || (failure?.status ?? 0) >= 500) this.store.dispatch(linkChanged({ state: 'offline' }))
  }

  private stopPolling() {
    if (this.pollTimer) clearTimeout(this.pollTimer)
    this.pollTimer = null
    this.poll?.abort()
    this.poll = null
  }

  // ---- the token

  private planRenewal() {
    if (this.renewTimer) clearTimeout(this.renewTimer)
    const session = this.deps.session.current()
    if (!session || !this.running) return
    const delay = Math.max(0, this.deps.session.renewAt(session) - Date.now())
    this.renewTimer = setTimeout(() => {
      this.deps.session.renew(session.accessToken).catch((e) => {
        if (this.running && !(e instanceof SessionOver)) this.renewTimer = setTimeout(() => this.planRenewal(), 5000)
      })
    }, delay)
  }

  /** A socket lives as long as its token: tell it the new one before the old one ends. */
  private renewed() {
    this.planRenewal()
    const session = this.deps.session.current()
    if (!session || !this.socket?.connected || session.accessToken === this.token) return
    const { accessToken } = session
    this.socket.timeout(ACK_MS).emit('refresh_token', { token: accessToken }, (late: Error | null, answer) => {
      if (!late && answer.ok) this.token = accessToken
    })
  }
}

function isHistory(action: UnknownAction): boolean {
  return isAnyOf(fetchReplicationEvents.fulfilled, fetchReplicationEvents.rejected)(action) && action.meta.arg.reach === 'latest'
}
