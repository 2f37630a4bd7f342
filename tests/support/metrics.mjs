// metrics.mjs - GET /metrics read as Prometheus reads it, for tests that ask "did the counter bite?".
import { request } from './client.mjs'

const LINE = /^([a-zA-Z_:][\w:]*)(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? (\S+)$/

/** Map from 'name{labels}' to number. Throws on a line that is not Prometheus text. */
export async function metrics(url, token) {
  const res = await request(`${url}/metrics`, { token })
  if (res.status !== 200) throw new Error(`/metrics: ${res.status} ${res.text}`)
  const out = new Map()
  for (const line of res.text.split('\n')) {
    if (!line || line.startsWith('#')) continue
    const m = LINE.exec(line)
    if (!m || Number.isNaN(Number(m[3].replace('+Inf', 'Infinity')))) throw new Error(`/metrics: not a sample: ${line}`)
    out.set(m[1] + (m[2] ?? ''), Number(m[3].replace('+Inf', 'Infinity')))
  }
  return out
}

/** The sum of all samples whose 'name{labels}' matches. Throws when none does. */
export function sum(samples, pattern) {
  const found = [...samples].filter(([name]) => pattern.test(name))
  if (!found.length) throw new Error(`no metric ${pattern} among:\n${[...samples.keys()].join('\n')}`)
  return found.reduce((total, [, value]) => total + value, 0)
}
