'use client'

// Is anything behind, broken or silent, and since when? Answered without scrolling.
import { Activity as Pulse, CircleCheck, CircleDot, CircleX, Gauge, Pencil, Plus, ShieldAlert, Timer, Trash2, Workflow } from 'lucide-react'
import Link from 'next/link'
import { useEffect, useMemo } from 'react'
import { EmptyState } from '@/components/EmptyState'
import { PageFrame } from '@/components/PageFrame'
import { useConfig } from '@/components/Providers'
import { Shown } from '@/components/Shown'
import { Skeleton } from '@/components/Skeleton'
import { Sparkline } from '@/components/Sparkline'
import { StatCard } from '@/components/StatCard'
import { drawn } from '@/features/analytics/range'
import { useMay } from '@/features/auth/useMay'
import { EventLines } from '@/features/monitoring/EventLines'
import { LinkPill } from '@/features/monitoring/LinkStatus'
import { fetchLoggerStatus, selectLogger } from '@/features/monitoring/monitoringSlice'
import { trouble } from '@/features/pipelines/commands'
import { URGENCY } from '@/features/pipelines/PipelinePicker'
import { PipelineStatusBadge, STATUS } from '@/features/pipelines/PipelineStatusBadge'
import { fetchPipelines, selectPipelinesState } from '@/features/pipelines/pipelineSlice'
import { useReading, type Reading } from '@/lib/api/useApi'
import type { Activity, Analytics, Dashboard, Pipeline } from '@/lib/api/types'
import { ago, count, duration, rate, utc } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { realtimeStarted, realtimeStopped } from '@/lib/websocket/client'

import { HealthStrip } from './HealthStrip'

const TAIL = 8
const HOUR_MS = 15_000 // how often the last hour is read

export function OverviewPage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const { pollInterval } = useConfig()
  const often = Math.min(pollInterval, 2000)
  const health = useReading('health', (api, call) => api.health({ ...call, retries: 0 }), pollInterval)
  const sums = useReading('sums', (api, call) => api.dashboard(null, call), often)
  const tail = useReading('tail', (api, call) => api.events({ limit: TAIL }, call), often)
  const hour = useReading('hour', (api, call) => api.analytics({}, call), HOUR_MS)
  const activity = useReading('activity', (api, call) => api.activity(12, call), pollInterval)
  const { pipelines, loaded, at, error } = useAppSelector(selectPipelinesState)
  const reload = () => void dispatch(fetchPipelines())
  usePolling(reload, pollEvery(pollInterval, visible, true))
  usePolling(() => void dispatch(fetchLoggerStatus()), pollEvery(often, visible, true))
  useEffect(() => {
    dispatch(realtimeStarted('nothing'))
    return () => void dispatch(realtimeStopped())
  }, [dispatch])
  const nameOf = (id: string) => pipelines.find((p) => p.id === id)?.name ?? id.slice(0, 8)

  return (
    <PageFrame here="/" title="Overview" status={<LinkPill />}>
      <HealthStrip health={health} />
      <Sums sums={sums} />
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <Charts sums={sums} hour={hour} />
        <section aria-label="Pipelines" className="card overflow-hidden">
          <header className="flex items-baseline justify-between px-3.5 py-2.5">
            <h2 className="label">Pipelines</h2>
            <Link href="/pipelines" className="text-xs font-medium text-accent hover:underline">
              All of them
            </Link>
          </header>
          <Shown of={{ value: loaded ? pipelines : null, at, error, reload }} what="The pipelines" isEmpty={(all) => !all.length} empty={<NoPipelines />}>
            {(all) => <Attention pipelines={all} />}
          </Shown>
        </section>
      </div>
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <section aria-label="Newest events" className="card overflow-hidden">
          <header className="flex items-baseline justify-between px-3.5 py-2.5">
            <h2 className="label">Newest events</h2>
            <Link href="/monitoring" className="text-xs font-medium text-accent hover:underline">
              Watch them live
            </Link>
          </header>
          <Shown of={tail} what="The events" rows={TAIL} isEmpty={(t) => !t.events.length} empty={<p className="border-t px-3.5 py-4 text-sm text-muted">No event yet.</p>}>
            {(t) => <EventLines events={t.events} nameOf={nameOf} />}
          </Shown>
        </section>
        <Lately activity={activity} />
      </div>
    </PageFrame>
  )
}

function Sums({ sums }: { sums: Reading<Dashboard> }) {
  const m = sums.value
  const now = useNow()
  const stale = !!sums.error && !!m
  const figure = (n: number | undefined) => (m ? count(n ?? 0) : null)
  const all = m?.total_events ?? 0
  const part = (n: number | undefined) => (m && all > 0 ? (n ?? 0) / all : 0)
  const last = m?.last_event_time ? Date.parse(m.last_event_time) : null
  return (
    <section aria-label="Totals" data-stale={stale || undefined}>
      <dl className="card grid grid-cols-2 gap-px overflow-hidden bg-line sm:grid-cols-3 xl:grid-cols-6">
        <StatCard id="total_events" label="Events" icon={Pulse} tone="accent" value={figure(m?.total_events)} stale={stale} note={m && <span title={utc(m.last_event_time)}>{last === null ? 'none yet' : `latest ${ago(last, now)}`}</span>} />
        <StatCard id="insert_count" label="Inserts" icon={Plus} tone="insert" value={figure(m?.insert_count)} part={part(m?.insert_count)} stale={stale} />
        <StatCard id="update_count" label="Updates" icon={Pencil} tone="update" value={figure(m?.update_count)} part={part(m?.update_count)} stale={stale} />
        <StatCard id="delete_count" label="Deletes" icon={Trash2} tone="delete" value={figure(m?.delete_count)} part={part(m?.delete_count)} stale={stale} />
        <StatCard id="avg_latency_ms" label="Latency" icon={Gauge} value={m ? duration(m.avg_latency_ms) : null} stale={stale} note={m && `p95 ${duration(m.p95_latency_ms)}, source to log`} />
        <StatCard id="failed_count" label="Dead letters" icon={ShieldAlert} tone={(m?.failed_count ?? 0) > 0 ? 'bad' : 'muted'} value={figure(m?.failed_count)} stale={stale} note={m && ((m.failed_count ?? 0) > 0 ? 'kept, with their reasons' : 'every record was read')} />
      </dl>
      {sums.error && (
        <p role="alert" className="mt-1.5 text-xs text-bad">
          {m ? `Totals of ${ago(sums.at, now)}: ` : 'The totals cannot be read: '}
          {sums.error.message}
        </p>
      )}
    </section>
  )
}

/** The last hour, from the server: the same after a reload. */
function Charts({ sums, hour }: { sums: Reading<Dashboard>; hour: Reading<Analytics> }) {
  const lag = useAppSelector(selectLogger).value?.lag_records
  const points = useMemo(() => (hour.value ? drawn(hour.value) : []), [hour.value])
  const events = points.map((p) => p.insert + p.update + p.delete + p.other)
  const most = Math.max(0, ...events)
  const slowest = Math.max(0, ...points.map((p) => p.p95 ?? 0))
  return (
    <section aria-label="Rates" className="card grid gap-x-4 gap-y-3 p-3.5 sm:grid-cols-2">
      <div className="min-w-0">
        <h2 className="label flex items-center gap-1.5">
          <Pulse className="size-3.5 text-accent" aria-hidden />
          Events per second
        </h2>
        {sums.value ? (
          <p className="tnum mt-1 text-lg font-semibold" data-stat="events_per_second">
            {rate(sums.value.events_per_second)}
          </p>
        ) : (
          <Skeleton className="my-1.5 h-5 w-20" />
        )}
        <Sparkline values={events} label={`Events in each minute of the last hour, at most ${count(most)}`} />
        <p className="tnum text-xs text-faint">by minute, at most {count(most)}</p>
      </div>
      <div className="min-w-0">
        <h2 className="label flex items-center gap-1.5">
          <Timer className="size-3.5 text-accent" aria-hidden />
          Latency, p95
        </h2>
        {sums.value ? <p className="tnum mt-1 text-lg font-semibold">{duration(sums.value.p95_latency_ms)}</p> : <Skeleton className="my-1.5 h-5 w-20" />}
        <Sparkline values={points.map((p) => p.p95)} label={`p95 of the latency in each minute of the last hour, at most ${duration(slowest)}`} />
        <p className="tnum text-xs text-faint">by minute, at most {duration(slowest)}</p>
      </div>
      {hour.error && <p className="text-xs text-bad sm:col-span-2">The last hour cannot be read: {hour.error.message}</p>}
      <p className="flex justify-between text-xs text-faint sm:col-span-2">
        <span>
          The last hour. Behind Kafka now:{' '}
          <span className="tnum" data-stat="lag_records">
            {lag == null ? 'unknown' : lag === 0 ? 'nothing' : `${count(lag)} records`}
          </span>
        </span>
        <Link href="/analytics" className="font-medium text-accent hover:underline">
          Analytics
        </Link>
      </p>
    </section>
  )
}

const SHOWN = 6

function Attention({ pipelines }: { pipelines: Pipeline[] }) {
  const now = useNow(5000)
  const sorted = [...pipelines].sort((a, b) => Number(!!trouble(b)) - Number(!!trouble(a)) || URGENCY.indexOf(a.status) - URGENCY.indexOf(b.status) || a.name.localeCompare(b.name))
  const states = URGENCY.map((s) => [s, pipelines.filter((p) => p.status === s).length] as const).filter(([, n]) => n > 0)
  const bad = pipelines.filter((p) => trouble(p)).length
  return (
    <div>
      <p className="flex flex-wrap gap-x-3 gap-y-1 border-t px-3.5 py-2 text-sm">
        {bad > 0 ? (
          <strong className="font-semibold text-bad">{bad === 1 ? '1 needs somebody' : `${count(bad)} need somebody`}</strong>
        ) : (
          <span className="font-medium text-ok">None needs anybody</span>
        )}
        {states.map(([s, n]) => (
          <Link key={s} href={`/pipelines?status=${s}`} className="tnum text-muted hover:underline">
            {count(n)} {STATUS[s].label.toLowerCase()}
          </Link>
        ))}
      </p>
      <ul className="divide-y border-t">
        {sorted.slice(0, SHOWN).map((p) => {
          const fault = trouble(p)
          const last = p.stats.last_event_time
          return (
            <li key={p.id} data-pipeline={p.id} className="flex items-start gap-3 px-3.5 py-1.5 text-sm">
              <div className="min-w-0 flex-1">
                <Link href={`/pipelines/view?id=${p.id}`} className="block truncate font-medium hover:text-accent hover:underline">
                  {p.name}
                </Link>
                {fault && <p className="line-clamp-2 break-words text-xs text-bad">{fault}</p>}
              </div>
              <span className="tnum shrink-0 pt-0.5 text-xs text-faint" title={utc(last)}>
                {last ? ago(Date.parse(last), now) : 'no event yet'}
              </span>
              <PipelineStatusBadge status={p.status} />
            </li>
          )
        })}
      </ul>
    </div>
  )
}

function NoPipelines() {
  const admin = useMay('admin')
  return (
    <EmptyState
      icon={Workflow}
      title="No pipelines yet"
      action={
        admin && (
          <Link href="/pipelines/new" className="font-medium text-accent hover:underline">
            Create the first one
          </Link>
        )
      }
    >
      A pipeline takes the changes of some tables and shows them here, live.
    </EmptyState>
  )
}

const OUTCOME = { success: [CircleCheck, 'text-ok', 'went well'], failure: [CircleX, 'text-bad', 'failed'], info: [CircleDot, 'text-muted', ''] } as const

function Lately({ activity }: { activity: Reading<Activity[]> }) {
  const now = useNow(5000)
  return (
    <section aria-label="What happened" className="card overflow-hidden">
      <header className="px-3.5 py-2.5">
        <h2 className="label">What happened</h2>
      </header>
      <Shown of={activity} what="What happened" rows={6} isEmpty={(all) => !all.length} empty={<p className="border-t px-3.5 py-4 text-sm text-muted">Nothing yet.</p>}>
        {(all) => (
          <ol className="divide-y border-t text-sm">
            {all.map((a) => {
              const [Icon, look, words] = OUTCOME[a.outcome]
              return (
                <li key={a.id} data-activity={a.kind} className="flex items-start gap-2 px-3.5 py-1.5">
                  <Icon className={`mt-0.5 size-3.5 shrink-0 ${look}`} aria-hidden />
                  <span className="min-w-0 flex-1 break-words">
                    {a.message}
                    {words && <span className="sr-only"> ({words})</span>}
                  </span>
                  <time className="tnum shrink-0 text-xs text-faint" dateTime={a.created_at} title={utc(a.created_at)}>
                    {ago(Date.parse(a.created_at), now)}
                  </time>
                </li>
              )
            })}
          </ol>
        )}
      </Shown>
    </section>
  )
}
