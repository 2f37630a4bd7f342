'use client'

// What was logged over a range of time: how much, of what, how fast, and what went wrong.
import { ChartColumn, Download, ImageDown } from 'lucide-react'
import dynamic from 'next/dynamic'
import { useMemo, useRef, useState, type ReactNode } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { Field } from '@/components/Field'
import { PageFrame } from '@/components/PageFrame'
import { Shown } from '@/components/Shown'
import { Skeleton } from '@/components/Skeleton'
import { KIND } from '@/features/monitoring/kinds'
import { fetchPipelines, selectPipelines } from '@/features/pipelines/pipelineSlice'
import type { Analytics, TopKeys } from '@/lib/api/types'
import { useReading } from '@/lib/api/useApi'
import { csv } from '@/lib/csv'
import { download, pngOf } from '@/lib/download'
import { count, dateAndClock, duration, NONE } from '@/lib/format'
import { pollEvery, usePolling, useVisible } from '@/lib/hooks'
import { stringifyExact, type Json } from '@/lib/json'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { useUrlState } from '@/lib/useUrlState'
import { drawn, isRange, RANGES, type Drawn, type RangeKey } from './range'

const loading = () => <Skeleton className="h-full w-full" />
const KindsChart = dynamic(() => import('./Charts').then((m) => m.KindsChart), { ssr: false, loading })
const LatencyChart = dynamic(() => import('./Charts').then((m) => m.LatencyChart), { ssr: false, loading })

const POLL_MS = 15_000
const KINDS = ['insert', 'update', 'delete', 'other'] as const
const FILL = { insert: 'fill-insert', update: 'fill-update', delete: 'fill-delete', other: 'fill-other' }

/** A time as an <input type="datetime-local"> has it, in this place's time, and back. */
const local = (ms: number) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)

export function AnalyticsPage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const pipelines = useAppSelector(selectPipelines)
  const [url, setUrl] = useUrlState({ range: '1h', pipeline: '', from: '', to: '' })
  const custom = url.range === 'custom' && url.from && url.to
  const key: RangeKey = isRange(url.range) ? url.range : '1h'
  const query = () => ({
    pipeline_id: url.pipeline || undefined,
    ...(custom ? { from: new Date(url.from).toISOString(), to: new Date(url.to).toISOString() } : { from: new Date(Date.now() - RANGES[key].ms).toISOString() }),
  })
  const wanted = `${url.range} ${url.pipeline} ${url.from} ${url.to}`
  const sums = useReading(`analytics ${wanted}`, (api, call) => api.analytics(query(), call), custom ? false : POLL_MS)
  const keys = useReading(`keys ${wanted}`, (api, call) => api.topKeys(query(), call), custom ? false : POLL_MS * 2)
  usePolling(() => void dispatch(fetchPipelines()), pollEvery(60_000, visible, true))
  const nameOf = (id: string) => pipelines.find((p) => p.id === id)?.name ?? id.slice(0, 8)
  const choose = (range: string) =>
    setUrl(range === 'custom' ? { range, from: url.from || local(Date.now() - 86_400_000), to: url.to || local(Date.now()) } : { range, from: '', to: '' })

  return (
    <PageFrame here="/analytics" title="Analytics">
      <div className="flex flex-wrap items-end gap-3">
        <Field label="Range">
          {(c) => (
            <select {...c} className="field" value={custom ? 'custom' : key} onChange={(e) => choose(e.target.value)}>
              {Object.entries(RANGES).map(([k, { label }]) => (
                <option key={k} value={k}>
                  {label}
                </option>
              ))}
              <option value="custom">From and to…</option>
            </select>
          )}
        </Field>
        {custom && (
          <>
            <Field label="From">{(c) => <input {...c} type="datetime-local" className="field" value={url.from} max={url.to} onChange={(e) => setUrl({ from: e.target.value })} />}</Field>
            <Field label="To">{(c) => <input {...c} type="datetime-local" className="field" value={url.to} min={url.from} onChange={(e) => setUrl({ to: e.target.value })} />}</Field>
          </>
        )}
        <Field label="Pipeline">
          {(c) => (
            <select {...c} className="field max-w-64" value={url.pipeline} onChange={(e) => setUrl({ pipeline: e.target.value })}>
              <option value="">All pipelines</option>
              {[...pipelines]
                .sort((a, b) => a.name.localeCompare(b.name))
                .map((p) => (
                  <option key={p.id} value={p.id}>
                    {p.name}
                  </option>
                ))}
            </select>
          )}
        </Field>
        {sums.value && (
          <Button className="ml-auto" onClick={() => download('millrace-analytics.csv', csv(sums.value!.points), 'text/csv')} disabled={!sums.value.points.length}>
            <Download className="size-3.5" aria-hidden />
            Points as CSV
          </Button>
        )}
      </div>
      <Shown of={sums} what="The figures" rows={8} isEmpty={(a) => !a.points.length && !a.errors.length} empty={<EmptyState icon={ChartColumn} title="Nothing was logged in this time">Choose a longer range, or another pipeline.</EmptyState>}>
        {(a) => <Figures a={a} nameOf={nameOf} />}
      </Shown>
      {sums.value && sums.value.points.length > 0 && (
        <Card title="Rows that changed most">
          <Shown of={keys} what="The rows" isEmpty={(k) => !k.keys.length} empty={<p className="px-3.5 pb-3 text-sm text-muted">No event of this time has a key.</p>}>
            {(k) => <Keys top={k} nameOf={nameOf} />}
          </Shown>
        </Card>
      )}
    </PageFrame>
  )
}

function Card({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="card min-w-0 overflow-hidden">
      <header className="flex min-h-10 items-center justify-between gap-2 px-3.5 py-1.5">
        <h2 className="label">{title}</h2>
        {action}
      </header>
      {children}
    </section>
  )
}

function Figures({ a, nameOf }: { a: Analytics; nameOf: (id: string) => string }) {
  const points = useMemo(() => drawn(a), [a])
  const total = (key: (typeof KINDS)[number]) => points.reduce((n, p) => n + p[key], 0)
  const all = KINDS.reduce((n, k) => n + total(k), 0)
  const worst = points.reduce((most, p) => Math.max(most, p.p99 ?? 0), 0)
  const step = duration(a.step_seconds * 1000)
  return (
    <>
      <div className="grid gap-3 xl:grid-cols-2">
        <Chart
          title={`Events, every ${step}`}
          name="events"
          words={`${count(all)} events: ${KINDS.map((k) => `${count(total(k))} ${KIND[k].label.toLowerCase()}`).join(', ')}`}
          legend={KINDS.map((k) => ({ label: `${KIND[k].label} ${count(total(k))}`, fill: FILL[k] }))}
          points={points}
          draw={(p) => <KindsChart points={p} />}
        />
        <Chart
          title={`Latency from source to log, every ${step}`}
          name="latency"
          words={`p99 at most ${duration(worst)}`}
          legend={[
            { label: 'p50', fill: 'fill-accent' },
            { label: 'p95', fill: 'fill-update' },
            { label: 'p99', fill: 'fill-delete' },
          ]}
          points={points}
          draw={(p) => <LatencyChart points={p} />}
        />
      </div>
      <div className="grid items-start gap-3 xl:grid-cols-2">
        <Card title="Tables">
          <Tables a={a} nameOf={nameOf} />
        </Card>
        <Card title="Slowest pipelines">
          <Slowest a={a} nameOf={nameOf} />
        </Card>
      </div>
      <Card title="Why records could not be read">
        <Errors a={a} />
      </Card>
    </>
  )
}

function Chart({ title, name, words, legend, points, draw }: { title: string; name: string; words: string; legend: { label: string; fill: string }[]; points: Drawn[]; draw: (points: Drawn[]) => ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  const [failed, setFailed] = useState(false)
  const take = async () => {
    const svg = box.current?.querySelector<SVGSVGElement>('svg.recharts-surface')
    if (!svg) return
    try {
      download(`millrace-${name}.png`, await pngOf(svg))
      setFailed(false)
    } catch {
      setFailed(true)
    }
  }
  return (
    <Card
      title={title}
      action={
        <Button look="quiet" square onClick={() => void take()} aria-label={`${title}, as a PNG`} title="As a PNG">
          <ImageDown className="size-4" aria-hidden />
        </Button>
      }
    >
      <div ref={box} role="img" aria-label={words} data-chart={name} data-points={points.length} className="h-52 min-w-0 px-2">
        {draw(points)}
      </div>
      <ul className="flex flex-wrap gap-x-4 gap-y-1 px-3.5 py-2 text-xs text-muted">
        {legend.map((l) => (
          <li key={l.label} className="tnum flex items-center gap-1.5">
            <svg viewBox="0 0 8 8" className={`size-2 ${l.fill}`} aria-hidden>
              <rect width="8" height="8" rx="1.5" />
            </svg>
            {l.label}
          </li>
        ))}
        {failed && <li className="text-bad">This browser cannot make the picture.</li>}
      </ul>
    </Card>
  )
}

const CELL = 'px-3.5 py-1.5'

function List({ label, head, children }: { label: string; head: string[]; children: ReactNode }) {
  return (
    <div className="max-h-96 overflow-auto border-t" tabIndex={0} role="region" aria-label={label}>
      <table className="tnum w-full text-left text-sm">
        <thead className="text-xs text-muted">
          <tr>
            {head.map((h, i) => (
              <th key={h} scope="col" className={`${CELL} font-medium ${i > 0 && i === head.length - 1 ? 'text-right' : ''}`}>
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y border-t">{children}</tbody>
      </table>
    </div>
  )
}

function Tables({ a, nameOf }: { a: Analytics; nameOf: (id: string) => string }) {
  const most = Math.max(1, ...a.tables.map((t) => t.total_events))
  return (
    <List label="Events by table" head={['Table', 'Kinds', 'Events']}>
      {a.tables.map((t) => {
        let x = 0
        return (
          <tr key={`${t.pipeline_id} ${t.schema_name} ${t.table_name}`} data-table={`${t.schema_name}.${t.table_name}`}>
            <td className={CELL}>
              <span className="break-all font-mono text-xs">{[t.schema_name, t.table_name].filter(Boolean).join('.') || 'without a table'}</span>
              <span className="block text-xs text-faint">{nameOf(t.pipeline_id)}</span>
            </td>
            <td className={`${CELL} w-2/5`}>
              <svg viewBox="0 0 100 6" preserveAspectRatio="none" className="h-2 w-full" role="img" aria-label={KINDS.map((k) => `${count(t[`${k}_count`])} ${KIND[k].label.toLowerCase()}`).join(', ')}>
                {KINDS.map((k) => {
                  const width = (t[`${k}_count`] / most) * 100
                  x += width
                  return <rect key={k} x={x - width} width={width} height="6" className={FILL[k]} />
                })}
              </svg>
            </td>
            <td className={`${CELL} text-right`}>{count(t.total_events)}</td>
          </tr>
        )
      })}
    </List>
  )
}

function Slowest({ a, nameOf }: { a: Analytics; nameOf: (id: string) => string }) {
  const slow = [...a.pipelines].sort((x, y) => (y.p95_latency_ms ?? -1) - (x.p95_latency_ms ?? -1))
  return (
    <List label="Pipelines by latency" head={['Pipeline', 'Mean', 'p50', 'p95', 'p99', 'Events']}>
      {slow.map((p) => (
        <tr key={p.pipeline_id} data-slow={p.pipeline_id}>
          <td className={`${CELL} max-w-56 truncate font-medium`}>{nameOf(p.pipeline_id)}</td>
          {[p.avg_latency_ms, p.p50_latency_ms, p.p95_latency_ms, p.p99_latency_ms].map((ms, i) => (
            <td key={i} className={CELL}>
              {duration(ms)}
            </td>
          ))}
          <td className={`${CELL} text-right`}>{count(p.total_events)}</td>
        </tr>
      ))}
    </List>
  )
}

function Errors({ a }: { a: Analytics }) {
  if (!a.errors.length) return <p className="border-t px-3.5 py-3 text-sm text-muted">Every record of this time was read.</p>
  return (
    <List label="Reasons" head={['Reason', 'Last', 'Records']}>
      {a.errors.map((e) => (
        <tr key={e.reason} data-reason={e.reason}>
          <td className={`${CELL} break-words`}>{e.reason}</td>
          <td className={`${CELL} whitespace-nowrap text-xs text-muted`}>{dateAndClock(e.last_at)}</td>
          <td className={`${CELL} text-right`}>{count(e.count)}</td>
        </tr>
      ))}
    </List>
  )
}

function Keys({ top, nameOf }: { top: TopKeys; nameOf: (id: string) => string }) {
  return (
    <>
      <List label="Rows by changes" head={['Row', 'Table', 'Last', 'Changes']}>
        {top.keys.map((k, i) => (
          <tr key={i} data-key-count={k.count}>
            <td className={`${CELL} max-w-72 truncate font-mono text-xs`}>{stringifyExact((k.key ?? null) as Json)}</td>
            <td className={CELL}>
              <span className="font-mono text-xs">{[k.schema_name, k.table_name].filter(Boolean).join('.') || NONE}</span>
              <span className="block text-xs text-faint">{nameOf(k.pipeline_id)}</span>
            </td>
            <td className={`${CELL} whitespace-nowrap text-xs text-muted`}>{dateAndClock(k.last_event_time)}</td>
            <td className={`${CELL} text-right`}>{count(k.count)}</td>
          </tr>
        ))}
      </List>
      <p className="border-t px-3.5 py-1.5 text-xs text-faint">Among the newest {count(top.looked_at)} events of this time.</p>
    </>
  )
}
