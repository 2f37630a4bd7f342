'use client'

// How long changes of the last hour took from the source to the log, by minute, as the server keeps it.
import dynamic from 'next/dynamic'
import { useMemo } from 'react'
import { Skeleton } from '@/components/Skeleton'
import { drawn } from '@/features/analytics/range'
import { useReading } from '@/lib/api/useApi'
import { duration } from '@/lib/format'

const LatencyChart = dynamic(() => import('@/features/analytics/Charts').then((m) => m.LatencyChart), { ssr: false, loading: () => <Skeleton className="h-full w-full" /> })

const POLL_MS = 15_000

export function LatencyCard({ pipelineId }: { pipelineId: string }) {
  const hour = useReading(`latency ${pipelineId}`, (api, call) => api.analytics({ pipeline_id: pipelineId }, call), POLL_MS)
  const points = useMemo(() => (hour.value ? drawn(hour.value) : []), [hour.value])
  const last = [...points].reverse().find((p) => p.p95 !== null)
  return (
    <section aria-label="Latency" className="card flex min-w-0 flex-col px-3.5 pb-2 pt-2.5">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <h2 className="label">Latency by minute</h2>
        {last && (
          <span className="tnum text-xs text-faint">
            p50 {duration(last.p50)}, p95 {duration(last.p95)}, p99 {duration(last.p99)}
          </span>
        )}
        {hour.error && <span className="text-xs text-bad">{hour.error.message}</span>}
      </header>
      <div className="mt-2 h-20 min-w-0 sm:h-[104px]" role="img" aria-label={last ? `Latency of the last hour: p95 ${duration(last.p95)} in the newest minute` : 'No latency is known of the last hour'}>
        {hour.isLoading ? <Skeleton className="h-full w-full" /> : last ? <LatencyChart points={points} /> : <p className="grid h-full place-items-center text-xs text-faint">Nothing was logged in the last hour.</p>}
      </div>
    </section>
  )
}
