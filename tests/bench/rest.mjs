// rest.mjs - the REST interface under wrk, 64 connections: GET /health and a page of 50 pipelines beside Go's net/http
// with pgx and FastAPI with asyncpg on the same database; and the dashboard's sums over ten million logged events.
import { login, request } from '../support/client.mjs'
import { Millrace } from '../support/millrace.mjs'
import { closeServices, createDatabase } from '../support/services.mjs'
import { goPeer, has, pythonPeer } from './lib/peers.mjs'
import { freePort, parentOf, start, stop } from './lib/programs.mjs'
import { format, median, medians, ratio, table, verdicts } from './lib/report.mjs'
import { headers, load } from './lib/wrk.mjs'

const names = { millrace: 'millrace', go: 'Go net/http + pgx', fastapi: 'FastAPI + asyncpg' }
async function fill(db, events, say) {
  const pipelines = await db.one(`WITH p AS (INSERT INTO pipelines (id, name, mode, engine, kafka_topics) SELECT gen_random_uuid(), 'pipeline ' || g, 'cdc_only', 'external', jsonb_build_array('bench.' || g) FROM generate_series(1, 50) g RETURNING id) SELECT array_agg(id) AS ids FROM p`)
  const step = 500000
  for (let at = 0; at < events; at += step) {
    await db.query(
      `INSERT INTO pipeline_runs (id, pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, table_name, status, started_at, run_metadata, event)
       SELECT gen_random_uuid(), ($1::uuid[])[1 + g % 50], g, g / 50, 'CDC', CASE g % 3 WHEN 0 THEN 'insert' WHEN 1 THEN 'update' ELSE 'delete' END, 'public', 'orders', 'success',
              now() - ($3::bigint - g) * interval '1 ms', jsonb_build_object('latency_ms', g % 40), '{"seq":' || g || '}' FROM generate_series($2::bigint + 1, $2::bigint + $4::bigint) g`,
      [pipelines.ids, at, events, Math.min(step, events - at)],
    )
    if (at % 2000000 === 0) say(`${(at + step).toLocaleString('en-US')} events`)
  }
  await db.query(`INSERT INTO pipeline_counters (pipeline_id, insert_count, update_count, delete_count) SELECT id, $2, $2, $2 FROM unnest($1::uuid[]) id ON CONFLICT (pipeline_id) DO UPDATE SET insert_count = excluded.insert_count`, [pipelines.ids, Math.floor(events / 150)])
  await db.query('UPDATE event_log_head SET last_seq = $1', [events])
  await db.query('ANALYZE pipeline_runs')
  return pipelines.ids
}

export default async function rest({ rounds, quick, say, events = quick ? 100000 : 10000000 }) {
  if (!has('wrk')) throw new Error('wrk is not installed')
  const found = { go: goPeer('rest_go', say), fastapi: pythonPeer('rest_fastapi.py', 'requirements-rest.txt', say) }
  const there = Object.keys(found).filter((name) => found[name])
  const seconds = quick ? 2 : 5
  const db = await createDatabase('bench_rest')
  const server = new Millrace({ databaseUrl: db.url, env: { MILLRACE_LOG_LEVEL: 'warn', MILLRACE_ROLES: 'api', MILLRACE_ACCESS_TOKEN_SECONDS: '86400' } })
  const peers = {}
  try {
    await server.migrate()
    const ids = await fill(db, events, say)
    const postmaster = parentOf((await db.one('SELECT pg_backend_pid() AS pid')).pid)
    await server.start()
    const authorization = `Bearer ${await login(server.url)}`
    for (const name of there) {
      const port = await freePort()
      peers[name] = start(found[name][0], [...found[name].slice(1), String(port), db.url])
      peers[name].url = `http://127.0.0.1:${port}`
      await peers[name].said(/listening/)
    }
    const urls = { millrace: server.url, ...Object.fromEntries(there.map((name) => [name, peers[name].url])) }
    const pids = { millrace: server.pid, ...Object.fromEntries(there.map((name) => [name, peers[name].pid])) }
    const result = {}
    const sections = []
    for (const [plan, title, at] of [['health', 'GET /health', '/health'], ['pipelines', 'GET /api/v1/pipelines?limit=50', '/api/v1/pipelines?limit=50']]) {
      const all = Object.fromEntries(Object.keys(urls).map((name) => [name, []]))
      for (let i = 1; i <= rounds; i++) {
        for (const name of Object.keys(urls)) {
          const r = await load(urls[name] + at, pids[name], postmaster, seconds, name === 'millrace' ? headers({ Authorization: authorization }) : [])
          if (r.bad) throw new Error(`${name} ${at}: ${r.bad} answers were no success`)
          all[name].push(r)
          say(`${plan} round ${i} ${name}: ${format(r.cpu_us, 1)} µs, ${format(r.per_second, 0)}/s`)
        }
      }
      result[plan] = Object.fromEntries(Object.entries(all).map(([name, r]) => [name, medians(r)]))
      sections.push(`${title}, 64 connections, ${seconds} s (median of ${rounds})\n\n${table(['server', 'CPU µs/request', 'PostgreSQL µs', 'requests/s', 'p99 ms', 'RSS MB'],
        Object.entries(result[plan]).map(([name, r]) => [names[name], format(r.cpu_us, 1), format(r.pg_us, 1), format(r.per_second, 0), format(r.p99_ms, 2), format(r.rss_mb, 0)]))}`)
    }
    const times = { all: [], one: [], page: [] }
    await new Promise((resolve) => setTimeout(resolve, 100)) // wrk has kept this process from noticing what was closed
    const ask = async (which, at) => {
      const from = performance.now()
      const res = await request(server.url + at, { headers: { authorization } })
      if (res.status !== 200) throw new Error(res.text)
      times[which].push(performance.now() - from)
    }
    for (let i = 0; i < 60; i++) {
      await ask('all', '/api/v1/monitoring/dashboard')
      await ask('one', `/api/v1/monitoring/dashboard?pipeline_id=${ids[i % 50]}`)
      await ask('page', `/api/v1/monitoring/events?limit=50&after_seq=${i}`)
    }
    result.dashboard = Object.fromEntries(Object.entries(times).map(([k, v]) => [k, median(v.slice(10))]))
    sections.push(`With ${events.toLocaleString('en-US')} logged events, one request after the other (median of 50)\n\n${table(['', 'ms'],
      [['GET /api/v1/monitoring/dashboard', format(result.dashboard.all, 2)], ['… of one pipeline', format(result.dashboard.one, 2)], ['GET /api/v1/monitoring/events?limit=50', format(result.dashboard.page, 2)]])}`)
    const lines = []
    if (result.health.go) lines.push(['health: CPU ÷ Go', ratio(result.health.millrace.cpu_us, result.health.go.cpu_us), 0.6])
    if (result.health.fastapi) lines.push(['health: CPU ÷ FastAPI', ratio(result.health.millrace.cpu_us, result.health.fastapi.cpu_us), 0.1])
    if (result.pipelines.go) lines.push(['pipelines: CPU ÷ Go', ratio(result.pipelines.millrace.cpu_us, result.pipelines.go.cpu_us), 0.35])
    if (result.pipelines.fastapi) lines.push(['pipelines: CPU ÷ FastAPI', ratio(result.pipelines.millrace.cpu_us, result.pipelines.fastapi.cpu_us), 0.1])
    lines.push(['dashboard: ms', result.dashboard.all, 5])
    return { result, text: [...sections, verdicts(lines).map((l) => `- ${l}`).join('\n')].join('\n\n') }
  } finally {
    for (const peer of Object.values(peers)) await stop(peer)
    await server.stop()
    await db.drop()
    await closeServices?.()
  }
}
