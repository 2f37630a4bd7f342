'use client'

// The full load: how far, how fast, how long yet, as a whole and for each table.
import { Badge, type Tone } from '@/components/Badge'
import { EmptyState } from '@/components/EmptyState'
import { Notice } from '@/components/Notice'
import { Progress } from '@/components/Progress'
import { Shown } from '@/components/Shown'
import { useReading, type Reading } from '@/lib/api/useApi'
import type { LoadProgress } from '@/lib/api/types'
import { bytes, clock, count, duration, NONE, rate } from '@/lib/format'

type Table = LoadProgress['tables'][number]
const PHASE: Record<Table['phase'], { label: string; tone: Tone }> = {
  waiting: { label: 'Waiting', tone: 'muted' },
  copying: { label: 'Copying', tone: 'accent' },
  indexing: { label: 'Indexing', tone: 'accent' },
  done: { label: 'Done', tone: 'ok' },
  failed: { label: 'Failed', tone: 'bad' },
}

export const useLoad = (id: string, running: boolean): Reading<LoadProgress> =>
  useReading(`${id} load`, (api, call) => api.pipelineProgress(id, call), running ? 1000 : 10_000)

const percentOf = (t: Table) => (t.phase === 'done' ? 100 : t.rows_estimated ? Math.min(99, (t.rows_done / t.rows_estimated) * 100) : t.phase === 'waiting' ? 0 : null)

export function LoadPanel({ reading }: { reading: Reading<LoadProgress> }) {
  return (
    <Shown
      of={reading}
      what="The progress"
      isEmpty={(p) => p.full_load_status === 'NOT_STARTED' && !p.tables.length}
      empty={<EmptyState title="Nothing was loaded">The full load begins when the pipeline is started, if its mode asks for one.</EmptyState>}
    >
      {(p) => (
        <div className="grid gap-3">
          <LoadSummary progress={p} />
          {p.error && <Notice tone="bad">{p.error}</Notice>}
          <div className="card overflow-x-auto" tabIndex={0} role="region" aria-label="Tables">
            <table className="tnum w-full text-left text-sm">
              <thead className="border-b text-xs text-muted">
                <tr>
                  {['Table', 'State', 'Done', 'Rows', 'Bytes', 'Rows/s', 'Left'].map((h, i) => (
                    <th key={h} scope="col" className={`px-2.5 py-1.5 font-medium ${i > 2 ? 'text-right' : ''}`}>
                      {h}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody className="divide-y">
                {p.tables.map((t) => (
                  <tr key={`${t.schema}.${t.table}`} data-table={`${t.schema}.${t.table}`} data-phase={t.phase}>
                    <td className="px-2.5 py-1.5 font-mono text-xs">
                      {t.schema}.{t.table}
                    </td>
                    <td className="px-2.5 py-1.5">
                      <Badge tone={PHASE[t.phase].tone}>{PHASE[t.phase].label}</Badge>
                    </td>
                    <td className="w-40 px-2.5 py-1.5">
                      <Progress percent={percentOf(t)} label={`${t.schema}.${t.table}`} />
                    </td>
                    <td className="whitespace-nowrap px-2.5 py-1.5 text-right">
                      {count(t.rows_done)}
                      {t.rows_estimated != null && t.phase !== 'done' && <span className="text-faint"> of about {count(t.rows_estimated)}</span>}
                    </td>
                    <td className="whitespace-nowrap px-2.5 py-1.5 text-right">{bytes(t.bytes_done)}</td>
                    <td className="px-2.5 py-1.5 text-right">{rate(t.rows_per_second)}</td>
                    <td className="whitespace-nowrap px-2.5 py-1.5 text-right">{t.eta_seconds == null ? NONE : duration(t.eta_seconds * 1000)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </Shown>
  )
}

export function LoadSummary({ progress: p }: { progress: LoadProgress }) {
  const done = p.full_load_status === 'COMPLETED'
  return (
    <div className="card grid gap-2 p-3.5">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h3 className="label">Full load</h3>
        <span className="tnum text-sm">
          {done ? `${count(p.rows_done)} rows${p.completed_at ? `, through at ${clock(p.completed_at)}` : ''}` : `${count(p.rows_done)} rows, ${bytes(p.bytes_done)}`}
          {!done && p.rows_per_second != null && ` · ${rate(p.rows_per_second)} rows/s`}
          {!done && p.eta_seconds != null && ` · about ${duration(p.eta_seconds * 1000)} left`}
        </span>
      </div>
      <Progress percent={done ? 100 : p.percent} label="The full load" />
      <p className="flex flex-wrap justify-between gap-2 text-xs text-muted">
        <span>{p.phase}</span>
        {p.lsn && <span className="font-mono">snapshot at {p.lsn}</span>}
      </p>
    </div>
  )
}
