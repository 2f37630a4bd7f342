'use client'

import { Search } from 'lucide-react'
import { useRef } from 'react'
import { useShortcut } from '@/lib/hooks'

/** A search that "/" goes to and Escape clears. One on a page. */
export function SearchField({ label, value, onChange }: { label: string; value: string; onChange: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  useShortcut('/', () => input.current?.focus())
  return (
    <div className="relative min-w-40 flex-1 sm:max-w-80">
      <Search className="pointer-events-none absolute left-2.5 top-1/2 size-3.5 -translate-y-1/2 text-faint" aria-hidden />
      <input
        ref={input}
        type="search"
        value={value}
        onChange={(e) => onChange(e.target.value)}
        onKeyDown={(e) => e.key === 'Escape' && (value ? onChange('') : e.currentTarget.blur())}
        placeholder={label}
        aria-label={label}
        maxLength={200}
        className="field w-full pl-8 [&::-webkit-search-cancel-button]:hidden"
      />
    </div>
  )
}
