// The connectors on Kafka Connect, their tasks, and what a failed one said.
import { Badge, type Tone } from '@/components/Badge'
import type { PipelineEvidence } from '@/lib/api/types'
import { count } from '@/lib/format'

type Connector = NonNullable<NonNullable<PipelineEvidence['connectors']>['source']>

const toneOf = (c: Connector): Tone => (c.failed || c.state === 'FAILED' ? 'bad' : c.state === 'RUNNING' ? 'ok' : c.state === 'PAUSED' ? 'warn' : 'muted')

export function Connectors({ evidence }: { evidence: PipelineEvidence }) {
  const both = [
    ['Source', evidence.connectors?.source],
    ['Sink', evidence.connectors?.sink],
  ] as const
  const there = both.filter((b): b is [(typeof b)[0], Connector] => !!b[1]?.name)
  if (!there.length) return <p className="text-sm text-muted">{evidence.engine === 'external' ? 'Somebody else runs the connector of this pipeline.' : 'There are none now.'}</p>
  return (
    <ul className="grid gap-2">
      {there.map(([kind, c]) => (
        <li key={kind} data-connector={kind.toLowerCase()} className="rounded-md border px-3 py-2 text-sm">
          <div className="flex items-center justify-between gap-2">
            <span className="font-medium">{kind}</span>
            <Badge tone={toneOf(c)}>{c.state ?? 'unknown'}</Badge>
          </div>
          <p className="truncate font-mono text-xs text-muted" title={c.name}>
            {c.name}
          </p>
          <p className="tnum text-xs text-muted">
            {count(c.running ?? 0)} of {count(c.tasks ?? 0)} tasks running{c.failed ? `, ${count(c.failed)} failed` : ''}
          </p>
          {c.trace && (
            <details className="mt-1">
              <summary className="cursor-pointer text-xs font-medium text-bad">What the task said</summary>
              <pre className="mt-1 max-h-64 overflow-auto whitespace-pre-wrap break-words rounded bg-raised p-2 font-mono text-2xs">{c.trace}</pre>
            </details>
          )}
        </li>
      ))}
    </ul>
  )
}
