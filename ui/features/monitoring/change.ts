// What a change changed: before and after put side by side, column by column. Pure.
import type { ReplicationEvent } from '@/lib/api/types'
import { isExactNumber, stringifyExact, type Json } from '@/lib/json'

export type Row = { [column: string]: Json }

export type DiffState = 'changed' | 'added' | 'removed' | 'same' | 'unavailable'
export interface DiffLine {
  column: string
  before: Json | undefined
  after: Json | undefined
  state: DiffState
}

export const asRow = (value: Json | undefined): Row | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value) ? value : null

/** A value on one line: text bare, everything else as JSON. */
export function show(value: Json | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : stringifyExact(value)
}

/**
 * The columns in the order of the newer row. unavailable: the source did not send the value (a large
 * one that did not change), so whatever stands there is a placeholder and no data.
 */
export function diff(event: ReplicationEvent): DiffLine[] {
  const before = asRow(event.before)
  const after = asRow(event.after)
  const unavailable = new Set(event.unavailable_columns)
  const columns = new Set([...Object.keys(after ?? {}), ...Object.keys(before ?? {})])
  return [...columns].map((column) => {
    const [b, a] = [before?.[column], after?.[column]]
    return { column, before: b, after: a, state: stateOf(b, a, before !== null, after !== null, unavailable.has(column)) }
  })
}

function stateOf(b: Json | undefined, a: Json | undefined, hadBefore: boolean, hasAfter: boolean, unavailable: boolean): DiffState {
  if (unavailable) return 'unavailable'
  if (!hadBefore) return 'added'
  if (!hasAfter) return 'removed'
  return stringifyExact(b ?? null) === stringifyExact(a ?? null) ? 'same' : 'changed'
}

/** A delete of a table with the default replica identity: the key, and nulls that were never read. */
export function onlyKeySent(event: ReplicationEvent): boolean {
  const before = asRow(event.before)
  const key = asRow(event.key)
  if (event.event_type !== 'delete' || !before || !key) return false
  const rest = Object.entries(before).filter(([column]) => !(column in key))
  return rest.length > 0 && rest.every(([, value]) => value === null)
}

/** The key as one word: 17, or a=1 b=2. */
export function keyText(event: ReplicationEvent): string {
  const key = asRow(event.key)
  if (!key) return show(event.key ?? undefined) === 'null' ? '' : show(event.key ?? undefined)
  const parts = Object.entries(key)
  return parts.length === 1 ? show(parts[0]![1]) : parts.map(([column, value]) => `${column}=${show(value)}`).join(' ')
}

export interface Piece {
  column: string
  from?: string // the value before, where it is known and differs
  to: string
}
const PIECES_MAX = 12 // more would not fit any screen

/** The line of a table row: what differs for an update, the values for everything else. */
export function summary(event: ReplicationEvent): Piece[] {
  const key = asRow(event.key) ?? {}
  const lines = diff(event).filter((l) => l.state !== 'unavailable')
  const changed = lines.filter((l) => l.state === 'changed')
  if (event.event_type === 'update' && asRow(event.before) && changed.length)
    return changed.slice(0, PIECES_MAX).map((l) => ({ column: l.column, from: show(l.before), to: show(l.after) }))
  const keyOnly = onlyKeySent(event)
  return lines
    .filter((l) => !(l.column in key) && !keyOnly)
    .slice(0, PIECES_MAX)
    .map((l) => ({ column: l.column, to: show(l.after ?? l.before) }))
}

export const tableName = (event: ReplicationEvent) =>
  [event.schema_name, event.table_name].filter(Boolean).join('.') || event.topic || ''

export const position = (event: ReplicationEvent) => show(event.source_lsn ?? event.source?.position ?? event.source?.lsn ?? undefined)
