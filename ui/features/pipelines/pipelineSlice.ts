// The pipelines as the server last told: the list by REST, changes of state by the socket. Which one
// is being looked at is not here: that belongs to the page (monitoringSlice, and the URL).
import { createAsyncThunk, createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { CommandResult, NewPipeline, Pipeline, PipelineChange, PipelineCommand } from '@/lib/api/types'
import type { ThunkConfig } from '@/lib/thunk'
import { failureOf, type Failure } from '@/lib/failure'
import type { PipelineStatusEvent } from '@/lib/websocket/events'

export interface PipelineState {
  pipelines: Pipeline[] // as the API sorts them: newest first
  isLoading: boolean // the first time only: later readings replace silently
  loaded: boolean
  at: number | null // when they were last read
  error: Failure | null
  rates: Record<string, number> // events a second, between the last two readings of the server's counters
}
const initialState: PipelineState = { pipelines: [], isLoading: false, loaded: false, at: null, error: null, rates: {} }

export const fetchPipelines = createAsyncThunk<Pipeline[], void, ThunkConfig>(
  'pipelines/fetch',
  async (_, { extra, signal, rejectWithValue }) => {
    try {
      return await extra.api.pipelines({ signal })
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const createPipeline = createAsyncThunk<Pipeline, NewPipeline, ThunkConfig>(
  'pipelines/create',
  async (pipeline, { extra, rejectWithValue }) => {
    try {
      return await extra.api.createPipeline(pipeline)
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

/** Of one that was made here and is not started yet, or of its name and its description. */
export const updatePipeline = createAsyncThunk<Pipeline, { id: string; change: PipelineChange }, ThunkConfig>(
  'pipelines/update',
  async ({ id, change }, { extra, rejectWithValue }) => {
    try {
      return await extra.api.updatePipeline(id, change)
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

/** Ask for a change of state. The answer comes when the wish is durable; what it leads to is told later. */
export const commandPipeline = createAsyncThunk<CommandResult, { id: string; command: PipelineCommand }, ThunkConfig>(
  'pipelines/command',
  async ({ id, command }, { extra, rejectWithValue }) => {
    try {
      return await extra.api.commandPipeline(id, command)
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const deletePipeline = createAsyncThunk<string, { id: string; force?: boolean; drop_topics?: boolean }, ThunkConfig>(
  'pipelines/delete',
  async ({ id, ...options }, { extra, rejectWithValue }) => {
    try {
      await extra.api.deletePipeline(id, options)
      return id
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

const without = (pipelines: Pipeline[], id: string) => pipelines.filter((p) => p.id !== id)

const SHORTEST_MS = 1000 // readings closer than this give no rate worth showing

function ratesOf({ pipelines, at: before, rates }: PipelineState, now: Pipeline[], at: number): Record<string, number> {
  if (before === null || at - before < SHORTEST_MS) return rates
  const counts = new Map(pipelines.map((p) => [p.id, p.stats.total_events]))
  return Object.fromEntries(
    now.flatMap((p) => {
      const [was, is] = [counts.get(p.id), p.stats.total_events]
      return was === undefined || is === undefined ? [] : [[p.id, Math.max(0, ((is - was) * 1000) / (at - before))]]
    }),
  )
}

export const pipelineSlice = createSlice({
  name: 'pipelines',
  initialState,
  reducers: {
    pipelineStatusChanged(state, { payload }: PayloadAction<PipelineStatusEvent>) {
      if (payload.deleted) {
        state.pipelines = without(state.pipelines, payload.pipeline_id)
        return
      }
      const pipeline = state.pipelines.find((p) => p.id === payload.pipeline_id)
      if (!pipeline) return
      pipeline.status = payload.status
      pipeline.error_message = payload.error_message
    },
  },
  extraReducers: (builder) => {
    builder
      .addCase(fetchPipelines.pending, (state) => {
        state.isLoading = !state.loaded
      })
      .addCase(fetchPipelines.fulfilled, (state, { payload }) => {
        const at = Date.now()
        state.rates = ratesOf(state, payload, at)
        Object.assign(state, { pipelines: payload, isLoading: false, loaded: true, at, error: null })
      })
      .addCase(fetchPipelines.rejected, (state, { payload, meta }) => {
        state.isLoading = false
        if (!meta.aborted) state.error = payload ?? null
      })
      .addCase(createPipeline.fulfilled, (state, { payload }) => {
        state.pipelines = [payload, ...without(state.pipelines, payload.id)]
      })
      .addCase(updatePipeline.fulfilled, (state, { payload }) => {
        state.pipelines = state.pipelines.map((p) => (p.id === payload.id ? payload : p))
      })
      .addCase(commandPipeline.fulfilled, (state, { payload }) => {
        const pipeline = state.pipelines.find((p) => p.id === payload.pipeline_id)
        if (pipeline) pipeline.status = payload.status
      })
      .addCase(deletePipeline.fulfilled, (state, { payload }) => {
        state.pipelines = without(state.pipelines, payload)
      })
  },
  selectors: {
    selectPipelines: (state) => state.pipelines,
    selectPipelinesState: (state) => state,
  },
})

export const { pipelineStatusChanged } = pipelineSlice.actions
export const { selectPipelines, selectPipelinesState } = pipelineSlice.selectors
