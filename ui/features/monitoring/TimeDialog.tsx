'use client'

// When: the last so many minutes, or a range of one's own in local time.
import { useState } from 'react'
import { Button } from '@/components/Button'
import { Dialog } from '@/components/Dialog'
import { Field } from '@/components/Field'
import type { Filters } from './filters'
import { localTime } from './times'

type Range = Pick<Filters, 'from' | 'to'>
const PRESETS = [
  ['Last 5 minutes', 5],
  ['Last 15 minutes', 15],
  ['Last hour', 60],
  ['Last 24 hours', 1440],
] as const

export function TimeDialog({ range, onChange, onClose }: { range: Range; onChange: (range: Range) => void; onClose: () => void }) {
  const [from, setFrom] = useState(localTime(range.from))
  const [to, setTo] = useState(localTime(range.to))
  const utc = (text: string) => (text ? new Date(text).toISOString() : null)
  const backwards = !!from && !!to && from >= to
  const choose = (chosen: Range) => {
    onChange(chosen)
    onClose()
  }
  return (
    <Dialog title="Logged when" onClose={onClose}>
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => choose({ from: null, to: null })}>Any time</Button>
        {PRESETS.map(([label, minutes]) => (
          <Button key={label} onClick={() => choose({ from: new Date(Date.now() - minutes * 60_000).toISOString(), to: null })}>
            {label}
          </Button>
        ))}
      </div>
      <form
        className="mt-4 grid gap-3 sm:grid-cols-2"
        onSubmit={(e) => {
          e.preventDefault()
          if (!backwards) choose({ from: utc(from), to: utc(to) })
        }}
      >
        <Field label="From">{(control) => <input {...control} type="datetime-local" step={1} className="input" value={from} onChange={(e) => setFrom(e.target.value)} />}</Field>
        <Field label="To" error={backwards ? 'Must be later than From' : undefined} hint="Empty: up to now, and live">
          {(control) => <input {...control} type="datetime-local" step={1} className="input" value={to} onChange={(e) => setTo(e.target.value)} />}
        </Field>
        <div className="sm:col-span-2">
          <Button type="submit" look="primary" disabled={backwards}>
            Show
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
