import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'

/** The time, again every `ms`: what makes "12 s ago" update by itself. Stands still while hidden. */
export function useNow(ms = 1000): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && setNow(Date.now()), ms)
    return () => clearInterval(timer)
  }, [ms])
  return now
}

/** How long to wait before the next poll, or false for not at all: nobody reads a hidden page. */
export function pollEvery(interval: number, visible: boolean, active: boolean): number | false {
  return active && visible ? interval : false
}

export function useVisible(): boolean {
  return useSyncExternalStore(
    (changed) => {
      document.addEventListener('visibilitychange', changed)
      return () => document.removeEventListener('visibilitychange', changed)
    },
    () => document.visibilityState === 'visible',
    () => true,
  )
}

/** Run work now and every `interval`; what work returns ends the run before (an abort). */
export function usePolling(work: () => (() => void) | void, interval: number | false) {
  const latest = useRef(work)
  useEffect(() => {
    latest.current = work
  })
  useEffect(() => {
    if (interval === false) return
    let end = latest.current()
    const timer = setInterval(() => {
      end?.()
      end = latest.current()
    }, interval)
    return () => {
      clearInterval(timer)
      end?.()
    }
  }, [interval])
}

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = matchMedia(query)
      media.addEventListener('change', changed)
      return () => media.removeEventListener('change', changed)
    },
    () => matchMedia(query).matches,
    () => false,
  )
}

/** One key, unless somebody is typing or holds a modifier. */
export function useShortcut(key: string, action: () => void) {
  const latest = useRef(action)
  useEffect(() => {
    latest.current = action
  })
  useEffect(() => {
    const pressed = (e: KeyboardEvent) => {
      const target = e.target as HTMLElement | null
      const typing = target?.closest('input, textarea, select, [contenteditable="true"]')
      if (e.key !== key || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return
      if (typing && key !== 'Escape') return
      e.preventDefault()
      latest.current()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [key])
}

/** Copy text; `done` is true for a moment afterwards. Works without https, where there is no clipboard API. */
export function useCopy(): { copy: (text: string) => void; done: boolean } {
  const [done, setDone] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = useCallback((text: string) => {
    void (navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard')))
      .catch(() => copyBySelection(text))
      .then(() => {
        setDone(true)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => setDone(false), 1500)
      })
  }, [])
  return { copy, done }
}

function copyBySelection(text: string) {
  const area = document.createElement('textarea')
  area.value = text
  area.setAttribute('readonly', '')
  area.className = 'fixed opacity-0'
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}
