// From the source's WAL to the target, rung by rung: how far behind, and which one is stuck.
import { CircleAlert, CircleCheck } from 'lucide-react'
import { clsx } from 'clsx'
import type { Rung } from '@/lib/api/types'
import { bytes, count, NONE } from '@/lib/format'

const RUNGS: Record<Rung['rung'], string> = {
  wal: 'Write-ahead log of the source',
  slot: 'Replication slot and source connector',
  kafka: 'Kafka',
  logger: 'Event logger',
  sink: 'Sink connector and target',
}

const behind = (r: Rung) =>
  [
    r.lag_bytes != null && bytes(r.lag_bytes),
    r.lag_records != null && `${count(r.lag_records)} ${r.lag_records === 1 ? 'record' : 'records'}`,
    r.lag_seconds != null && `${count(Math.round(r.lag_seconds))} s`,
  ]
    .filter(Boolean)
    .join(', ') || NONE

export function LagLadder({ ladder }: { ladder: Rung[] }) {
  return (
    <ol aria-label="Lag, from the source to the target" className="relative grid gap-2">
      {ladder.map((r) => (
        <li key={r.rung} data-rung={r.rung} data-stuck={r.stuck} className={clsx('flex items-start gap-2.5 rounded-md px-2.5 py-1.5', r.stuck ? 'bg-bad/10' : 'bg-raised/60')}>
          {r.stuck ? <CircleAlert className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden /> : <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden />}
          <div className="min-w-0 flex-1 text-sm">
            <span className="font-medium">{RUNGS[r.rung]}</span>
            {r.stuck && <strong className="font-semibold text-bad"> stands still</strong>}
            {r.reason && <p className={clsx('break-words text-xs', r.stuck ? 'text-bad' : 'text-muted')}>{r.reason}</p>}
            {r.position && <p className="truncate font-mono text-xs text-faint">{r.position}</p>}
          </div>
          <span className="tnum shrink-0 text-sm">{behind(r)}</span>
        </li>
      ))}
    </ol>
  )
}
