// One store for the page; the same function makes it in tests, with fakes for what it reaches out to.
import { combineReducers, configureStore } from '@reduxjs/toolkit'
import { useDispatch, useSelector } from 'react-redux'
import { authSlice, sessionChanged } from '@/features/auth/authSlice'
import { connectionSlice } from '@/features/connections/connectionSlice'
import { ingestSlice } from '@/features/ingestion/ingestSlice'
import { monitoringSlice } from '@/features/monitoring/monitoringSlice'
import { pipelineSlice } from '@/features/pipelines/pipelineSlice'
import { busSlice } from '@/features/realtime/busSlice'
import type { ApiClient } from './api/client'
import { built, type Config } from './config'
import type { SessionKeeper } from './session'
import { realtimeMiddleware, type RealtimeDeps } from './websocket/client'

const reducer = combineReducers({
  auth: authSlice.reducer,
  pipelines: pipelineSlice.reducer,
  connections: connectionSlice.reducer,
  monitoring: monitoringSlice.reducer,
  ingest: ingestSlice.reducer,
  bus: busSlice.reducer,
})
export type RootState = ReturnType<typeof reducer>

export interface StoreDeps {
  api: ApiClient
  session: SessionKeeper
  config?: Config
  realtime?: Pick<RealtimeDeps, 'connect' | 'frame'>
  preloadedState?: Partial<RootState>
}

export function makeStore({ api, session, config = built({}), realtime, preloadedState }: StoreDeps) {
  const user = session.current()?.user ?? null
  const store = configureStore({
    reducer,
    preloadedState: { auth: { ...authSlice.getInitialState(), user, status: user ? 'signed_in' : 'signed_out' }, ...preloadedState } as RootState,
    middleware: (defaults) =>
      // The checks walk the whole state at every action: with ten thousand events that is the page.
      defaults({ thunk: { extraArgument: { api, session, config } }, serializableCheck: false, immutableCheck: false }).concat(
        realtimeMiddleware({ config, session, ...realtime }),
      ),
  })
  session.onChange((s) => store.dispatch(sessionChanged(s?.user ?? null)))
  return store
}

export type AppStore = ReturnType<typeof makeStore>
export type AppDispatch = AppStore['dispatch']
export const useAppDispatch = useDispatch.withTypes<AppDispatch>()
export const useAppSelector = useSelector.withTypes<RootState>()
