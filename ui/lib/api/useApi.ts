'use client'

// The API for a component that reads or changes what nobody else shows. What several pages share is
// in a slice.
import { useCallback, useEffect, useRef, useState } from 'react'
import { failureOf, type Failure } from '@/lib/failure'
import { usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch } from '@/lib/store'
import type { Services } from '@/lib/thunk'
import type { ApiClient, Call } from './client'

export function useApi(): ApiClient {
  const dispatch = useAppDispatch()
  return dispatch((_d: unknown, _s: unknown, { api }: Services) => api)
}

export interface Reading<T> {
  value: T | null
  at: number | null // when it was last read
  error: Failure | null // of the last try; the value is then an older one
  isLoading: boolean // nothing has been heard yet
  reload: () => void
}

/**
 * Read now, whenever `key` changes, and every `interval` while the page is looked at. A new key
 * forgets the value of the old one; a failure keeps it. A null key reads nothing.
 */
export function useReading<T>(key: string | null, read: (api: ApiClient, call: Call) => Promise<T>, interval: number | false = false): Reading<T> {
  const api = useApi()
  const visible = useVisible()
  const [state, setState] = useState<{ key: string | null; value: T | null; at: number | null; error: Failure | null }>({ key: null, value: null, at: null, error: null })
  const latest = useRef(read)
  useEffect(() => {
    latest.current = read
  })
  const load = useCallback(() => {
    if (key === null) return
    const abort = new AbortController()
    latest.current(api, { signal: abort.signal }).then(
      (value) => !abort.signal.aborted && setState({ key, value, at: Date.now(), error: null }),
      (e: unknown) => !abort.signal.aborted && setState((s) => ({ ...(s.key === key ? s : { key, value: null, at: null }), error: failureOf(e) })),
    )
    return () => abort.abort()
  }, [api, key])
  useEffect(() => load(), [load])
  const [started] = useState(() => ({ first: true }))
  usePolling(
    () => {
      if (!started.first) return load()
      started.first = false // the effect above has just read
    },
    interval !== false && visible ? interval : false,
  )
  const current = state.key === key
  return {
    value: current ? state.value : null,
    at: current ? state.at : null,
    error: current ? state.error : null,
    isLoading: key !== null && (!current || (state.value === null && state.error === null)),
    reload: load,
  }
}

/** One change at a time: what is under way, and what the last one failed with. */
export function useChange<A extends unknown[], R>(work: (api: ApiClient, ...args: A) => Promise<R>) {
  const api = useApi()
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<Failure | null>(null)
  const run = async (...args: A): Promise<R | undefined> => {
    setPending(true)
    setError(null)
    try {
      return await work(api, ...args)
    } catch (e) {
      setError(failureOf(e))
      return undefined
    } finally {
      setPending(false)
    }
  }
  return { run, pending, error, clear: () => setError(null) }
}
