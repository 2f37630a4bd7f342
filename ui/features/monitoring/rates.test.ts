import { describe, expect, it } from 'vitest'
import { dashboard, event } from '@/test/fakes'
import { meanRate, NO_RATES, RATE_SECONDS, read, seeded, total, type Rates } from './rates'

const counts = (insert: number, update = 0) => dashboard({ insert_count: insert, update_count: update, delete_count: 0, other_count: 0 })
const readings = (...list: [number, number][]) => list.reduce<Rates>((r, [at, n]) => read(r, counts(n), at), NO_RATES)
const bars = (r: Rates) => r.points.map((p) => [p.second, total(p)])

describe('rates', () => {
  it('are what the counters grew by', () => expect(bars(readings([10_000, 100], [11_000, 120], [12_000, 125]))).toEqual([[10, 20], [11, 5]]))
  it('spread a difference over the time that it belongs to', () => expect(bars(readings([10_500, 0], [12_500, 20]))).toEqual([[10, 5], [11, 10], [12, 5]]))
  it('are zero while nothing happens', () => expect(bars(readings([10_000, 7], [12_000, 7]))).toEqual([[10, 0], [11, 0]]))
  it('begin anew when counters shrink', () => expect(bars(readings([10_000, 100], [11_000, 3], [12_000, 4]))).toEqual([[11, 1]]))
  it('invent nothing for a time without readings', () => expect(bars(readings([10_000, 0], [100_000, 9000]))).toEqual([]))
  it('ignore a reading from before the last', () => expect(bars(readings([10_000, 0], [11_000, 5], [10_500, 4]))).toEqual([[10, 5]]))
  it('keep two minutes', () => {
    const r = readings(...Array.from({ length: 300 }, (_, i): [number, number] => [i * 1000, i]))
    expect(r.points).toHaveLength(RATE_SECONDS)
  })
  it('tell kinds apart', () => {
    const r = read(read(NO_RATES, counts(0, 0), 1000), counts(3, 4), 2000)
    expect(r.points).toEqual([{ second: 1, insert: 3, update: 4, delete: 0, other: 0 }])
  })
})

describe('after a reload', () => {
  const at = (ms: number) => event(ms, { started_at: new Date(ms).toISOString() })
  it('the history fills the chart, from its first whole second up to the first reading', () => {
    const r = seeded(readings([14_200, 50]), [at(14_500), at(14_100), at(13_100), at(12_900), at(12_100), at(10_500)])
    expect(bars(r)).toEqual([[11, 0], [12, 2], [13, 1], [14, 1]])
  })
  it('the second in which the first reading fell is made of both', () => {
    const r = seeded(readings([14_200, 50], [14_900, 53]), [at(14_100), at(13_900), at(12_900)])
    expect(bars(r)).toEqual([[13, 1], [14, 4]])
  })
  it('it waits for the first reading, and is used once', () => {
    expect(seeded(NO_RATES, [at(9000)])).toBe(NO_RATES)
    const r = seeded(readings([10_000, 0]), [at(9500), at(8000)])
    expect(seeded(r, [at(9500), at(8000)])).toBe(r)
  })
})

describe('the mean', () => {
  it('needs its whole time', () => {
    expect(meanRate(readings([10_000, 0], [15_000, 50]).points)).toBeNull()
    expect(meanRate(readings([10_000, 0], [21_000, 110]).points)).toBe(10)
  })
})
