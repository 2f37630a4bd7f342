'use client'

// What was asked of the pipeline lately, step by step.
import { Badge, type Tone } from '@/components/Badge'
import { EmptyState } from '@/components/EmptyState'
import { Shown } from '@/components/Shown'
import { useReading } from '@/lib/api/useApi'
import type { PipelineJob } from '@/lib/api/types'
import { clock, dateAndClock, duration, utc } from '@/lib/format'

const TONE: Record<PipelineJob['state'], Tone> = { pending: 'muted', running: 'accent', done: 'ok', failed: 'bad', cancelled: 'warn' }

export function RunsPanel({ id, interval }: { id: string; interval: number }) {
  const runs = useReading(`${id} runs`, (api, call) => api.pipelineRuns(id, call), interval)
  return (
    <Shown of={runs} what="The jobs" isEmpty={(all) => !all.length} empty={<EmptyState title="Nothing was asked of it yet">Starting, stopping and loading leave their steps here.</EmptyState>}>
      {(all) => (
        <ul className="grid gap-2">
          {all.map((job) => (
            <li key={job.id} data-job={job.kind} className="card px-3.5 py-2.5 text-sm">
              <div className="flex flex-wrap items-center gap-2">
                <span className="font-medium">{job.kind}</span>
                <Badge tone={TONE[job.state]}>{job.state}</Badge>
                <span className="text-xs text-muted" title={utc(job.created_at)}>
                  {dateAndClock(job.created_at)}
                  {job.created_by && ` by ${job.created_by}`}
                </span>
                <span className="tnum ml-auto text-xs text-muted">
                  {job.started_at && job.finished_at && duration(Date.parse(job.finished_at) - Date.parse(job.started_at))}
                  {job.attempts > 1 && `, try ${job.attempts}`}
                </span>
              </div>
              {job.error && <p className="mt-1 break-words text-xs text-bad">{job.error}</p>}
              {job.steps.length > 0 && (
                <details className="mt-1" open={job.state === 'running'}>
                  <summary className="cursor-pointer text-xs text-muted">
                    {job.steps.length} steps{job.step && job.state !== 'done' ? `, now ${job.step}` : ''}
                  </summary>
                  <ol className="tnum mt-1 grid gap-0.5 text-xs">
                    {job.steps.map((s, i) => (
                      <li key={i} className="flex gap-3">
                        <span className="text-faint">{clock(s.at)}</span>
                        <span className="min-w-0 flex-1 truncate font-mono">{s.step}</span>
                        <span>{duration(s.ms)}</span>
                      </li>
                    ))}
                  </ol>
                </details>
              )}
            </li>
          ))}
        </ul>
      )}
    </Shown>
  )
}
