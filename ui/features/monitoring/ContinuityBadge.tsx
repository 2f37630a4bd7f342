'use client'

// The proof that nothing is missing: the pipeline numbers its events without gaps, so the list's own
// numbers say whether all of them are here. Computed from what is shown, not from what was promised.
import { ShieldAlert, ShieldCheck } from 'lucide-react'
import { useMemo } from 'react'
import type { ReplicationEvent } from '@/lib/api/types'
import { count } from '@/lib/format'
import { continuity } from './eventList'

export function ContinuityBadge({ events }: { events: ReplicationEvent[] }) {
  const c = useMemo(() => continuity(events), [events])
  if (c.first === null || c.last === null) return null
  const whole = c.missing === 0
  const holes = c.holes.map((h) => (h.from === h.to ? count(h.from) : `${count(h.from)} to ${count(h.to)}`)).join(', ')
  return (
    <span
      data-contiguous={whole}
      data-from={c.first}
      data-to={c.last}
      className={whole ? 'tnum inline-flex items-center gap-1.5 text-muted' : 'tnum inline-flex items-center gap-1.5 font-medium text-bad'}
      title={whole ? 'pipeline_seq has every number between these two' : `Missing pipeline_seq: ${holes}`}
    >
      {whole ? <ShieldCheck className="size-3.5 text-ok" aria-hidden /> : <ShieldAlert className="size-3.5" aria-hidden />}
      {whole ? 'No gaps' : `${count(c.missing)} missing (${holes})`}
      <span className="text-faint">
        #{count(c.first)} to #{count(c.last)}
      </span>
    </span>
  )
}
