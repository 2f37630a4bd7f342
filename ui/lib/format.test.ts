import { describe, expect, it } from 'vitest'
import { ago, clock, count, duration, NONE, rate, share, utc } from './format'

describe('figures', () => {
  it('are a dash only when they are not known', () => {
    expect([count(0), count(null), count(undefined)]).toEqual(['0', NONE, NONE])
    expect([rate(0), rate(null), share(0, 0)]).toEqual(['0.0', NONE, NONE])
    expect(duration(null)).toBe(NONE)
  })
  it('have a unit that fits', () =>
    expect([0.4, 12.4, 1500, 61_000, 7_200_000, 259_200_000].map(duration)).toEqual(['0.4 ms', '12 ms', '1.5 s', '1 min', '2 h', '3 d']))
})

describe('times', () => {
  it('are told from now', () => expect([ago(1000, 1900), ago(1000, 13_900), ago(0, 180_000), ago(null, 1)]).toEqual(['just now', '12 s ago', '3 min ago', NONE]))
  it('of a server whose clock is ahead are just now', () => expect(ago(5000, 1000)).toBe('just now'))
  it('that are no times are a dash', () => expect(clock('soon')).toBe(NONE))
  it('keep the microseconds of the log in UTC', () => expect(utc('2026-11-20T19:10:48.397309Z')).toBe('2026-11-20 19:10:48.397309 UTC'))
})
