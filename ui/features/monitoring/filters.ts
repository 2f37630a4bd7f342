// What of the list is shown. The filters live in the URL, so that a view can be shared. Pure.
import { EVENT_KINDS, type EventKind, type ReplicationEvent } from '@/lib/api/types'
import { stringifyExact } from '@/lib/json'
import { tableName } from './change'

export interface Filters {
  kinds: EventKind[] // none: all
  table: string | null // schema.table
  text: string
  from: string | null // logged at or after, RFC 3339 in UTC
  to: string | null // logged before
}
export const NO_FILTERS: Filters = { kinds: [], table: null, text: '', from: null, to: null }
const TEXT_MAX = 200

export const isFiltering = (f: Filters) => f.kinds.length > 0 || f.table !== null || f.text.trim() !== '' || f.from !== null || f.to !== null

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
      (f.from === null || e.started_at! >= f.from) &&
      (f.to === null || e.started_at! < f.to) &&
      (!words.length || words.every((w) => textOf(e).includes(w))),
  )
}

/** As GET /monitoring/events takes it; null where it can't say the same (several words). */
export function asEventQuery(f: Filters) {
  const text = f.text.trim()
  if (/\s/.test(text)) return null
  const dot = f.table?.indexOf('.') ?? -1
  return {
    event_type: f.kinds.join(',') || undefined,
    schema: dot > 0 ? f.table!.slice(0, dot) : undefined,
    table: f.table?.slice(dot + 1),
    from: f.from ?? undefined,
    to: f.to ?? undefined,
    q: text || undefined,
  }
}

const time = (text: string | null) => (text !== null && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : null)

export function fromQuery(query: string): Filters & { pipeline: string | null } {
  const params = new URLSearchParams(query)
  const kinds = (params.get('kind') ?? '').split(',').filter((k): k is EventKind => (EVENT_KINDS as readonly string[]).includes(k))
  return { pipeline: params.get('pipeline'), kinds, table: params.get('table'), text: (params.get('q') ?? '').slice(0, TEXT_MAX), from: time(params.get('from')), to: time(params.get('to')) }
}

export function toQuery(f: Filters, pipeline: string | null): string {
  const params = new URLSearchParams()
  if (pipeline) params.set('pipeline', pipeline)
  if (f.kinds.length) params.set('kind', f.kinds.join(','))
  if (f.table !== null) params.set('table', f.table)
  if (f.text.trim()) params.set('q', f.text.trim())
  if (f.from) params.set('from', f.from)
  if (f.to) params.set('to', f.to)
  const query = params.toString()
  return query ? `?${query}` : ''
}
