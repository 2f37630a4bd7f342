// The databases that pipelines read from and write to. Passwords go one way only: what the server
// gives back has none, so nothing here could leak one.
import { createAsyncThunk, createSlice } from '@reduxjs/toolkit'
import type { Connection, NewConnection } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import type { ThunkConfig } from '@/lib/thunk'

export interface ConnectionState {
  connections: Connection[]
  isLoading: boolean // the first time only: later readings replace silently
  loaded: boolean
  at: number | null // when they were last read
  error: Failure | null // of the last try; the list is then an older one
}
const initialState: ConnectionState = { connections: [], isLoading: false, loaded: false, at: null, error: null }

export const fetchConnections = createAsyncThunk<Connection[], void, ThunkConfig>(
  'connections/fetch',
  async (_, { extra, signal, rejectWithValue }) => {
    try {
      return await extra.api.connections({ signal })
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const createConnection = createAsyncThunk<Connection, NewConnection, ThunkConfig>(
  'connections/create',
  async (connection, { extra, rejectWithValue }) => {
    try {
      return await extra.api.createConnection(connection)
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const updateConnection = createAsyncThunk<Connection, { id: string; change: Partial<NewConnection> }, ThunkConfig>(
  'connections/update',
  async ({ id, change }, { extra, rejectWithValue }) => {
    try {
      return await extra.api.updateConnection(id, change)
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const deleteConnection = createAsyncThunk<string, string, ThunkConfig>(
  'connections/delete',
  async (id, { extra, rejectWithValue }) => {
    try {
      await extra.api.deleteConnection(id)
      return id
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

export const connectionSlice = createSlice({
  name: 'connections',
  initialState,
  reducers: {},
  extraReducers: (builder) => {
    builder
      .addCase(fetchConnections.pending, (state) => {
        state.isLoading = !state.loaded
      })
      .addCase(fetchConnections.fulfilled, (state, { payload }) => {
        Object.assign(state, { connections: payload, isLoading: false, loaded: true, at: Date.now(), error: null })
      })
      .addCase(fetchConnections.rejected, (state, { payload, meta }) => {
        state.isLoading = false
        if (!meta.aborted) state.error = payload ?? null
      })
      .addCase(createConnection.fulfilled, (state, { payload }) => {
        state.connections = [payload, ...state.connections.filter((c) => c.id !== payload.id)]
      })
      .addCase(updateConnection.fulfilled, (state, { payload }) => {
        state.connections = state.connections.map((c) => (c.id === payload.id ? payload : c))
      })
      .addCase(deleteConnection.fulfilled, (state, { payload }) => {
        state.connections = state.connections.filter((c) => c.id !== payload)
      })
  },
  selectors: { selectConnections: (state) => state },
})

export const { selectConnections } = connectionSlice.selectors
