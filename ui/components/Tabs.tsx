'use client'

import { clsx } from 'clsx'
import { useId, useRef, type KeyboardEvent, type ReactNode } from 'react'

export interface Tab {
  key: string
  label: string
  panel: () => ReactNode // rendered while it is the chosen one
}

/** Tabs by the ARIA pattern: arrows move, and what is moved to is chosen. */
export function Tabs({ label, tabs, value, onChange }: { label: string; tabs: Tab[]; value: string; onChange: (key: string) => void }) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const at = Math.max(0, tabs.findIndex((t) => t.key === value))
  const current = tabs[at]!
  const moved = (e: KeyboardEvent) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[e.key]
    if (to === undefined) return
    e.preventDefault()
    const next = (to + tabs.length) % tabs.length
    onChange(tabs[next]!.key)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus()
  }
  return (
    <>
      <div ref={list} role="tablist" aria-label={label} onKeyDown={moved} className="flex gap-1 overflow-x-auto border-b">
        {tabs.map((t) => (
          <button
            key={t.key}
            type="button"
            role="tab"
            id={`${id}${t.key}`}
            aria-selected={t === current}
            aria-controls={`${id}panel`}
            tabIndex={t === current ? 0 : -1}
            onClick={() => onChange(t.key)}
            className={clsx('-mb-px shrink-0 border-b-2 px-3 py-1.5 text-sm font-medium', t === current ? 'border-accent text-fg' : 'border-transparent text-muted hover:text-fg')}
          >
            {t.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${current.key}`} className="flex min-w-0 flex-col gap-3">
        {current.panel()}
      </div>
    </>
  )
}
