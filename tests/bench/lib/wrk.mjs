// wrk.mjs - load by wrk, and what it cost.
import { execFileSync } from 'node:child_process'
import { usage } from './programs.mjs'

export const milliseconds = (text) => Number.parseFloat(text) * (/us$/.test(text) ? 0.001 : /[^m]s$/.test(text) ? 1000 : 1)

/** One run, 64 connections: requests a second, p99, and CPU time of the server and of PostgreSQL for each request. */
export async function load(url, pid, postmaster, seconds, more = []) {
  const run = (time) => execFileSync('wrk', ['-t1', '-c64', `-d${time}s`, '--latency', ...more, url], { encoding: 'utf8' })
  run(1) // warm
  const [before, pg] = [usage(pid), usage(postmaster)]
  const out = run(seconds)
  const [after, pgAfter] = [usage(pid), usage(postmaster)]
  const n = Number(/(\d+) requests in/.exec(out)[1])
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0)
  return { per_second: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)[1]), p99_ms: milliseconds(/99%\s+(\S+)/.exec(out)[1]), cpu_us: (after.cpu_us - before.cpu_us) / n, pg_us: (pgAfter.cpu_us - pg.cpu_us) / n, bad, rss_mb: after.rss_kb / 1024 }
}

export const headers = (all) => Object.entries(all).flatMap(([k, v]) => ['-H', `${k}: ${v}`])
