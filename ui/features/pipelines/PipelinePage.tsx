'use client'

// One pipeline: what state it is in and why, how far its load is, how far behind, what was done to it.
import { ArrowLeft } from 'lucide-react'
import dynamic from 'next/dynamic'
import Link from 'next/link'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect } from 'react'
import { Badge } from '@/components/Badge'
import { EmptyState } from '@/components/EmptyState'
import { Notice } from '@/components/Notice'
import { PageFrame } from '@/components/PageFrame'
import { useConfig } from '@/components/Providers'
import { Shown } from '@/components/Shown'
import { Skeleton } from '@/components/Skeleton'
import { Tabs, type Tab } from '@/components/Tabs'
import { useMay } from '@/features/auth/useMay'
import { fetchConnections, selectConnections } from '@/features/connections/connectionSlice'
import { EventLines } from '@/features/monitoring/EventLines'
import { LinkPill } from '@/features/monitoring/LinkStatus'
import { selectShownEvents, setSelectedPipeline } from '@/features/monitoring/monitoringSlice'
import { AuditList } from '@/features/settings/AuditList'
import { useReading } from '@/lib/api/useApi'
import type { Pipeline, PipelineEvidence } from '@/lib/api/types'
import { ago, bytes, count, dateAndClock, duration, NONE, utc } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { useUrlState } from '@/lib/useUrlState'
import { realtimeStarted, realtimeStopped } from '@/lib/websocket/client'
import { MODES } from './commands'
import { Connectors } from './Connectors'
import { LagLadder } from './LagLadder'
import { LoadPanel, LoadSummary, useLoad } from './LoadPanel'
import { PipelineButtons } from './PipelineActions'
import { Ends } from './PipelinesPage'
import { PipelineStatusBadge } from './PipelineStatusBadge'
import { fetchPipelines, selectPipelinesState } from './pipelineSlice'
import { RunsPanel } from './RunsPanel'
import { StateMachine } from './StateMachine'

const loading = () => <Skeleton className="h-40 w-full rounded-lg" />
const GrantsPanel = dynamic(() => import('./GrantsPanel').then((all) => all.GrantsPanel), { ssr: false, loading })
const SettingsPanel = dynamic(() => import('./SettingsPanel').then((all) => all.SettingsPanel), { ssr: false, loading })

export function PipelinePage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const { pollInterval } = useConfig()
  const id = useSearchParams().get('id') ?? ''
  const { pipelines, loaded, at, error } = useAppSelector(selectPipelinesState)
  const pipeline = pipelines.find((p) => p.id === id) ?? null
  const reload = () => void dispatch(fetchPipelines())
  usePolling(reload, pollEvery(Math.min(pollInterval, 2000), visible, true))
  usePolling(() => void dispatch(fetchConnections()), pollEvery(60_000, visible, true))

  useEffect(() => {
    dispatch(realtimeStarted())
    return () => void dispatch(realtimeStopped())
  }, [dispatch])
  useEffect(() => {
    if (pipeline) dispatch(setSelectedPipeline(pipeline.id))
  }, [dispatch, pipeline])

  return (
    <PageFrame here="/pipelines" title={pipeline?.name ?? 'Pipeline'} status={<LinkPill />}>
      <Shown
        of={{ value: loaded ? pipelines : null, at, error, reload }}
        what="The pipeline"
        isEmpty={() => pipeline === null}
        empty={
          <EmptyState title="There is no such pipeline" action={<Link href="/pipelines" className="font-medium text-accent hover:underline">All pipelines</Link>}>
            It was deleted, or you may not see it.
          </EmptyState>
        }
      >
        {() => pipeline && <One key={pipeline.id} pipeline={pipeline} onChanged={reload} />}
      </Shown>
    </PageFrame>
  )
}

function One({ pipeline: p, onChanged }: { pipeline: Pipeline; onChanged: () => void }) {
  const router = useRouter()
  const admin = useMay('admin')
  const { pollInterval } = useConfig()
  const { connections } = useAppSelector(selectConnections)
  const [url, setUrl] = useUrlState({ tab: 'now' })
  const loading = p.full_load_status === 'IN_PROGRESS' || p.status === 'STARTING'
  const load = useLoad(p.id, loading)
  const tabs: Tab[] = [
    { key: 'now', label: 'Now', panel: () => <Now pipeline={p} load={load} loading={loading} /> },
    { key: 'load', label: 'Tables', panel: () => <LoadPanel reading={load} /> },
    { key: 'runs', label: 'Runs', panel: () => <RunsPanel id={p.id} interval={pollInterval} /> },
    { key: 'settings', label: 'Settings', panel: () => <SettingsPanel pipeline={p} /> },
    ...(admin
      ? [
          { key: 'permissions', label: 'Permissions', panel: () => <GrantsPanel id={p.id} /> },
          { key: 'audit', label: 'Audit', panel: () => <AuditList query={{ resource_type: 'pipeline', resource_id: p.id }} /> },
        ]
      : []),
  ]
  return (
    <>
      <Link href="/pipelines" className="inline-flex items-center gap-1 self-start text-xs text-muted hover:text-fg">
        <ArrowLeft className="size-3" aria-hidden />
        All pipelines
      </Link>
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="flex flex-wrap items-center gap-2 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{p.name}</span>
            <PipelineStatusBadge status={p.status} />
            {p.health === 'DEGRADED' && <Badge tone="warn">Degraded</Badge>}
          </h2>
          <div className="mt-0.5 flex flex-wrap items-center gap-x-3 text-sm text-muted">
            <Ends pipeline={p} connections={connections} />
            <span>{MODES[p.mode].label}</span>
          </div>
          {p.description && <p className="mt-1 max-w-prose text-sm">{p.description}</p>}
        </div>
        <PipelineButtons pipeline={p} onDone={onChanged} onDeleted={() => router.push('/pipelines')} />
      </div>
      {p.status === 'ERROR' && p.error_message && <Notice tone="bad">{p.error_message}</Notice>}
      {p.health === 'DEGRADED' && p.health_reason && <Notice tone="warn">{p.health_reason}</Notice>}
      <Tabs label="About this pipeline" tabs={tabs} value={url.tab} onChange={(tab) => setUrl({ tab })} />
    </>
  )
}

function Now({ pipeline: p, load, loading }: { pipeline: Pipeline; load: ReturnType<typeof useLoad>; loading: boolean }) {
  const { pollInterval } = useConfig()
  const status = useReading(`${p.id} status`, (api, call) => api.pipelineStatus(p.id, call), Math.min(pollInterval, 2000))
  const ours = p.engine === 'connect'
  return (
    <>
      <StateMachine status={p.status} />
      {load.value && loading && load.value.full_load_status !== 'NOT_STARTED' && <LoadSummary progress={load.value} />}
      <Figures pipeline={p} evidence={status.value} />
      <div className="grid items-start gap-3 lg:grid-cols-2">
        {ours && (
          <section aria-label="Lag" className="card grid gap-2 p-3.5">
            <h3 className="label">Lag, rung by rung</h3>
            <Shown of={status} what="The lag" isEmpty={(s) => !s.lag.ladder?.length} empty={<p className="text-sm text-muted">It is measured while the pipeline runs.</p>}>
              {(s) => <LagLadder ladder={s.lag.ladder!} />}
            </Shown>
            <Slot id={p.id} />
          </section>
        )}
        <section aria-label="Connectors" className="card grid gap-2 p-3.5">
          <h3 className="label">Connectors</h3>
          <Shown of={status} what="The connectors" rows={2}>
            {(s) => (
              <>
                <Connectors evidence={s} />
                {s.last_error && <p className="break-words text-xs text-muted">Last error: {s.last_error}</p>}
                {(s.schema_changes?.length ?? 0) > 0 && (
                  <ul aria-label="Changes of columns" className="text-xs text-muted">
                    {s.schema_changes!.map((c, i) => (
                      <li key={i} title={utc(c.seen_at)}>
                        {c.table}: {c.change} {c.detail}
                      </li>
                    ))}
                  </ul>
                )}
              </>
            )}
          </Shown>
        </section>
      </div>
      <Live id={p.id} />
    </>
  )
}

function Figures({ pipeline: p, evidence: s }: { pipeline: Pipeline; evidence: PipelineEvidence | null }) {
  const now = useNow()
  const figure = (label: string, value: string, id: string, note?: string) => (
    <div key={id} className="bg-surface px-3 py-2 sm:px-3.5">
      <dt className="label">{label}</dt>
      <dd data-stat={id} className="tnum truncate text-lg font-semibold" title={note}>
        {value}
      </dd>
    </div>
  )
  const last = p.stats.last_event_time
  return (
    <dl className="card grid grid-cols-2 gap-px overflow-hidden bg-line sm:grid-cols-4 xl:grid-cols-8">
      {figure('Events', count(p.stats.total_events ?? 0), 'total_events')}
      {figure('Inserts', count(p.stats.insert_count ?? 0), 'insert_count')}
      {figure('Updates', count(p.stats.update_count ?? 0), 'update_count')}
      {figure('Deletes', count(p.stats.delete_count ?? 0), 'delete_count')}
      {figure('Dead letters', count(p.stats.failed_count ?? 0), 'failed_count')}
      {figure('Lag', s?.lag.bytes == null ? NONE : bytes(s.lag.bytes), 'lag_bytes')}
      {figure('Behind', s?.lag.seconds == null ? NONE : duration(s.lag.seconds * 1000), 'lag_seconds')}
      {figure('Last event', last ? ago(Date.parse(last), now) : 'none yet', 'last_event', last ? dateAndClock(last) : undefined)}
    </dl>
  )
}

/** What the slot keeps the source from throwing away, and when that gets too much. */
function Slot({ id }: { id: string }) {
  const lag = useReading(`${id} slot`, (api, call) => api.pipelineLag(id, call), 5000)
  const v = lag.value
  if (!v?.slot_name) return null
  const lost = v.slot_lost_in_seconds
  return (
    <div className="grid gap-1 border-t pt-2 text-sm">
      <p className="flex flex-wrap justify-between gap-x-3">
        <span>
          Slot <span className="font-mono text-xs">{v.slot_name}</span> {v.slot_active === false && <strong className="font-medium text-warn">is not being read</strong>}
        </span>
        <span className="tnum">
          {v.retained_bytes != null && `keeps ${bytes(v.retained_bytes)} of WAL`}
          {v.safe_wal_size != null && `, ${bytes(v.safe_wal_size)} left`}
        </span>
      </p>
      {lost != null ? (
        <Notice tone={lost < 3600 ? 'bad' : 'warn'}>At this rate the source drops the slot in {duration(lost * 1000)}.</Notice>
      ) : (
        v.forecast && <p className="text-xs text-muted">{v.forecast}</p>
      )}
    </div>
  )
}

const LIVE_LINES = 10

function Live({ id }: { id: string }) {
  const events = useAppSelector(selectShownEvents)
  const selected = useAppSelector((s) => s.monitoring.selectedPipelineId === id)
  return (
    <section aria-label="Newest events" className="card overflow-hidden">
      <header className="flex items-baseline justify-between px-3.5 py-2.5">
        <h3 className="label">Newest events</h3>
        <Link href={`/monitoring?pipeline=${id}`} className="text-xs font-medium text-accent hover:underline">
          All of them
        </Link>
      </header>
      {!selected ? (
        <Skeleton className="m-3 h-16" />
      ) : events.length ? (
        <EventLines events={events.slice(0, LIVE_LINES)} />
      ) : (
        <p className="border-t px-3.5 py-4 text-sm text-muted">None yet. Change a row in the source and it appears here.</p>
      )}
    </section>
  )
}
