'use client'

// One pipeline, live: is anything behind, broken or silent, and since when?
import { Database, Hourglass, RefreshCw, SearchX } from 'lucide-react'
import dynamic from 'next/dynamic'
import Link from 'next/link'
import { useSearchParams } from 'next/navigation'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { ErrorState } from '@/components/ErrorState'
import { Logo } from '@/components/Logo'
import { PageNav } from '@/components/PageNav'
import { useConfig } from '@/components/Providers'
import { ShortcutHelp, type Keys } from '@/components/ShortcutHelp'
import { Skeleton } from '@/components/Skeleton'
import { ThemeToggle } from '@/components/ThemeToggle'
import { UserMenu } from '@/features/auth/UserMenu'
import { byUrgency, PipelinePicker } from '@/features/pipelines/PipelinePicker'
import { PipelineStatusBadge } from '@/features/pipelines/PipelineStatusBadge'
import { fetchPipelines, selectPipelinesState } from '@/features/pipelines/pipelineSlice'
import type { Pipeline, ReplicationEvent } from '@/lib/api/types'
import { count } from '@/lib/format'
import { pollEvery, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { realtimeStarted, realtimeStopped } from '@/lib/websocket/client'
import { stringifyExact } from '@/lib/json'
import { tableName } from './change'
import { ContinuityBadge } from './ContinuityBadge'
import { EventDetail } from './EventDetail'
import { EVENTS_MAX } from './eventList'
import { EventTable } from './EventTable'
import { EventToolbar } from './EventToolbar'
import { filtered, fromQuery, isFiltering, NO_FILTERS, toQuery, type Filters } from './filters'
import { LatencyCard } from './LatencyCard'
import { LinkBanner, LinkPill } from './LinkStatus'
import { LoggerCard } from './LoggerCard'
import {
  fetchLoggerStatus,
  fetchMonitoringMetrics,
  fetchReplicationEvents,
  selectHistoryError,
  selectHistoryPending,
  selectNotices,
  selectOlder,
  selectPaused,
  selectRefusal,
  selectSelectedPipelineId,
  selectShownEvents,
  setSelectedPipeline,
} from './monitoringSlice'
import { RateCard } from './RateCard'
import { StatRow } from './StatRow'
import { useSeen } from './useSeen'

const DeadLetters = dynamic(() => import('./DeadLetters').then((all) => all.DeadLetters), { ssr: false })

const KEYS: Keys = [
  ['p', 'Pause, resume'],
  ['↑ ↓ or k j', 'Move through the events'],
  ['Enter', 'Open an event'],
  ['Esc', 'Close it'],
]

export function MonitoringPage() {
  const dispatch = useAppDispatch()
  const { pollInterval } = useConfig()
  const visible = useVisible()
  const { pipelines, loaded, error } = useAppSelector(selectPipelinesState)
  const id = useAppSelector(selectSelectedPipelineId)
  const pipeline = pipelines.find((p) => p.id === id) ?? null
  const { filters, setFilters, wanted, setWanted } = useUrl(id)

  useEffect(() => {
    dispatch(realtimeStarted())
    return () => void dispatch(realtimeStopped())
  }, [dispatch])

  usePolling(() => {
    const run = dispatch(fetchPipelines())
    return () => run.abort()
  }, pollEvery(pollInterval * 2, visible, true))
  usePolling(() => {
    const run = dispatch(fetchLoggerStatus())
    return () => run.abort()
  }, pollEvery(pollInterval, visible, true))

  // The pipeline of the URL if there is one; else the one that needs looking at most.
  useEffect(() => {
    if (!loaded) return
    const choice = pipelines.find((p) => p.id === wanted) ?? pipelines.find((p) => p.id === id) ?? byUrgency(pipelines)[0]
    dispatch(setSelectedPipeline(choice?.id ?? null))
  }, [dispatch, loaded, pipelines, wanted, id])

  const refresh = () => {
    void dispatch(fetchPipelines())
    void dispatch(fetchLoggerStatus())
    if (id) void dispatch(fetchMonitoringMetrics(id))
  }

  return (
    <div className="flex min-h-dvh flex-col xl:h-dvh">
      <header className="flex h-12 shrink-0 items-center gap-1.5 border-b bg-surface px-3 sm:px-4">
        <h1 className="flex shrink-0 items-center gap-2 text-base font-semibold tracking-tight">
          <Logo className="size-5 text-accent" />
          <span className="max-sm:sr-only">millrace</span>
          <span className="sr-only">: monitoring</span>
        </h1>
        <span aria-hidden className="mx-1 text-lg font-light text-edge">
          /
        </span>
        <PipelinePicker pipelines={pipelines} selected={pipeline} onSelect={setWanted} />
        {pipeline && (
          <span className="max-md:hidden">
            <PipelineStatusBadge status={pipeline.status} />
          </span>
        )}
        <div className="ml-auto flex shrink-0 items-center gap-1">
          <LinkPill />
          <Button look="quiet" square onClick={refresh} aria-label="Refresh" title="Refresh" className="max-sm:hidden">
            <RefreshCw className="size-4" aria-hidden />
          </Button>
          <ShortcutHelp keys={KEYS} />
          <ThemeToggle />
          <UserMenu />
        </div>
      </header>
      <PageNav here="/monitoring" />
      <LinkBanner />
      <main className="flex min-h-0 flex-1 flex-col gap-3 p-3 sm:p-4">
        {error && !loaded ? (
          <ErrorState title="The pipelines cannot be read" failure={error} onRetry={() => void dispatch(fetchPipelines())} />
        ) : loaded && !pipelines.length ? (
          <NoPipelines />
        ) : (
          <>
            {pipeline?.error_message && (
              <p role="alert" className="rounded-md bg-bad/10 px-3.5 py-2.5 text-sm text-bad">
                {pipeline.error_message}
              </p>
            )}
            {id && <Counts id={id} key={id} interval={pollEvery(pollInterval, visible, true)} />}
            {!id && <Skeleton className="h-[86px] rounded-lg" />}
            <div className="grid gap-3 md:grid-cols-2 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)_19rem]">
              <RateCard />
              {id ? <LatencyCard pipelineId={id} /> : <Skeleton className="rounded-lg" />}
              <LoggerCard />
            </div>
            <Events pipeline={pipeline} filters={filters} onFilters={setFilters} />
          </>
        )}
      </main>
    </div>
  )
}

function Counts({ id, interval }: { id: string; interval: number | false }) {
  const dispatch = useAppDispatch()
  usePolling(() => {
    const run = dispatch(fetchMonitoringMetrics(id))
    return () => run.abort()
  }, interval)
  const [letters, setLetters] = useState(false)
  return (
    <>
      <StatRow onLetters={() => setLetters(true)} />
      {letters && <DeadLetters pipelineId={id} onClose={() => setLetters(false)} onChanged={() => void dispatch(fetchMonitoringMetrics(id))} />}
    </>
  )
}

function Events({ pipeline, filters, onFilters }: { pipeline: Pipeline | null; filters: Filters; onFilters: (f: Filters) => void }) {
  const dispatch = useAppDispatch()
  const error = useAppSelector(selectHistoryError)
  const pending = useAppSelector(selectHistoryPending)
  const older = useAppSelector(selectOlder)
  const held = useAppSelector(selectPaused)
  const notices = useAppSelector(selectNotices)
  const refusal = useAppSelector(selectRefusal)
  const live = useAppSelector(selectShownEvents)
  const [selected, setSelected] = useState<ReplicationEvent | null>(null)
  // Filtering may lag behind the stream by a frame; typing may not.
  const behind = useDeferredValue(live)
  const shown = useMemo(() => filtered(isFiltering(filters) ? behind : live, filters), [behind, live, filters])
  const { tables, kinds } = useSeen(behind, filters.table)
  useEffect(() => setSelected(null), [pipeline?.id])

  // A range that begins before what is here: the log is read back to it, as far as the list holds.
  const oldest = live[live.length - 1]?.started_at
  const reaches = !filters.from || !oldest || oldest < filters.from
  useEffect(() => {
    if (!reaches && older.cursor && !older.isLoading && !older.error && pipeline) void dispatch(fetchReplicationEvents({ pipelineId: pipeline.id, reach: 'older' }))
  }, [dispatch, reaches, older, pipeline])

  const loadOlder = () => pipeline && void dispatch(fetchReplicationEvents({ pipelineId: pipeline.id, reach: 'older' }))
  const reload = () => pipeline && void dispatch(fetchReplicationEvents({ pipelineId: pipeline.id, reach: 'latest' }))

  return (
    <div className="flex min-h-[26rem] flex-1 gap-3 xl:min-h-0">
      <section aria-label="Events" className="card flex min-h-0 min-w-0 flex-1 flex-col overflow-hidden max-xl:h-[min(44rem,calc(100dvh-5rem))] xl:min-h-[16rem]">
        <EventToolbar filters={filters} onChange={onFilters} tables={tables} kinds={kinds} shown={shown} />
        {notices.map((n) => (
          <p key={`${n.from}-${n.to}`} role="status" data-replay-gap className="border-b bg-warn/10 px-3.5 py-2 text-sm">
            The log no longer has events {count(n.from)} to {count(n.to)}: {n.reason}.
          </p>
        ))}
        {refusal && (
          <p role="alert" className="border-b bg-bad/10 px-3.5 py-2 text-sm text-bad">
            Live events were refused: {refusal}
          </p>
        )}
        {error && live.length > 0 && (
          <p role="alert" className="flex items-center justify-between gap-3 border-b bg-bad/10 px-3.5 py-1.5 text-sm text-bad">
            The history cannot be read: {error.message}
            <Button onClick={reload}>Retry</Button>
          </p>
        )}
        {!live.length && pending ? (
          <Loading />
        ) : !live.length && error ? (
          <ErrorState title="The events cannot be read" failure={error} onRetry={reload} />
        ) : !live.length ? (
          <NoEvents pipeline={pipeline} />
        ) : !shown.length ? (
          <EmptyState
            icon={SearchX}
            title="No event matches"
            action={<Button onClick={() => onFilters(NO_FILTERS)}>Clear the filters</Button>}
          >
            None of the {count(live.length)} newest events is of these kinds, of this table, of this time and has these words. New ones will appear here.
          </EmptyState>
        ) : (
          <EventTable events={shown} selectedId={selected?.id ?? null} onSelect={setSelected} />
        )}
        <footer className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-t px-3.5 py-1.5 text-xs">
          <ContinuityBadge events={live} />
          <span className="ml-auto flex items-center gap-2">
            {older.error && <span className="text-bad">{older.error.message}</span>}
            <span className="tnum text-faint" data-shown={shown.length}>
              {isFiltering(filters) ? `${count(shown.length)} of ${count(live.length)} events` : `${count(live.length)} events`}
              {live.length >= EVENTS_MAX && ', the newest'}
            </span>
            {older.cursor && !held && (
              <button
                type="button"
                onClick={loadOlder}
                disabled={older.isLoading}
                className="-my-1 rounded px-1.5 py-1 font-medium text-accent hover:bg-raised disabled:opacity-60"
              >
                {older.isLoading ? 'Loading…' : 'Load older'}
              </button>
            )}
          </span>
        </footer>
      </section>
      {selected && (
        <EventDetail
          key={selected.id}
          event={selected}
          onClose={() => setSelected(null)}
          onOnlyKey={selected.key == null ? undefined : () => onFilters({ ...NO_FILTERS, table: tableName(selected), text: stringifyExact(selected.key ?? null) })}
        />
      )}
    </div>
  )
}

function Loading() {
  return (
    <div className="flex-1 space-y-2.5 p-3.5" role="status" aria-label="Loading events">
      {Array.from({ length: 9 }, (_, i) => (
        <Skeleton key={i} className="h-6 w-full" />
      ))}
    </div>
  )
}

function NoEvents({ pipeline }: { pipeline: Pipeline | null }) {
  const topics = pipeline?.topic_prefix ? `topics that begin with ${pipeline.topic_prefix}` : pipeline?.kafka_topics.join(', ')
  const running = pipeline?.status === 'RUNNING'
  return (
    <EmptyState icon={running ? Hourglass : Database} title={running ? 'Waiting for the first change' : 'No events yet'}>
      {running ? (
        <>
          Change a row in the source and it appears here.
          {topics && (
            <>
              {' '}
              This pipeline reads <span className="break-words font-mono text-xs">{topics}</span>.
            </>
          )}
        </>
      ) : (
        'This pipeline is not running. Start it, and its changes appear here.'
      )}
    </EmptyState>
  )
}

function NoPipelines() {
  return (
    <EmptyState
      icon={Database}
      title="No pipelines yet"
      action={
        <Link href="/pipelines/new" className="font-medium text-accent hover:underline">
          Create a pipeline
        </Link>
      }
    >
      Its changes appear here, live.
    </EmptyState>
  )
}

/** Pipeline and filters, kept in the address. */
function useUrl(selected: string | null) {
  // Not window.location: while a page is being gone to, that is still the one before.
  const params = useSearchParams()
  const [start] = useState(() => fromQuery(params.toString()))
  const [wanted, setWanted] = useState(start.pipeline)
  const [filters, setFilters] = useState<Filters>({ kinds: start.kinds, table: start.table, text: start.text, from: start.from, to: start.to })
  useEffect(() => {
    if (!selected) return
    const url = `${window.location.pathname}${toQuery(filters, selected)}`
    if (url !== window.location.pathname + window.location.search) window.history.replaceState(window.history.state, '', url)
  }, [filters, selected])
  return { filters, setFilters, wanted, setWanted }
}
