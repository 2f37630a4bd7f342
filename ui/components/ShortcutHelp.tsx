'use client'

import { Keyboard, X } from 'lucide-react'
import { useState } from 'react'
import { Button } from './Button'
import { PAGES } from './PageNav'
import { useShortcut } from '@/lib/hooks'

export type Keys = readonly (readonly [key: string, what: string])[]

const EVERYWHERE: Keys = [['/', 'Search'], ...PAGES.map(({ key, label }) => [`g ${key}`, label] as const), ['?', 'This help']]

/** What the keyboard does on this page, and on all. */
export function ShortcutHelp({ keys = [] }: { keys?: Keys }) {
  const [open, setOpen] = useState(false)
  useShortcut('?', () => setOpen(!open))
  return (
    <>
      <Button look="quiet" square onClick={() => setOpen(!open)} aria-expanded={open} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" className="max-lg:hidden">
        <Keyboard className="size-4" aria-hidden />
      </Button>
      {open && <Panel keys={[...keys, ...EVERYWHERE]} onClose={() => setOpen(false)} />}
    </>
  )
}

function Panel({ keys, onClose }: { keys: Keys; onClose: () => void }) {
  useShortcut('Escape', onClose)
  return (
    <div role="dialog" aria-label="Keyboard shortcuts" className="slide-in fixed right-4 top-14 z-50 w-72 rounded-lg bg-surface p-3 shadow-pop">
      <div className="mb-1 flex items-center justify-between">
        <h2 className="pl-1 text-sm font-semibold">Keyboard</h2>
        <Button look="quiet" square onClick={onClose} aria-label="Close the help" autoFocus>
          <X className="size-4" aria-hidden />
        </Button>
      </div>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 px-1 pb-1 text-sm">
        {keys.map(([key, what]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-edge bg-raised px-1.5 py-0.5 font-mono text-xs">{key}</kbd>
            </dt>
            <dd className="text-muted">{what}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
