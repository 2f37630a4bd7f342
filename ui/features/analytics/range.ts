// Ranges of time, and points without holes. Pure.
import type { Analytics } from '@/lib/api/types'

export const RANGES = {
  '15m': { label: 'Last 15 minutes', ms: 15 * 60_000 },
  '1h': { label: 'Last hour', ms: 3_600_000 },
  '6h': { label: 'Last 6 hours', ms: 6 * 3_600_000 },
  '24h': { label: 'Last 24 hours', ms: 86_400_000 },
  '7d': { label: 'Last 7 days', ms: 7 * 86_400_000 },
  '30d': { label: 'Last 30 days', ms: 30 * 86_400_000 },
} as const
export type RangeKey = keyof typeof RANGES
export const isRange = (key: string): key is RangeKey => Object.hasOwn(RANGES, key)

export type Point = Analytics['points'][number]
/** A point that a chart draws: nothing logged is zero events, and no latency. */
export interface Drawn {
  at: number // Unix ms: its beginning
  insert: number
  update: number
  delete: number
  other: number
  p50: number | null
  p95: number | null
  p99: number | null
}

/** Every point of the range; the server leaves out those without events. */
export function drawn(a: Analytics): Drawn[] {
  const step = a.step_seconds * 1000
  const from = Date.parse(a.from)
  const n = Math.ceil((Date.parse(a.to) - from) / step)
  const there = new Map(a.points.map((p) => [Date.parse(p.at), p]))
  return Array.from({ length: n }, (_, i) => {
    const at = from + i * step
    const p = there.get(at)
    return {
      at,
      insert: p?.insert_count ?? 0,
      update: p?.update_count ?? 0,
      delete: p?.delete_count ?? 0,
      other: p?.other_count ?? 0,
      p50: p?.p50_latency_ms ?? null,
      p95: p?.p95_latency_ms ?? null,
      p99: p?.p99_latency_ms ?? null,
    }
  })
}
