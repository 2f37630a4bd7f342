// Who is signed in, as pages need to know it. The tokens themselves stay in lib/session.ts: nothing
// that draws has any use for them.
import { createAsyncThunk, createSlice, type PayloadAction } from '@reduxjs/toolkit'
import type { User } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import type { ThunkConfig } from '@/lib/thunk'

export interface AuthState {
  user: User | null
  status: 'signed_in' | 'signed_out' | 'expired' // expired: was signed in; comes back to where it was
  isLoading: boolean
  error: Failure | null
}
const initialState: AuthState = { user: null, status: 'signed_out', isLoading: false, error: null }

export const login = createAsyncThunk<User, { username: string; password: string }, ThunkConfig>(
  'auth/login',
  async ({ username, password }, { extra, signal, rejectWithValue }) => {
    try {
      const tokens = await extra.api.login(username, password, { signal })
      return extra.session.keep(tokens).user
    } catch (e) {
      return rejectWithValue(failureOf(e))
    }
  },
)

/** Forget the session here at once; the server is told, but signing out never waits for it. */
export const logout = createAsyncThunk<void, void, ThunkConfig>('auth/logout', async (_, { extra }) => {
  const session = extra.session.current()
  extra.session.clear()
  if (session) await extra.api.logout(session.refreshToken).catch(() => {})
})

export const authSlice = createSlice({
  name: 'auth',
  initialState,
  reducers: {
    sessionChanged(state, { payload }: PayloadAction<User | null>) {
      if (!payload && state.status === 'signed_in') state.status = 'expired'
      else if (payload) state.status = 'signed_in'
      state.user = payload
    },
  },
  extraReducers: (builder) => {
    builder
      .addCase(login.pending, (state) => {
        state.isLoading = true
        state.error = null
      })
      .addCase(login.fulfilled, (state, { payload }) => {
        Object.assign(state, { user: payload, status: 'signed_in', isLoading: false })
      })
      .addCase(login.rejected, (state, { payload, meta }) => {
        state.isLoading = false
        if (!meta.aborted) state.error = payload ?? null
      })
      .addCase(logout.pending, () => initialState)
  },
  selectors: { selectAuth: (state) => state },
})

export const { sessionChanged } = authSlice.actions
export const { selectAuth } = authSlice.selectors

/**
 * Where to go after signing in: `next` if it is a path of this site, else the overview. A URL that
 * only looks like a path ("//evil.test", "/\evil.test") would leave it.
 */
export function safeNext(next: string | null | undefined): string {
  const fallback = '/'
  if (!next || !next.startsWith('/')) return fallback
  try {
    const url = new URL(next, 'http://here.invalid')
    if (url.origin !== 'http://here.invalid' || url.pathname === '/login') return fallback
    return url.pathname + url.search + url.hash
  } catch {
    return fallback
  }
}
