// Events a second by kind, for the chart: the server's counters, read again and again, and what they
// grew by in between. Nothing is counted in the browser but the seconds. Pure.
//
//   counters   |100        |118     |118            |131
//   seconds    0     1     2     3     4     5     6
//
// A difference belongs evenly to the time between its two readings, so the bars add up to it.
import type { Counts, ReplicationEvent } from '@/lib/api/types'

export const RATE_SECONDS = 120
const SILENCE_MAX_S = 30 // after a longer one (a tab that slept) the bars in between would be invented

export interface RatePoint {
  second: number // Unix
  insert: number
  update: number
  delete: number
  other: number
}
export interface Reading {
  at: number // Unix ms
  insert: number
  update: number
  delete: number
  other: number
}
export interface Rates {
  last: Reading | null
  points: RatePoint[] // ascending, without repeats, of the last RATE_SECONDS
  seeded: boolean // from the history; once
}
export const NO_RATES: Rates = { last: null, points: [], seeded: false }

const KINDS = ['insert', 'update', 'delete', 'other'] as const

export function read(rates: Rates, counts: Counts, at: number): Rates {
  const now: Reading = {
    at,
    insert: counts.insert_count,
    update: counts.update_count,
    delete: counts.delete_count,
    other: counts.other_count,
  }
  const { last } = rates
  if (last && at <= last.at) return rates
  // Counters that shrink (rows were deleted, the log began anew) say nothing about a rate.
  const usable = last && at - last.at <= SILENCE_MAX_S * 1000 && KINDS.every((k) => now[k] >= last[k])
  return { ...rates, last: now, points: usable ? spread(rates.points, last, now) : rates.points }
}

function spread(points: RatePoint[], from: Reading, to: Reading): RatePoint[] {
  const out = new Map(points.map((p) => [p.second, p]))
  const span = to.at - from.at
  for (let s = Math.floor(from.at / 1000); s * 1000 < to.at; s++) {
    const share = (Math.min(to.at, (s + 1) * 1000) - Math.max(from.at, s * 1000)) / span
    const had = out.get(s)
    const point = zero(s)
    for (const k of KINDS) point[k] = (had?.[k] ?? 0) + (to[k] - from[k]) * share
    out.set(s, point)
  }
  return ascending(out)
}

/**
 * After a reload the chart need not be empty: a page of history (newest first, complete from its
 * oldest event on) says what happened in each second that it covers, up to the first reading.
 */
export function seeded(rates: Rates, events: ReplicationEvent[]): Rates {
  if (rates.seeded || !rates.last) return rates
  const until = rates.last.at
  const times = events.map((e) => Date.parse(e.started_at ?? ''))
  const oldest = times.reduce((min, t) => Math.min(min, t), Infinity)
  const end = Math.floor(until / 1000)
  // Of the oldest second the page may hold only a part.
  const from = Math.max(end - RATE_SECONDS + 1, Math.floor(oldest / 1000) + 1)
  const points = new Map<number, RatePoint>()
  for (let s = from; s <= end; s++) points.set(s, zero(s))
  events.forEach((e, i) => {
    const point = times[i]! <= until ? points.get(Math.floor(times[i]! / 1000)) : undefined
    if (point) point[kindOf(e)]++
  })
  for (const had of rates.points) {
    const point = points.get(had.second) ?? zero(had.second)
    for (const k of KINDS) point[k] += had[k]
    points.set(had.second, point)
  }
  return { ...rates, seeded: true, points: ascending(points) }
}

const zero = (second: number): RatePoint => ({ second, insert: 0, update: 0, delete: 0, other: 0 })
const ascending = (points: Map<number, RatePoint>) => [...points.values()].sort((a, b) => a.second - b.second).slice(-RATE_SECONDS)
const kindOf = (e: ReplicationEvent) =>
  e.event_type === 'insert' || e.event_type === 'update' || e.event_type === 'delete' ? e.event_type : 'other'

/** The mean of the last `seconds` whole seconds, or null while the readings do not reach that far. */
export function meanRate(points: RatePoint[], seconds = 10): number | null {
  const whole = points.slice(0, -1) // the last second is still filling
  if (whole.length < seconds) return null
  return whole.slice(-seconds).reduce((sum, p) => sum + total(p), 0) / seconds
}

export const total = (p: RatePoint) => p.insert + p.update + p.delete + p.other
