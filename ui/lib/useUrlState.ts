'use client'

// What a page filters by, kept in its address, so that a view can be shared and survives a reload.
import { useSearchParams } from 'next/navigation'
import { useCallback, useEffect, useState } from 'react'

/**
 * Strings by name; `initial` gives the names and what they are when the address says nothing (which
 * is then left out of it). The address is replaced, not pushed: going back leaves the page.
 */
export function useUrlState<T extends Record<string, string>>(initial: T): [T, (change: Partial<T>) => void] {
  const params = useSearchParams()
  const [first] = useState(initial)
  const [state, setState] = useState<T>(() => Object.fromEntries(Object.entries(initial).map(([k, v]) => [k, params.get(k) ?? v])) as T)
  useEffect(() => {
    const now = new URLSearchParams(window.location.search)
    for (const [k, v] of Object.entries(state))
      if (v === first[k]) now.delete(k)
      else now.set(k, v)
    const query = now.toString()
    const url = `${window.location.pathname}${query ? `?${query}` : ''}`
    if (url !== window.location.pathname + window.location.search) window.history.replaceState(window.history.state, '', url)
  }, [state, first])
  const change = useCallback((part: Partial<T>) => setState((s) => ({ ...s, ...part })), [])
  return [state, change]
}
