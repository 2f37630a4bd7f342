'use client'

// Messages that come in: how many, how fast, what waits, and the newest of them.
import dynamic from 'next/dynamic'
import { Boxes, Gauge, Layers, MessagesSquare } from 'lucide-react'
import { useEffect } from 'react'
import { FeedPill } from '@/components/FeedPill'
import { PageFrame } from '@/components/PageFrame'
import { Skeleton } from '@/components/Skeleton'
import type { Stats } from '@/lib/api/types'
import { useReading } from '@/lib/api/useApi'
import { clock, count, duration, NONE, rate } from '@/lib/format'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { useUrlState } from '@/lib/useUrlState'
import { batchTimes, trend } from './figures'
import { fetchStatsHistory, POINTS, selectIngest, watchStats } from './ingestSlice'
import { MessageFeed } from './MessageFeed'
import { BurstToast, Simulation } from './Simulation'
import { StatBox } from './StatBox'

const ThroughputChart = dynamic(() => import('./ThroughputChart').then((m) => m.ThroughputChart), { ssr: false, loading: () => <Skeleton className="h-full w-full" /> })

export function IngestionPage() {
  const dispatch = useAppDispatch()
  const { samples, at, link, historyError } = useAppSelector(selectIngest)
  useEffect(() => {
    const history = dispatch(fetchStatsHistory())
    const stop = dispatch(watchStats())
    return () => {
      history.abort()
      stop()
    }
  }, [dispatch])
  const s = samples.at(-1)
  const stale = link.state !== 'open' && link.state !== 'connecting' && link.state !== 'idle'
  return (
    <PageFrame here="/ingestion" title="Ingestion" status={<FeedPill status={link} />}>
      {stale && (
        <p role="alert" className="tnum rounded-md bg-bad/10 px-3.5 py-2 text-sm">
          <span className="font-semibold">No live figures.</span> {link.reason} {at && `What you see is of ${clock(at)}. `}
          {link.state === 'waiting' && `Trying again by itself, try ${link.attempt}.`}
        </p>
      )}
      {historyError && !samples.length && (
        <p role="alert" className="rounded-md bg-bad/10 px-3.5 py-2 text-sm text-bad">
          The history cannot be read: {historyError.message}
        </p>
      )}
      <Figures s={s} samples={samples} stale={stale} />
      <div className="grid gap-3 xl:grid-cols-[minmax(0,1fr)_22rem]">
        <Throughput s={s} samples={samples} />
        <Batches s={s} samples={samples} />
      </div>
      <Simulation />
      <MessageFeed />
      <BurstToast />
    </PageFrame>
  )
}

function Figures({ s, samples, stale }: { s: Stats | undefined; samples: Stats[]; stale: boolean }) {
  const known = (text: string) => (s ? text : null)
  return (
    <div className="grid grid-cols-1 gap-3 sm:grid-cols-2 xl:grid-cols-4" aria-label="Figures" role="group">
      <StatBox id="total_messages" label="Total Messages" icon={MessagesSquare} value={known(count(s?.total_messages))} note="stored since the beginning" stale={stale} />
      <StatBox id="queue_depth" label="Queue Depth" icon={Layers} value={known(count(s?.queue_depth))} note={s?.queue_depth ? 'wait to be stored' : 'nothing waits'} stale={stale} />
      <StatBox id="throughput" label="Throughput" icon={Gauge} value={known(`${rate(s?.current_rps)}/s`)} note="mean of the last 10 s" trend={trend(samples, (x) => x.current_rps)} stale={stale} />
      <StatBox id="total_batches" label="Total Batches" icon={Boxes} value={known(count(s?.total_batches))} note={s ? `${rate(s.avg_batch_size)} messages each, on average` : NONE} stale={stale} />
    </div>
  )
}

const ARC = Math.PI * 40

/** How far back the chart reaches: the last 50 s are samples of half a second, before them one a minute. */
const WINDOWS = [
  { points: POINTS, label: 'Last 50 seconds' },
  { points: POINTS + 60, label: 'Last hour' },
  { points: POINTS + 360, label: 'Last 6 hours' },
  { points: POINTS + 1440, label: 'Last day' },
] as const
const WINDOW_POLL_MS = 15_000

function Throughput({ s, samples }: { s: Stats | undefined; samples: Stats[] }) {
  const [url, setUrl] = useUrlState({ window: '0' })
  const wanted = WINDOWS[Number(url.window)] ?? WINDOWS[0]
  const live = wanted === WINDOWS[0]
  const older = useReading(live ? null : `window ${wanted.points}`, (api, call) => api.statsHistory(wanted.points, call), WINDOW_POLL_MS)
  const shown = live ? samples : (older.value ?? [])
  const peak = samples.reduce((max, x) => Math.max(max, x.current_rps), 0)
  const now = s?.current_rps ?? 0
  const part = peak > 0 ? now / peak : 0
  return (
    <section aria-label="Throughput" className="card grid min-w-0 gap-3 p-4 sm:grid-cols-[9rem_minmax(0,1fr)]">
      <div className="flex flex-col items-center justify-center" role="img" aria-label={`${rate(now)} messages a second now, at most ${rate(peak)} in the last ${Math.round(POINTS / 2)} seconds`}>
        <svg viewBox="0 0 100 56" className="w-32" aria-hidden>
          <path d="M10 50 A40 40 0 0 1 90 50" fill="none" stroke="oklch(var(--raised))" strokeWidth="9" strokeLinecap="round" />
          <path d="M10 50 A40 40 0 0 1 90 50" fill="none" stroke="oklch(var(--accent))" strokeWidth="9" strokeLinecap="round" strokeDasharray={`${ARC * part} ${ARC}`} className={part > 0.005 ? undefined : 'opacity-0'} />
        </svg>
        <span className="tnum -mt-4 text-lg font-semibold">{s ? rate(now) : NONE}</span>
        <span className="tnum text-xs text-faint">peak {rate(peak)}</span>
      </div>
      <div className="flex min-w-0 flex-col">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h2 className="label">Messages per second</h2>
          <select aria-label="How far back" className="field h-7 text-xs" value={WINDOWS.indexOf(wanted)} onChange={(e) => setUrl({ window: e.target.value })}>
            {WINDOWS.map((w, i) => (
              <option key={w.points} value={i}>
                {w.label}
              </option>
            ))}
          </select>
        </div>
        {older.error && <p className="text-xs text-bad">{older.error.message}</p>}
        <div className="mt-1 h-40 min-w-0" data-points={shown.length}>
          {shown.length ? <ThroughputChart samples={shown} /> : <Skeleton className="h-full w-full" />}
        </div>
      </div>
    </section>
  )
}

function Batches({ s, samples }: { s: Stats | undefined; samples: Stats[] }) {
  const bins = batchTimes(samples)
  const most = Math.max(1, ...bins.map((b) => b.n))
  return (
    <section aria-label="Latency" className="card flex min-w-0 flex-col gap-3 p-4">
      <h2 className="label">From 202 to PostgreSQL</h2>
      <dl className="tnum grid grid-cols-3 gap-2 text-center">
        {([['p50', s?.p50_latency_ms], ['p95', s?.p95_latency_ms], ['p99', s?.p99_latency_ms]] as const).map(([name, ms]) => (
          <div key={name} className="rounded-md bg-raised px-2 py-1.5">
            <dt className="text-xs text-muted">{name}</dt>
            <dd className="text-sm font-semibold" data-stat={`${name}_latency_ms`}>
              {duration(ms)}
            </dd>
          </div>
        ))}
      </dl>
      <h2 className="label">Time of a batch</h2>
      {bins.length ? (
        <ol className="tnum grid gap-1 text-xs" aria-label="How long batches took">
          {bins.map((b) => (
            <li key={b.from} className="grid grid-cols-[5.5rem_minmax(0,1fr)_2rem] items-center gap-2">
              <span className="text-muted">
                {b.from} to {b.to} ms
              </span>
              <svg className="h-2 w-full" preserveAspectRatio="none" viewBox="0 0 100 1" aria-hidden>
                <rect width={(b.n / most) * 100} height="1" fill="oklch(var(--accent))" />
              </svg>
              <span className="text-right">{count(b.n)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <p className="text-sm text-faint">No batch in the last {Math.round(POINTS / 2)} seconds.</p>
      )}
    </section>
  )
}
