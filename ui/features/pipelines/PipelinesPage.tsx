'use client'

// All pipelines, those that need somebody first.
import { ArrowRight, ChevronDown, ChevronUp, Plus, Workflow } from 'lucide-react'
import Link from 'next/link'
import { useMemo, useState } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { Notice } from '@/components/Notice'
import { PageFrame } from '@/components/PageFrame'
import { useConfig } from '@/components/Providers'
import { SearchField } from '@/components/SearchField'
import { Shown } from '@/components/Shown'
import { useMay } from '@/features/auth/useMay'
import { fetchConnections, selectConnections } from '@/features/connections/connectionSlice'
import { useChange } from '@/lib/api/useApi'
import type { Connection, Pipeline, PipelineCommand, PipelineStatus } from '@/lib/api/types'
import { ago, bytes, count, NONE, rate, utc } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { useUrlState } from '@/lib/useUrlState'
import { COMMANDS, commandsOf, MODES, trouble } from './commands'
import { PipelineMenu } from './PipelineActions'
import { URGENCY } from './PipelinePicker'
import { PipelineStatusBadge, STATUS } from './PipelineStatusBadge'
import { commandPipeline, fetchPipelines, selectPipelinesState } from './pipelineSlice'

const SORTS = {
  urgency: { label: 'Urgency', by: (a: Pipeline, b: Pipeline) => urgency(a) - urgency(b) || a.name.localeCompare(b.name) },
  name: { label: 'Name', by: (a: Pipeline, b: Pipeline) => a.name.localeCompare(b.name) },
  events: { label: 'Events', by: (a: Pipeline, b: Pipeline) => (b.stats.total_events ?? 0) - (a.stats.total_events ?? 0) },
  lag: { label: 'Lag', by: (a: Pipeline, b: Pipeline) => (b.stats.lag_bytes ?? -1) - (a.stats.lag_bytes ?? -1) },
  last: { label: 'Last event', by: (a: Pipeline, b: Pipeline) => (b.stats.last_event_time ?? '').localeCompare(a.stats.last_event_time ?? '') },
}
type Sort = keyof typeof SORTS
const urgency = (p: Pipeline) => (trouble(p) ? -1 : URGENCY.indexOf(p.status))

export function PipelinesPage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const { pollInterval } = useConfig()
  const { pipelines, loaded, at, error, rates } = useAppSelector(selectPipelinesState)
  const { connections } = useAppSelector(selectConnections)
  const [url, setUrl] = useUrlState({ q: '', status: '', sort: 'urgency', dir: '' })
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [failed, setFailed] = useState<string | null>(null)
  const admin = useMay('admin')
  const reload = () => void dispatch(fetchPipelines())
  usePolling(reload, pollEvery(pollInterval, visible, true))
  usePolling(() => void dispatch(fetchConnections()), pollEvery(60_000, visible, true))

  const shown = useMemo(() => {
    const words = url.q.toLowerCase().split(/\s+/).filter(Boolean)
    const text = (p: Pipeline) => `${p.name} ${p.description} ${p.tags.join(' ')} ${p.topic_prefix ?? ''} ${p.kafka_topics.join(' ')}`.toLowerCase()
    const found = pipelines.filter((p) => (!url.status || p.status === url.status) && words.every((w) => text(p).includes(w)))
    found.sort((SORTS[url.sort as Sort] ?? SORTS.urgency).by)
    return url.dir === 'up' ? found.reverse() : found
  }, [pipelines, url])
  const selected = shown.filter((p) => chosen.has(p.id))

  return (
    <PageFrame here="/pipelines" title="Pipelines">
      <div className="flex flex-wrap items-center gap-2">
        <SearchField label="Search pipelines" value={url.q} onChange={(q) => setUrl({ q })} />
        <select aria-label="State" className="field" value={url.status} onChange={(e) => setUrl({ status: e.target.value })}>
          <option value="">All states</option>
          {(Object.keys(STATUS) as PipelineStatus[]).map((s) => (
            <option key={s} value={s}>
              {STATUS[s].label}
            </option>
          ))}
        </select>
        <select aria-label="Sort by" className="field md:hidden" value={url.sort} onChange={(e) => setUrl({ sort: e.target.value, dir: '' })}>
          {Object.entries(SORTS).map(([key, { label }]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
        {admin && (
          <Link href="/pipelines/new" className="ml-auto inline-flex h-8 items-center gap-1.5 rounded-md bg-accent px-2.5 text-sm font-semibold text-onaccent hover:bg-accent/90">
            <Plus className="size-3.5" aria-hidden />
            New pipeline
          </Link>
        )}
      </div>
      {failed && (
        <Notice tone="bad" action={<Button onClick={() => setFailed(null)}>Dismiss</Button>}>
          {failed}
        </Notice>
      )}
      {selected.length > 0 && <Bulk selected={selected} onDone={() => setChosen(new Set())} onError={setFailed} />}
      <Shown
        of={{ value: loaded ? pipelines : null, at, error, reload }}
        what="The pipelines"
        rows={6}
        isEmpty={(all) => !all.length}
        empty={
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
            A pipeline takes the changes of some tables of a database, logs them, shows them live and writes them to another database.
          </EmptyState>
        }
      >
        {() =>
          shown.length ? (
            <List pipelines={shown} rates={rates} connections={connections} chosen={chosen} onChoose={setChosen} sort={url.sort as Sort} up={url.dir === 'up'} onSort={(sort, up) => setUrl({ sort, dir: up ? 'up' : '' })} onError={setFailed} />
          ) : (
            <EmptyState icon={Workflow} title="No pipeline matches" action={<Button onClick={() => setUrl({ q: '', status: '' })}>Clear the filters</Button>} />
          )
        }
      </Shown>
    </PageFrame>
  )
}

function Bulk({ selected, onDone, onError }: { selected: Pipeline[]; onDone: () => void; onError: (text: string | null) => void }) {
  const dispatch = useAppDispatch()
  const operator = useMay('operator')
  const change = useChange(async (_api, command: PipelineCommand) => {
    const able = selected.filter((p) => commandsOf(p).some((c) => c.command === command))
    const results = await Promise.all(able.map((p) => dispatch(commandPipeline({ id: p.id, command }))))
    const faults = results.flatMap((r, i) => (commandPipeline.rejected.match(r) ? [`${able[i]!.name}: ${r.payload?.message}`] : []))
    onError(faults.length ? faults.join('; ') : null)
    if (!faults.length) onDone()
  })
  if (!operator) return null
  const able = (command: PipelineCommand) => selected.filter((p) => commandsOf(p).some((c) => c.command === command)).length
  return (
    <div role="group" aria-label="With those chosen" className="card flex flex-wrap items-center gap-2 px-3 py-2 text-sm">
      <span className="tnum font-medium">{count(selected.length)} chosen</span>
      {COMMANDS.filter((c) => !c.sure && able(c.command) > 0).map(({ command, label, icon: Icon }) => (
        <Button key={command} disabled={change.pending} onClick={() => void change.run(command)}>
          <Icon className="size-3.5" aria-hidden />
          {label} {count(able(command))}
        </Button>
      ))}
      <Button look="quiet" className="ml-auto" onClick={onDone}>
        Choose none
      </Button>
    </div>
  )
}

interface ListProps {
  pipelines: Pipeline[]
  rates: Record<string, number>
  connections: Connection[]
  chosen: ReadonlySet<string>
  onChoose: (ids: ReadonlySet<string>) => void
  sort: Sort
  up: boolean
  onSort: (sort: Sort, up: boolean) => void
  onError: (text: string | null) => void
}

function List({ pipelines, rates, connections, chosen, onChoose, sort, up, onSort, onError }: ListProps) {
  const all = pipelines.every((p) => chosen.has(p.id))
  const toggle = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    onChoose(next)
  }
  const head = (key: Sort, className = '') => (
    <th scope="col" aria-sort={sort === key ? (up ? 'ascending' : 'descending') : undefined} className={`px-2.5 py-1.5 font-medium ${className}`}>
      <button type="button" className="inline-flex items-center gap-1 hover:text-fg" onClick={() => onSort(key, sort === key ? !up : false)}>
        {SORTS[key].label}
        {sort === key && (up ? <ChevronUp className="size-3" aria-hidden /> : <ChevronDown className="size-3" aria-hidden />)}
      </button>
    </th>
  )
  return (
    <div className="card overflow-hidden">
      <table className="w-full text-left text-sm">
        <thead className="border-b text-xs text-muted max-md:sr-only">
          <tr>
            <th scope="col" className="w-9 px-2.5 py-1.5">
              <input type="checkbox" aria-label="Choose all" className="size-4 align-middle" checked={all} onChange={() => onChoose(all ? new Set() : new Set(pipelines.map((p) => p.id)))} />
            </th>
            {head('name')}
            {head('urgency', 'w-36')}
            <th scope="col" className="px-2.5 py-1.5 font-medium max-lg:hidden">
              From and to
            </th>
            {head('events', 'w-28 text-right')}
            {head('lag', 'w-28 text-right max-lg:hidden')}
            {head('last', 'w-28 text-right')}
            <th scope="col" className="w-12">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody className="divide-y">
          {pipelines.map((p) => (
            <Row key={p.id} pipeline={p} perSecond={rates[p.id]} connections={connections} chosen={chosen.has(p.id)} onToggle={() => toggle(p.id)} onError={onError} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ pipeline: p, perSecond, connections, chosen, onToggle, onError }: { pipeline: Pipeline; perSecond: number | undefined; connections: Connection[]; chosen: boolean; onToggle: () => void; onError: (text: string | null) => void }) {
  const now = useNow(5000)
  const last = p.stats.last_event_time ? Date.parse(p.stats.last_event_time) : null
  const fault = trouble(p)
  return (
    <tr data-pipeline={p.id} data-status={p.status} className="align-top hover:bg-raised/60 max-md:grid max-md:grid-cols-[1.75rem_minmax(0,1fr)_auto] max-md:gap-y-1 max-md:px-2 max-md:py-2">
      <td className="px-2.5 py-2 max-md:p-0.5">
        <input type="checkbox" aria-label={`Choose ${p.name}`} className="size-4 align-middle" checked={chosen} onChange={onToggle} />
      </td>
      <td className="min-w-0 break-words px-2.5 py-2 max-md:p-0.5">
        <Link href={`/pipelines/view?id=${p.id}`} className="font-medium hover:text-accent hover:underline">
          {p.name}
        </Link>
        <p className="text-xs text-muted">
          {MODES[p.mode].label}
          {p.engine === 'external' && ', connector of somebody else'}
          {p.tags.length > 0 && ` · ${p.tags.join(', ')}`}
          <span className="tnum md:hidden"> · {count(p.stats.total_events ?? 0)} events</span>
        </p>
        {fault && <p className="line-clamp-2 break-words text-xs text-bad">{fault}</p>}
      </td>
      <td className="px-2.5 py-2 max-md:col-start-2 max-md:row-start-2 max-md:p-0.5">
        <PipelineStatusBadge status={p.status} />
      </td>
      <td className="max-w-72 px-2.5 py-2 text-xs max-lg:hidden">
        <Ends pipeline={p} connections={connections} />
      </td>
      <td className="tnum px-2.5 py-2 text-right max-md:hidden">
        {count(p.stats.total_events ?? 0)}
        {perSecond !== undefined && <p className="text-xs text-muted">{rate(perSecond)}/s</p>}
      </td>
      <td className="tnum px-2.5 py-2 text-right max-lg:hidden">
        {p.stats.lag_bytes == null ? NONE : bytes(p.stats.lag_bytes)}
        {p.stats.lag_seconds != null && <p className="text-xs text-muted">{count(Math.round(p.stats.lag_seconds))} s</p>}
      </td>
      <td className="tnum px-2.5 py-2 text-right text-xs max-md:col-start-3 max-md:row-start-2 max-md:p-0.5" title={utc(p.stats.last_event_time)}>
        {last === null ? 'none yet' : ago(last, now)}
      </td>
      <td className="px-2 py-1 text-right max-md:col-start-3 max-md:row-start-1 max-md:p-0">
        <PipelineMenu pipeline={p} onError={onError} />
      </td>
    </tr>
  )
}

/** Source and target by name; topics where there is no source of ours. */
export function Ends({ pipeline: p, connections }: { pipeline: Pipeline; connections: Connection[] }) {
  const name = (id: string | null | undefined) => (id ? (connections.find((c) => c.id === id)?.name ?? id.slice(0, 8)) : null)
  const from = name(p.source_connection_id) ?? (p.topic_prefix ? `${p.topic_prefix}…` : p.kafka_topics.join(', ') || 'topics')
  const to = name(p.target_connection_id)
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <span className="truncate" title={from}>
        {from}
      </span>
      <ArrowRight className="size-3 shrink-0 text-faint" aria-label="to" />
      <span className="truncate">{to ?? 'the log'}</span>
    </span>
  )
}
