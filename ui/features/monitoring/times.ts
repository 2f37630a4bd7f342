// Times as people of one place write them. Pure.

const two = (n: number) => String(n).padStart(2, '0')

/** What <input type="datetime-local"> takes: 2026-11-20T23:10:05, in local time; '' for none. */
export function localTime(utc: string | null): string {
  if (utc === null) return ''
  const t = new Date(utc)
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`
}

/** A range in few letters: "from 23:10", "20 Nov 23:10 – 23:15". */
export function rangeText(from: string | null, to: string | null, now = new Date()): string {
  if (from === null && to === null) return 'Any time'
  const day = (t: Date) => (t.toDateString() === now.toDateString() ? '' : `${t.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })} `)
  const text = (utc: string) => {
    const t = new Date(utc)
    return `${day(t)}${two(t.getHours())}:${two(t.getMinutes())}`
  }
  return to === null ? `From ${text(from!)}` : from === null ? `To ${text(to)}` : `${text(from)} – ${text(to)}`
}
