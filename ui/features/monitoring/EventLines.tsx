// A few events, one line each: the tail that pages show which are about something else.
import type { ReplicationEvent } from '@/lib/api/types'
import { preciseClock, utc } from '@/lib/format'
import { keyText, summary, tableName } from './change'
import { KindBadge } from './KindBadge'

export function EventLines({ events, nameOf }: { events: ReplicationEvent[]; nameOf?: (pipelineId: string) => string }) {
  return (
    <ol className="divide-y border-t text-xs" aria-label="Newest events">
      {events.map((e) => (
        <li key={e.id} data-event={e.id} data-pipeline-seq={e.pipeline_seq} className="flex min-w-0 items-center gap-3 px-3.5 py-1.5">
          <KindBadge kind={e.event_type} op={e.op} />
          <span className="max-w-[40%] shrink-0 truncate font-medium">
            {nameOf && <span className="text-muted">{nameOf(e.pipeline_id)}: </span>}
            {tableName(e)}
          </span>
          <span className="shrink-0 font-mono text-muted max-sm:hidden">{keyText(e)}</span>
          <span className="min-w-0 flex-1 truncate font-mono text-muted max-sm:hidden">
            {summary(e)
              .map((p) => `${p.column}=${p.to}`)
              .join(' ')}
          </span>
          <time className="tnum ml-auto shrink-0 text-faint" title={utc(e.started_at)}>
            {preciseClock(e.started_at)}
          </time>
        </li>
      ))}
    </ol>
  )
}
