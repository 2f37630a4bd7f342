// report.mjs - medians and tables. Machines are noisy: a figure is the median of its rounds, and what
// counts is its ratio to the floor's and the peer's of the same run.

export function median(values) {
  const sorted = values.filter((v) => v !== null && v !== undefined).sort((a, b) => a - b)
  if (!sorted.length) return null
  const mid = sorted.length >> 1
  return sorted.length % 2 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2
}

/** Field by field over rounds of the same shape; what is no number is taken from the first. */
export function medians(rounds) {
  const out = {}
  for (const key of Object.keys(rounds[0])) {
    out[key] = typeof rounds[0][key] === 'number' ? median(rounds.map((r) => r[key])) : rounds[0][key]
  }
  return out
}

export const ratio = (a, b) => (a === null || !b ? null : a / b)

export function format(value, digits = 1) {
  if (value === null || value === undefined) return '–'
  if (typeof value !== 'number') return String(value)
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A Markdown table, which is also readable in a terminal. rows: arrays of strings. */
export function table(head, rows) {
  const all = [head, ...rows]
  const width = head.map((_, i) => Math.max(...all.map((r) => String(r[i]).length)))
  const line = (r) => `| ${r.map((c, i) => (i ? String(c).padStart(width[i]) : String(c).padEnd(width[i]))).join(' | ')} |`
  const rule = `| ${width.map((w, i) => (i ? `${'-'.repeat(w - 1)}:` : '-'.repeat(w))).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** Targets met or missed, each a line. rows: [what, value, target, unit?]; lower is better unless higher. */
export function verdicts(rows) {
  return rows.map(([what, value, target, { higher = false, digits = 2 } = {}]) => {
    if (value === null || Number.isNaN(value)) return `${what}: not measured`
    const good = higher ? value >= target : value <= target
    return `${what}: ${format(value, digits)} (target ${higher ? '≥' : '≤'} ${target}): ${good ? 'met' : 'MISSED'}`
  })
}
