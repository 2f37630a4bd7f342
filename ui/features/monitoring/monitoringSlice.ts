// One pipeline, watched: its events, its counts, and how they reach us. The counts are the server's
// (GET /monitoring/dashboard, pipeline_stats); this slice never counts events, it remembers them.
//
// lastSeq is the promise: everything up to it has been received. Only what is complete may advance
// it (the socket's ordered stream, a poll that reached back to it), because it is what the next
// subscription asks for with `after`.
import { createAsyncThunk, createSlice, isDraft, original, type PayloadAction } from '@reduxjs/toolkit'
import type { Counts, Dashboard, LoggerStatus, Metrics, ReplicationEvent } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import type { ThunkConfig } from '@/lib/thunk'
import type { PipelineStatsEvent, ReplayGapEvent } from '@/lib/websocket/events'
import { EVENTS_MAX, merge } from './eventList'
import { NO_RATES, read, seeded, type Rates } from './rates'

const PAGE = 200 // the history at first, and each step further back
const MISSED_PAGE = 1000 // the API's largest
const NOTICES_MAX = 20

export type LinkState =
  | 'idle' // nobody is watching
  | 'connecting' // for the first time
  | 'catching_up' // connected; what was missed is on its way
  | 'live'
  | 'polling' // no socket; asking every few seconds
  | 'offline' // neither

export interface Link {
  state: LinkState
  since: number // Unix ms: when it became so; for polling and offline: when the socket went
  attempt: number // tries since then
  reason: string | null
}

export interface Timed<T> {
  value: T | null
  at: number | null // when it was last read
  error: Failure | null // of the last try; the value is then an older one
}

export interface MonitoringState {
  selectedPipelineId: string | null
  events: ReplicationEvent[] // newest first, each once, at most EVENTS_MAX
  frozen: ReplicationEvent[] | null // paused: what the list was then
  lastSeq: number | null
  isLoading: boolean // the history
  request: string | null // which request that is: an older one that ends late changes nothing
  error: Failure | null
  older: { cursor: string | null; isLoading: boolean; error: Failure | null }
  notices: ReplayGapEvent[] // what the log can't give any more; newest first
  subscription: string | null // why the server refused to subscribe us
  link: Link
  metrics: Timed<Metrics>
  logger: Timed<LoggerStatus>
  rates: Rates
}

const nothing = { value: null, at: null, error: null }
const initialState: MonitoringState = {
  selectedPipelineId: null,
  events: [],
  frozen: null,
  lastSeq: null,
  isLoading: false,
  request: null,
  error: null,
  older: { cursor: null, isLoading: false, error: null },
  notices: [],
  subscription: null,
  link: { state: 'idle', since: 0, attempt: 0, reason: null },
  metrics: nothing,
  logger: nothing,
  rates: NO_RATES,
}

/** latest: the first page. missed: all after lastSeq. older: one page further back. */
export type Reach = 'latest' | 'missed' | 'older'
interface Fetched {
  events: ReplicationEvent[]
  next: string | null
}

export const fetchReplicationEvents = createAsyncThunk<
  Fetched,
  { pipelineId: string; reach: Reach },
  ThunkConfig & { state: { monitoring: MonitoringState } }
>('monitoring/events', async ({ pipelineId, reach }, { extra, getState, signal, rejectWithValue }) => {
  const { older, lastSeq } = getState().monitoring
  try {
    if (reach === 'latest') return await extra.api.events({ pipeline_id: pipelineId, limit: PAGE }, { signal })
    if (reach === 'older')
      return await extra.api.events({ pipeline_id: pipelineId, limit: PAGE, cursor: older.cursor ?? undefined }, { signal })
    const out: Fetched = { events: [], next: null }
    do {
      const page = await extra.api.events(
        { pipeline_id: pipelineId, limit: MISSED_PAGE, after_seq: lastSeq ?? 0, cursor: out.next ?? undefined },
        { signal, retries: 0 },
      )
      out.events.push(...page.events)
      out.next = page.next
    } while (out.next && out.events.length < EVENTS_MAX)
    return out
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})

export const fetchMonitoringMetrics = createAsyncThunk<Dashboard, string, ThunkConfig & { fulfilledMeta: { asked: number }; pendingMeta: { asked: number } }>(
  'monitoring/metrics',
  async (pipelineId, { extra, signal, rejectWithValue, fulfillWithValue }) => {
    const asked = Date.now()
    try {
      return fulfillWithValue(await extra.api.dashboard(pipelineId, { signal, retries: 0 }), { asked })
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const fetchLoggerStatus = createAsyncThunk<LoggerStatus, void, ThunkConfig>(
  'monitoring/logger',
  async (_, { extra, signal, rejectWithValue }) => {
    try {
      return await extra.api.loggerStatus({ signal, retries: 0 })
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

/** The list without drafts: ten thousand proxies a frame would be felt. */
const plain = (state: MonitoringState) => original(state)?.events ?? state.events

const countsOf = (s: PipelineStatsEvent): Counts => ({
  total_events: s.total_events,
  insert_count: s.insert_count,
  update_count: s.update_count,
  delete_count: s.delete_count,
  other_count: s.other_count,
  failed_count: s.failed_count,
  snapshot_count: s.snapshot_count,
  avg_latency_ms: s.avg_latency_ms,
  events_per_second: s.events_per_second,
  last_event_time: s.last_event_time,
})

const highest = (events: ReplicationEvent[], floor: number | null) =>
  events.reduce<number | null>((max, e) => (max === null || e.seq > max ? e.seq : max), floor)

function put(state: MonitoringState, old: ReplicationEvent[], fresh: ReplicationEvent[]) {
  const events = merge(old, fresh)
  // Once the oldest have been dropped, the page before them no longer joins on.
  if (events.length === EVENTS_MAX) state.older.cursor = null
  state.events = events
}

const STALE_POLLS = 3

/** Is what was read `at` no longer to be taken for the present? */
export const isStale = (at: number | null, now: number, pollInterval: number, offline: boolean) =>
  at !== null && (offline || now - at > STALE_POLLS * pollInterval)

/** When both the history and a first reading of the counters are there, whichever came last. */
function seed(state: MonitoringState) {
  if (!state.isLoading && state.lastSeq !== null) {
    const events = isDraft(state.events) ? original(state.events)! : state.events
    state.rates = seeded(state.rates, events)
  }
}

export const monitoringSlice = createSlice({
  name: 'monitoring',
  initialState,
  reducers: {
    setSelectedPipeline(state, { payload }: PayloadAction<string | null>) {
      if (payload === state.selectedPipelineId) return state
      return { ...initialState, selectedPipelineId: payload, link: state.link, logger: state.logger }
    },

    /** From the socket: in the log's order, complete. */
    addReplicationEvents(state, { payload }: PayloadAction<ReplicationEvent[]>) {
      const mine = payload.filter((e) => e.pipeline_id === state.selectedPipelineId)
      if (!mine.length) return
      put(state, plain(state), mine)
      state.lastSeq = highest(mine, state.lastSeq)
    },

    statsReceived: {
      prepare: (stats: PipelineStatsEvent, at = Date.now()) => ({ payload: stats, meta: { at } }),
      reducer(state, { payload, meta }: PayloadAction<PipelineStatsEvent, string, { at: number }>) {
        if (payload.pipeline_id !== state.selectedPipelineId) return
        const before = state.metrics.value
        // The rate of one second would alternate with the dashboard's of ten.
        state.metrics.value = { ...before, ...countsOf(payload), events_per_second: before?.events_per_second ?? payload.events_per_second }
        state.metrics.at = meta.at
        state.rates = read(state.rates, payload, meta.at)
        seed(state)
      },
    },

    replayGap(state, { payload }: PayloadAction<ReplayGapEvent>) {
      if (payload.pipeline_id !== state.selectedPipelineId) return
      state.notices = [payload, ...state.notices].slice(0, NOTICES_MAX)
      // The server's log ends before what we have: it is another log, and ours means nothing in it.
      if (state.lastSeq !== null && payload.to <= state.lastSeq) {
        Object.assign(state, { events: [], frozen: null, rates: NO_RATES, lastSeq: payload.from - 1 })
        state.older.cursor = null
      }
    },

    paused(state) {
      state.frozen ??= plain(state)
    },
    resumed(state) {
      state.frozen = null
    },
    subscriptionRefused(state, { payload }: PayloadAction<string | null>) {
      state.subscription = payload
    },

    linkChanged: {
      prepare: (link: Partial<Link> & { state: LinkState }, at = Date.now()) => ({ payload: link, meta: { at } }),
      reducer(state, { payload, meta }: PayloadAction<Partial<Link> & { state: LinkState }, string, { at: number }>) {
        const down = (s: LinkState) => s === 'polling' || s === 'offline'
        const was = state.link
        // Polling and offline are two ways of having no socket: since when does not change between them.
        const same = payload.state === was.state || (down(payload.state) && down(was.state))
        const up = payload.state === 'live' || payload.state === 'catching_up'
        state.link = {
          state: payload.state,
          since: payload.since ?? (same ? was.since : meta.at),
          attempt: up ? 0 : (payload.attempt ?? was.attempt),
          reason: up ? null : payload.reason === undefined ? was.reason : payload.reason,
        }
      },
    },
  },

  extraReducers: (builder) => {
    builder
      .addCase(fetchReplicationEvents.pending, (state, { meta: { arg, requestId } }) => {
        if (arg.pipelineId !== state.selectedPipelineId) return
        if (arg.reach === 'latest') Object.assign(state, { isLoading: true, request: requestId, error: null })
        if (arg.reach === 'older') state.older = { ...state.older, isLoading: true, error: null }
      })
      .addCase(fetchReplicationEvents.fulfilled, (state, { payload, meta: { arg, requestId } }) => {
        if (arg.pipelineId !== state.selectedPipelineId) return
        if (arg.reach === 'latest' && requestId !== state.request) return
        const { events, next } = payload
        if (arg.reach === 'older') {
          state.older = { cursor: next, isLoading: false, error: null }
          put(state, plain(state), events)
          return
        }
        const old = plain(state)
        const reached = next === null || events.some((e) => e.seq <= (state.lastSeq ?? -1))
        // A page that does not reach back to what we have leaves a hole: the new page replaces it.
        const oldest = events[events.length - 1]?.seq ?? 0
        put(state, reached ? old : old.filter((e) => e.seq >= oldest), events)
        state.lastSeq = highest(events, state.lastSeq ?? (arg.reach === 'latest' && !events.length ? 0 : null))
        if (arg.reach === 'latest') {
          state.isLoading = false
          state.older = { cursor: state.events.length === EVENTS_MAX ? null : next, isLoading: false, error: null }
          seed(state)
        }
      })
      .addCase(fetchReplicationEvents.rejected, (state, { payload, meta: { arg, aborted, requestId } }) => {
        if (arg.pipelineId !== state.selectedPipelineId) return
        const error = aborted ? null : (payload ?? null)
        if (arg.reach === 'latest' && requestId === state.request) Object.assign(state, { isLoading: false, error })
        if (arg.reach === 'older') state.older = { ...state.older, isLoading: false, error }
      })

      .addCase(fetchMonitoringMetrics.fulfilled, (state, { payload, meta: { arg, asked } }) => {
        if (arg !== state.selectedPipelineId) return
        const { metrics } = state
        // pipeline_stats may have come while we waited: its counts are newer, and counts never go back.
        const newer = metrics.value && metrics.at !== null && metrics.at > asked && metrics.value.total_events >= payload.total_events
        const counts = newer ? metrics.value : payload
        metrics.value = { ...payload, ...counts, events_per_second: payload.events_per_second, p95_latency_ms: payload.p95_latency_ms }
        metrics.error = null
        const now = Date.now()
        // While the socket brings a reading each second, these would only blur them.
        if (!newer && (state.rates.last === null || now - state.rates.last.at > 2500)) state.rates = read(state.rates, payload, now)
        metrics.at = now
        seed(state)
      })
      .addCase(fetchMonitoringMetrics.rejected, (state, { payload, meta: { arg, aborted } }) => {
        if (arg === state.selectedPipelineId && !aborted) state.metrics.error = payload ?? null
      })

      .addCase(fetchLoggerStatus.fulfilled, (state, { payload }) => {
        state.logger = { value: payload, at: Date.now(), error: null }
      })
      .addCase(fetchLoggerStatus.rejected, (state, { payload, meta: { aborted } }) => {
        if (!aborted) state.logger.error = payload ?? null
      })
  },

  selectors: {
    // Small ones on purpose: what reads the whole slice is drawn again with every event.
    selectMetrics: (state) => state.metrics,
    selectLogger: (state) => state.logger,
    selectRates: (state) => state.rates,
    selectPaused: (state) => state.frozen !== null,
    selectOlder: (state) => state.older,
    selectNotices: (state) => state.notices,
    selectRefusal: (state) => state.subscription,
    selectHistoryError: (state) => state.error,
    selectHistoryPending: (state) => state.isLoading || (state.lastSeq === null && !state.error),
    selectSelectedPipelineId: (state) => state.selectedPipelineId,
    selectLink: (state) => state.link,
    selectEvents: (state) => state.events,
    selectShownEvents: (state) => state.frozen ?? state.events,
    /** How many came while paused: pipeline_seq counts them, even those the list has dropped again. */
    selectWaiting: (state) => {
      if (!state.frozen) return 0
      return (state.events[0]?.pipeline_seq ?? 0) - (state.frozen[0]?.pipeline_seq ?? 0)
    },
  },
})

export const {
  setSelectedPipeline,
  addReplicationEvents,
  statsReceived,
  replayGap,
  paused,
  resumed,
  subscriptionRefused,
  linkChanged,
} = monitoringSlice.actions
export const {
  selectMetrics,
  selectLogger,
  selectRates,
  selectPaused,
  selectOlder,
  selectNotices,
  selectRefusal,
  selectHistoryError,
  selectHistoryPending,
  selectSelectedPipelineId,
  selectLink,
  selectEvents,
  selectShownEvents,
  selectWaiting,
} = monitoringSlice.selectors
