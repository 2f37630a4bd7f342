// The list of events: newest first by seq, each once, at most EVENTS_MAX. Socket, poll and history
// overlap around a reconnect, so all of them come in through merge(). Pure.
import type { ReplicationEvent } from '@/lib/api/types'

export const EVENTS_MAX = 10_000 // what is older is in the log, one page away

/**
 * old is such a list; fresh may have any order and repeat what is known. Almost always all of fresh
 * is newer than all of old, and that case copies pointers and sorts only what is new.
 */
export function merge(old: ReplicationEvent[], fresh: ReplicationEvent[], max = EVENTS_MAX): ReplicationEvent[] {
  if (!fresh.length) return old
  const byId = new Map(fresh.map((e) => [e.id, e]))
  const sorted = [...byId.values()].sort((a, b) => b.seq - a.seq)
  const oldest = sorted[sorted.length - 1]!
  if (!old.length || oldest.seq > old[0]!.seq) return sorted.concat(old).slice(0, max)
  const out: ReplicationEvent[] = []
  let i = 0
  for (const event of old) {
    while (i < sorted.length && sorted[i]!.seq > event.seq) out.push(sorted[i++]!)
    if (!byId.has(event.id)) out.push(event)
  }
  return out.concat(sorted.slice(i)).slice(0, max)
}

export interface Hole {
  from: number // the first pipeline_seq that is missing
  to: number // and the last
}
export interface Continuity {
  first: number | null // oldest pipeline_seq in the list
  last: number | null
  holes: Hole[] // newest first, at most HOLES_MAX
  missing: number
}
export const HOLES_MAX = 20

/** pipeline_seq has no gaps in the log, so any gap in the list is something that is not shown. */
export function continuity(events: ReplicationEvent[]): Continuity {
  const holes: Hole[] = []
  let missing = 0
  for (let i = 1; i < events.length; i++) {
    const newer = events[i - 1]!.pipeline_seq
    const older = events[i]!.pipeline_seq
    if (newer - older === 1) continue
    missing += newer - older - 1
    if (holes.length < HOLES_MAX) holes.push({ from: older + 1, to: newer - 1 })
  }
  return {
    first: events.length ? events[events.length - 1]!.pipeline_seq : null,
    last: events.length ? events[0]!.pipeline_seq : null,
    holes,
    missing,
  }
}
