// What of the list is shown. The filters live in the URL, so that a view can be shared. Pure.
import { EVENT_KINDS, type EventKind, type ReplicationEvent } from '@/lib/api/types'
import { stringifyExact } from '@/lib/json'
import { tableName } from './change'

export interface Filters {
  kinds: EventKind[] // none: all
  table: string | null // schema.table
  text: string
}
export const NO_FILTERS: Filters = { kinds: [], table: null, text: '' }
const TEXT_MAX = 200

export const isFiltering = (f: Filters) => f.kinds.length > 0 || f.table !== null || f.text.trim() !== ''

// Written once an event: searching ten thousand of them at every key press would be felt.
const written = new WeakMap<ReplicationEvent, string>()
function textOf(event: ReplicationEvent): string {
  let text = written.get(event)
  if (text === undefined) {
    text = `${tableName(event)} ${event.event_type} ${stringifyExact([event.key, event.before, event.after, event.source_lsn, event.id])}`.toLowerCase()
    written.set(event, text)
  }
  return text
}

/** The same array when nothing is filtered. Every word must occur somewhere in the event. */
export function filtered(events: ReplicationEvent[], f: Filters): ReplicationEvent[] {
  if (!isFiltering(f)) return events
  const kinds = new Set(f.kinds)
  const words = f.text.toLowerCase().split(/\s+/).filter(Boolean)
  return events.filter(
    (e) =>
      (!kinds.size || kinds.has(e.event_type)) &&
      (f.table === null || tableName(e) === f.table) &&
      (!words.length || words.every((w) => textOf(e).includes(w))),
  )
}

export function fromQuery(query: string): Filters & { pipeline: string | null } {
  const params = new URLSearchParams(query)
  const kinds = (params.get('kind') ?? '').split(',').filter((k): k is EventKind => (EVENT_KINDS as readonly string[]).includes(k))
  return { pipeline: params.get('pipeline'), kinds, table: params.get('table'), text: (params.get('q') ?? '').slice(0, TEXT_MAX) }
}

export function toQuery(f: Filters, pipeline: string | null): string {
  const params = new URLSearchParams()
  if (pipeline) params.set('pipeline', pipeline)
  if (f.kinds.length) params.set('kind', f.kinds.join(','))
  if (f.table !== null) params.set('table', f.table)
  if (f.text.trim()) params.set('q', f.text.trim())
  const query = params.toString()
  return query ? `?${query}` : ''
}
