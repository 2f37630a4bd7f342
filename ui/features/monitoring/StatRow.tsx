'use client'

// The server's counts, shown as they are: what is not known is a dash, and zero is a zero.
import { Activity, Gauge, Pencil, Plus, ShieldAlert, Trash2 } from 'lucide-react'
import { StatCard } from '@/components/StatCard'
import { useConfig } from '@/components/Providers'
import { ago, clock, count, duration, share, utc } from '@/lib/format'
import { useNow } from '@/lib/hooks'
import { useAppSelector } from '@/lib/store'
import { isStale, selectLink, selectMetrics } from './monitoringSlice'

export function StatRow({ onLetters }: { onLetters: () => void }) {
  const metrics = useAppSelector(selectMetrics)
  const link = useAppSelector(selectLink)
  const { pollInterval } = useConfig()
  const now = useNow()
  const m = metrics.value
  const stale = isStale(metrics.at, now, pollInterval, link.state === 'offline')
  const all = m?.total_events ?? 0
  const figure = (n: number | undefined) => (m ? count(n ?? 0) : null)
  const part = (n: number | undefined) => (m && all > 0 ? (n ?? 0) / all : 0)
  const lastEvent = m?.last_event_time ? Date.parse(m.last_event_time) : null

  return (
    <section aria-label="Counts" data-stale={stale || undefined}>
      <dl className="card grid grid-cols-3 gap-px overflow-hidden bg-line xl:grid-cols-6">
        <StatCard
          id="total_events"
          label="Events"
          icon={Activity}
          tone="accent"
          value={figure(m?.total_events)}
          stale={stale}
          note={m && <span title={utc(m.last_event_time)}>{lastEvent === null ? 'none yet' : `latest ${ago(lastEvent, now)}`}{(m.other_count ?? 0) > 0 && `, ${count(m.other_count)} other`}</span>}
        />
        <StatCard id="insert_count" label="Inserts" icon={Plus} tone="insert" value={figure(m?.insert_count)} part={part(m?.insert_count)} stale={stale} note={m && `${share(m.insert_count ?? 0, all)}${(m.snapshot_count ?? 0) > 0 ? `, ${count(m.snapshot_count)} by snapshot` : ''}`} />
        <StatCard id="update_count" label="Updates" icon={Pencil} tone="update" value={figure(m?.update_count)} part={part(m?.update_count)} stale={stale} note={m && share(m.update_count ?? 0, all)} />
        <StatCard id="delete_count" label="Deletes" icon={Trash2} tone="delete" value={figure(m?.delete_count)} part={part(m?.delete_count)} stale={stale} note={m && share(m.delete_count ?? 0, all)} />
        <StatCard id="avg_latency_ms" label="Latency" icon={Gauge} value={m ? duration(m.avg_latency_ms) : null} stale={stale} note={m && `p95 ${duration(m.p95_latency_ms)}, source to log`} />
        <StatCard id="failed_count" label="Dead letters" icon={ShieldAlert} tone={(m?.failed_count ?? 0) > 0 ? 'bad' : 'muted'} value={figure(m?.failed_count)} stale={stale} onOpen={(m?.failed_count ?? 0) > 0 ? onLetters : undefined} note={m && ((m.failed_count ?? 0) > 0 ? 'kept, with their reasons' : 'every record was read')} />
      </dl>
      {stale && (
        <p role="status" className="mt-1.5 text-xs text-warn">
          Counts as of {clock(metrics.at)} ({ago(metrics.at, now)}){metrics.error && `: ${metrics.error.message}`}
        </p>
      )}
      {!m && metrics.error && (
        <p role="alert" className="mt-1.5 text-xs text-bad">
          The counts cannot be read: {metrics.error.message}
        </p>
      )}
    </section>
  )
}
