// What the message dashboard knows: the server's samples (it keeps the history, so a reload shows the
// same), the newest messages, and the burst that was asked for.
import { createAsyncThunk, createSlice, type PayloadAction, type ThunkAction, type UnknownAction } from '@reduxjs/toolkit'
import type { Message, Stats } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import type { Services, ThunkConfig } from '@/lib/thunk'
import { Feed, IDLE, type FeedStatus } from '@/lib/websocket/feed'

export const POINTS = 100 // of 500 ms

export interface IngestState {
  samples: Stats[] // oldest first
  at: number | null // when the last one came
  link: FeedStatus
  historyError: Failure | null
  messages: Message[] // newest first
  messagesLoaded: boolean
  messagesError: Failure | null
  burst: { isPending: boolean; error: Failure | null; started: { count: number; at: number } | null }
}
const initialState: IngestState = {
  samples: [],
  at: null,
  link: IDLE,
  historyError: null,
  messages: [],
  messagesLoaded: false,
  messagesError: null,
  burst: { isPending: false, error: null, started: null },
}

export const fetchStatsHistory = createAsyncThunk<Stats[], void, ThunkConfig>('ingest/history', async (_, { extra, signal, rejectWithValue }) => {
  try {
    return await extra.api.statsHistory(POINTS, { signal })
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})

export const fetchMessages = createAsyncThunk<Message[], number, ThunkConfig>('ingest/messages', async (limit, { extra, signal, rejectWithValue }) => {
  try {
    return await extra.api.messages(limit, { signal })
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})

export interface Burst {
  count: number
  seconds: number
  template: string
}
export const simulate = createAsyncThunk<number, Burst, ThunkConfig>('ingest/simulate', async ({ count, seconds, template }, { extra, rejectWithValue }) => {
  try {
    const body = { count, duration_seconds: seconds, ...(template ? { template } : {}) }
    return (await extra.api.simulate(body)).messages_count
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})

/** Hear the figures until what is returned is called. */
export const watchStats =
  (): ThunkAction<() => void, unknown, Services, UnknownAction> =>
  (dispatch, _, { session, config }) => {
    const feed = new Feed({
      config,
      session,
      path: '/ws/stats',
      maxTries: Infinity,
      onMessage: (m) => dispatch(sampleCame(m as Stats)),
      onStatus: (s) => dispatch(linkChanged(s)),
    })
    feed.connect()
    return () => feed.disconnect()
  }

const isNewer = (a: Stats, b: Stats | undefined) => !b || a.timestamp > b.timestamp

export const ingestSlice = createSlice({
  name: 'ingest',
  initialState,
  reducers: {
    sampleCame(state, { payload }: PayloadAction<Stats>) {
      state.at = Date.now()
      if (!isNewer(payload, state.samples.at(-1))) return
      state.samples.push(payload)
      if (state.samples.length > POINTS) state.samples.splice(0, state.samples.length - POINTS)
    },
    linkChanged(state, { payload }: PayloadAction<FeedStatus>) {
      state.link = payload
    },
    burstSeen(state) {
      state.burst.started = null
      state.burst.error = null
    },
  },
  extraReducers: (builder) => {
    builder
      .addCase(fetchStatsHistory.fulfilled, (state, { payload }) => {
        const later = state.samples.filter((s) => isNewer(s, payload.at(-1)))
        state.samples = [...payload, ...later].slice(-POINTS)
        state.at ??= payload.length ? Date.now() : null
        state.historyError = null
      })
      .addCase(fetchStatsHistory.rejected, (state, { payload, meta }) => {
        if (!meta.aborted) state.historyError = payload ?? null
      })
      .addCase(fetchMessages.fulfilled, (state, { payload }) => {
        state.messages = payload
        state.messagesLoaded = true
        state.messagesError = null
      })
      .addCase(fetchMessages.rejected, (state, { payload, meta }) => {
        if (!meta.aborted) state.messagesError = payload ?? null
      })
      .addCase(simulate.pending, (state) => {
        state.burst = { isPending: true, error: null, started: null }
      })
      .addCase(simulate.fulfilled, (state, { payload }) => {
        state.burst = { isPending: false, error: null, started: { count: payload, at: Date.now() } }
      })
      .addCase(simulate.rejected, (state, { payload }) => {
        state.burst = { isPending: false, error: payload ?? null, started: null }
      })
  },
  selectors: {
    selectSamples: (state) => state.samples,
    selectIngest: (state) => state,
  },
})

export const { sampleCame, linkChanged, burstSeen } = ingestSlice.actions
export const { selectSamples, selectIngest } = ingestSlice.selectors
