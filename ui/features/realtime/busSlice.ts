// The message bus as this page hears it: the newest messages, how long they took, what was left out.
import { createAsyncThunk, createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { BusStatus, LiveConnection } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import type { Json } from '@/lib/json'
import type { ThunkConfig } from '@/lib/thunk'
import { IDLE, type FeedStatus } from '@/lib/websocket/feed'

export const SHOWN_MAX = 500
export const WINDOW = 100 // latencies

export interface BusMessage {
  key: string // of the stream and the id
  stream: string
  type: string
  id: string
  data: Json
  timestamp: string
  latency: number | null // ms, corrected by the clock's offset; null: it was replayed
}

export interface BusState {
  link: FeedStatus
  messages: BusMessage[] // newest first
  streams: Record<string, number> // messages heard
  heard: number
  latencies: number[] // the last ones, oldest first
  perSecond: number
  offset: number | null // of the server's clock, ms
  coalesced: number
  notices: string[] // gaps and complaints, newest first
  status: { value: BusStatus | null; error: Failure | null }
  connections: { value: LiveConnection[] | null; error: Failure | null }
}
const initialState: BusState = {
  link: IDLE,
  messages: [],
  streams: {},
  heard: 0,
  latencies: [],
  perSecond: 0,
  offset: null,
  coalesced: 0,
  notices: [],
  status: { value: null, error: null },
  connections: { value: null, error: null },
}

export const fetchBusStatus = createAsyncThunk<BusStatus, void, ThunkConfig>('bus/status', async (_, { extra, signal, rejectWithValue }) => {
  try {
    return await extra.api.busStatus({ signal })
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})
export const fetchLiveConnections = createAsyncThunk<LiveConnection[], void, ThunkConfig>('bus/connections', async (_, { extra, signal, rejectWithValue }) => {
  try {
    return await extra.api.liveConnections({ signal })
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})
export const closeLiveConnection = createAsyncThunk<string, string, ThunkConfig>('bus/close', async (sid, { extra, rejectWithValue }) => {
  try {
    await extra.api.closeConnection(sid)
    return sid
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})
export const publish = createAsyncThunk<void, { stream: string; data: unknown }, ThunkConfig>('bus/publish', async ({ stream, data }, { extra, rejectWithValue }) => {
  try {
    await extra.api.publish(stream, { data })
  } catch (e) {
    return rejectWithValue(failureOf(e))
  }
})

export interface Heard {
  messages: BusMessage[] // oldest first
  perSecond: number
}

export const busSlice = createSlice({
  name: 'bus',
  initialState,
  reducers: {
    busLinkChanged(state, { payload }: PayloadAction<FeedStatus>) {
      state.link = payload
    },
    busHeard(state, { payload: { messages, perSecond } }: PayloadAction<Heard>) {
      state.perSecond = perSecond
      if (!messages.length) return
      state.heard += messages.length
      for (const m of messages) state.streams[m.stream] = (state.streams[m.stream] ?? 0) + 1
      const known = messages.map((m) => m.latency).filter((ms) => ms !== null)
      state.latencies = [...state.latencies, ...known].slice(-WINDOW)
      state.messages = [...messages.slice(-SHOWN_MAX).reverse(), ...state.messages].slice(0, SHOWN_MAX)
    },
    busClockKnown(state, { payload }: PayloadAction<number>) {
      state.offset = payload
    },
    busCoalesced(state, { payload }: PayloadAction<number>) {
      state.coalesced += payload
    },
    busNoticed(state, { payload }: PayloadAction<string>) {
      state.notices = [payload, ...state.notices].slice(0, 5)
    },
  },
  extraReducers: (builder) => {
    builder
      .addCase(fetchBusStatus.fulfilled, (state, { payload }) => {
        state.status = { value: payload, error: null }
      })
      .addCase(fetchBusStatus.rejected, (state, { payload, meta }) => {
        if (!meta.aborted) state.status.error = payload ?? null
      })
      .addCase(fetchLiveConnections.fulfilled, (state, { payload }) => {
        state.connections = { value: payload, error: null }
      })
      .addCase(fetchLiveConnections.rejected, (state, { payload, meta }) => {
        if (!meta.aborted) state.connections.error = payload ?? null
      })
      .addCase(closeLiveConnection.fulfilled, (state, { payload }) => {
        if (state.connections.value) state.connections.value = state.connections.value.filter((c) => c.sid !== payload)
      })
  },
  selectors: { selectBus: (state) => state },
})

export const { busLinkChanged, busHeard, busClockKnown, busCoalesced, busNoticed } = busSlice.actions
export const { selectBus } = busSlice.selectors

export interface Performance {
  average: number | null
  min: number | null
  max: number | null
  samples: number
  messagesPerSecond: number
}
export function performanceOf(state: Pick<BusState, 'latencies' | 'perSecond'>): Performance {
  const { latencies: all, perSecond: messagesPerSecond } = state
  if (!all.length) return { average: null, min: null, max: null, samples: 0, messagesPerSecond }
  return { average: all.reduce((sum, ms) => sum + ms, 0) / all.length, min: Math.min(...all), max: Math.max(...all), samples: all.length, messagesPerSecond }
}
