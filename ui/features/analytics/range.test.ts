import { describe, expect, it } from 'vitest'
import type { Analytics } from '@/lib/api/types'
import { drawn } from './range'

const point = (at: string, n: number) => ({ at, insert_count: n, update_count: 0, delete_count: 0, other_count: 0, total_events: n, avg_latency_ms: 5, p50_latency_ms: 4, p95_latency_ms: 9, p99_latency_ms: 9 })

describe('points', () => {
  it('have no holes: nothing logged is zero events and no latency', () => {
    const a: Analytics = { from: '2026-11-20T10:00:00.000000Z', to: '2026-11-20T10:15:00.000000Z', step_seconds: 300, points: [point('2026-11-20T10:05:00.000000Z', 7)], pipelines: [], tables: [], errors: [] }
    expect(drawn(a).map((p) => [new Date(p.at).toISOString().slice(11, 16), p.insert, p.p95])).toEqual([['10:00', 0, null], ['10:05', 7, 9], ['10:10', 0, null]])
  })
})
