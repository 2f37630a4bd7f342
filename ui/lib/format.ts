// Numbers and times as people read them. Times are local; the UTC of the log goes into the tooltip.
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const tenth = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const dayFormat = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: '2-digit' })

export const NONE = '–'

export const count = (n: number | null | undefined) => (n == null ? NONE : whole.format(n))
export const rate = (n: number | null | undefined) => (n == null ? NONE : n >= 100 ? whole.format(n) : tenth.format(n))
/** A share of a whole: 12.3 %; null when there is no whole. */
export const share = (part: number, all: number) => (all > 0 ? `${tenth.format((part / all) * 100)} %` : NONE)

/** 1.5 MB: of bytes, by thousands. */
export function bytes(n: number | null | undefined): string {
  if (n == null) return NONE
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let at = 0
  while (n >= 999.5 && at < units.length - 1) {
    n /= 1000
    at++
  }
  return `${at === 0 || n >= 100 ? whole.format(n) : tenth.format(n)} ${units[at]}`
}

export function duration(ms: number | null | undefined): string {
  if (ms == null) return NONE
  if (ms < 1000) return `${ms < 10 && ms % 1 ? tenth.format(ms) : whole.format(ms)} ms`
  if (ms < 60_000) return `${tenth.format(ms / 1000)} s`
  if (ms < 3_600_000) return `${whole.format(Math.floor(ms / 60_000))} min`
  if (ms < 172_800_000) return `${whole.format(Math.floor(ms / 3_600_000))} h`
  return `${whole.format(Math.floor(ms / 86_400_000))} d`
}

/** A time that runs while it is read: whole seconds. */
export const seconds = (ms: number) => (ms < 60_000 ? `${whole.format(Math.floor(ms / 1000))} s` : duration(ms))

/** "12 s ago"; a time slightly ahead of this clock is "just now" as well. */
export function ago(then: number | null, now: number): string {
  if (then === null || Number.isNaN(then)) return NONE
  const ms = now - then
  if (ms < 1500) return 'just now'
  return `${seconds(ms)} ago`
}

const parsed = (time: string | number | null | undefined) => (time == null ? NaN : typeof time === 'number' ? time : Date.parse(time))

/** 14:03:12 */
export function clock(time: string | number | null | undefined): string {
  const t = parsed(time)
  return Number.isNaN(t) ? NONE : clockFormat.format(t)
}
/** 14:03:12.345: what tells events of one second apart. */
export function preciseClock(time: string | number | null | undefined): string {
  const t = parsed(time)
  return Number.isNaN(t) ? NONE : `${clockFormat.format(t)}.${String(new Date(t).getMilliseconds()).padStart(3, '0')}`
}
export function dateAndClock(time: string | number | null | undefined): string {
  const t = parsed(time)
  return Number.isNaN(t) ? NONE : `${dayFormat.format(t)}, ${preciseClock(t)}`
}
/** For tooltips: the text of the log itself when there is one, for it has microseconds. */
export function utc(time: string | number | null | undefined): string | undefined {
  if (typeof time === 'string') return `${time.replace('T', ' ').replace('Z', '')} UTC`
  const t = parsed(time)
  return Number.isNaN(t) ? undefined : `${new Date(t).toISOString().replace('T', ' ').replace('Z', '')} UTC`
}
