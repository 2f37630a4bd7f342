// Which tables and kinds occur in the list, to offer them as filters. Looked up in what is new only:
// going through ten thousand events a frame would be felt.
import { useRef } from 'react'
import type { EventKind, ReplicationEvent } from '@/lib/api/types'
import { tableName } from './change'

interface Seen {
  pipeline: string | null
  newest: number // seq; everything from oldest to newest has been looked at
  oldest: number
  tables: Set<string>
  kinds: Set<EventKind>
  sorted: string[]
}
const nothing = (pipeline: string | null): Seen => ({ pipeline, newest: -1, oldest: -1, tables: new Set(), kinds: new Set(), sorted: [] })

/** seen, brought up to date with a list that is newest first; the same object when nothing is new. */
export function look(seen: Seen, events: ReplicationEvent[]): Seen {
  const pipeline = events[0]?.pipeline_id ?? seen.pipeline
  const last = events[events.length - 1]
  const next = pipeline === seen.pipeline ? seen : nothing(pipeline)
  const tables = new Set(next.tables)
  const kinds = new Set(next.kinds)
  const take = (e: ReplicationEvent) => {
    tables.add(tableName(e))
    kinds.add(e.event_type)
  }
  for (let i = 0; i < events.length && events[i]!.seq > next.newest; i++) take(events[i]!)
  for (let i = events.length - 1; i >= 0 && events[i]!.seq < next.oldest; i--) take(events[i]!)
  tables.delete('')
  const grown = tables.size !== next.tables.size || kinds.size !== next.kinds.size
  return {
    pipeline,
    newest: Math.max(next.newest, events[0]?.seq ?? -1),
    oldest: last && (next.oldest < 0 || last.seq < next.oldest) ? last.seq : next.oldest,
    ...(grown ? { tables, kinds, sorted: [...tables].sort() } : { tables: next.tables, kinds: next.kinds, sorted: next.sorted }),
  }
}

/** chosen: the table that is filtered by, which is offered whether it occurs or not. */
export function useSeen(events: ReplicationEvent[], chosen: string | null): { tables: string[]; kinds: Set<EventKind> } {
  const seen = useRef<Seen>(nothing(null))
  seen.current = look(seen.current, events)
  const { sorted, kinds } = seen.current
  return { tables: chosen !== null && !sorted.includes(chosen) ? [...sorted, chosen].sort() : sorted, kinds }
}

export const NOTHING_SEEN = nothing(null)
