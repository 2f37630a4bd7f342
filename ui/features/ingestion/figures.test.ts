import { describe, expect, it } from 'vitest'
import type { Message, Stats } from '@/lib/api/types'
import { batchTimes, matching, messagesCsv, NO_FILTER, trend } from './figures'

const sample = (n: number, more: Partial<Stats> = {}): Stats => ({
  total_messages: n, current_rps: n, messages_per_second: n, queue_depth: 0, queue_length: 0, total_batches: n, avg_batch_size: 1,
  timestamp: new Date(n * 500).toISOString(), p50_latency_ms: null, p95_latency_ms: null, p99_latency_ms: null, batch_ms: null, ...more,
})
const message = (more: Partial<Message> = {}): Message => ({ id: 1, user_id: 7, channel_id: 3, content: 'hello', created_at: 'c', inserted_at: 'i', ...more })

describe('figures of the ingestion', () => {
  it('a trend compares five seconds with the five before, and is nothing where there is no before', () => {
    const steps = (before: number, now: number) => Array.from({ length: 20 }, (_, i) => sample(i, { current_rps: i < 10 ? before : now }))
    expect(trend(steps(100, 150), (s) => s.current_rps)).toBeCloseTo(0.5)
    expect(trend(steps(100, 50), (s) => s.current_rps)).toBeCloseTo(-0.5)
    expect(trend(steps(0, 0), (s) => s.current_rps)).toBe(0)
    expect(trend(steps(0, 5), (s) => s.current_rps)).toBeNull()
    expect(trend(steps(1, 1).slice(1), (s) => s.current_rps)).toBeNull()
  })

  it('a batch that several samples saw is one', () => {
    const seen = [sample(1, { total_batches: 1, batch_ms: 5 }), sample(2, { total_batches: 1, batch_ms: 5 }), sample(3, { total_batches: 2, batch_ms: 79.5 }), sample(4, { total_batches: 3, batch_ms: 12 })]
    const bins = batchTimes(seen)
    expect(bins.map((b) => b.n)).toEqual([1, 1, 0, 0, 0, 0, 0, 1])
    expect(bins.at(-1)).toMatchObject({ from: 70, to: 80 })
    expect(batchTimes([sample(1)])).toEqual([])
  })

  it('filters by words, user and channel', () => {
    const all = [message(), message({ id: 2, content: 'Good-bye', user_id: 8 }), message({ id: 3, channel_id: 30 })]
    const ids = (f: object) => matching(all, { ...NO_FILTER, ...f }).map((m) => m.id)
    expect(ids({})).toEqual([1, 2, 3])
    expect(ids({ text: ' good ' })).toEqual([2])
    expect(ids({ user: '7' })).toEqual([1, 3])
    expect(ids({ user: '7', channel: '3' })).toEqual([1])
  })

  it('a download quotes what needs it, and gives no spreadsheet a formula', () => {
    expect(messagesCsv([message({ content: 'a "b",\nc' }), message({ content: '=HYPERLINK("x")' })]).split('\r\n').slice(0, 3)).toEqual([
      'id,user_id,channel_id,content,created_at,inserted_at',
      '1,7,3,"a ""b"",\nc",c,i',
      '1,7,3,"\'=HYPERLINK(""x"")",c,i',
    ])
  })
})
