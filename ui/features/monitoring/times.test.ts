import { describe, expect, it } from 'vitest'
import { localTime, rangeText } from './times'

const at = (hours: number, minutes: number) => new Date(2026, 10, 20, hours, minutes, 5).toISOString()

describe('times', () => {
  it('are local, and come back the same', () => {
    expect(localTime(at(9, 7))).toBe('2026-11-20T09:07:05')
    expect(new Date(localTime(at(9, 7))).toISOString()).toBe(at(9, 7))
    expect(localTime(null)).toBe('')
  })
  it('are short, with the day where it is another one', () => {
    const now = new Date(2026, 10, 20, 12)
    expect(rangeText(null, null)).toBe('Any time')
    expect(rangeText(at(9, 7), null, now)).toBe('From 09:07')
    expect(rangeText(null, at(9, 7), now)).toBe('To 09:07')
    expect(rangeText(at(9, 7), at(9, 30), now)).toBe('09:07 – 09:30')
    expect(rangeText(at(9, 7), null, new Date(2026, 10, 21))).toMatch(/20.*09:07/)
  })
})
