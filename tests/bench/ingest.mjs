// ingest.mjs - taking messages and giving them back under wrk, 64 connections, beside Go (net/http, go-redis, pgx) and
// FastAPI (redis-py, psycopg) on the same Redis and PostgreSQL; the worker's rate; a burst; and the bus to 500 sockets.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { login, request } from '../support/client.mjs'
import { Millrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { closeServices, createDatabase } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'
import { goPeer, pythonPeer } from './lib/peers.mjs'
import { freePort, jsonOf, parentOf, program, start, stop, usage } from './lib/programs.mjs'
import { format, median, medians, ratio, table, verdicts } from './lib/report.mjs'
import { load, milliseconds } from './lib/wrk.mjs'

const names = { millrace: 'millrace', go: 'Go net/http + go-redis + pgx', fastapi: 'FastAPI + redis-py + psycopg' }
const message = { user_id: 7, channel_id: 3, content: 'A message of the length that people write, most of the time, to one another.' }

/** How long the worker takes for so many messages that wait already. */
async function drain(db, redis, server, n) {
  await redis.clear()
  await db.query('TRUNCATE messages')
  await redis.cli('EVAL', `for i = 1, ARGV[1] do redis.call('LPUSH', 'pending_messages', '{"user_id":' .. i .. ',"channel_id":1,"content":"${message.content}"}') end`, '0', String(n))
  await server.start()
  const stored = async () => (await db.one('SELECT total_messages AS n FROM ingest_counters')).n
  const begin = await stored()
  const first = await until('the worker begins', stored, (c) => c > begin, { every: 1 })
  const from = performance.now()
  const before = usage(server.pid)
  await until('all are stored', stored, (c) => c === begin + n, { timeout: 120000, every: 5 })
  const seconds = (performance.now() - from) / 1000
  const result = { per_second: (begin + n - first) / seconds, cpu_us: (usage(server.pid).cpu_us - before.cpu_us) / (begin + n - first) }
  await server.stop()
  return result
}

/** Bursts of 500, one after the other, from the request to the last row; and how long a 202 takes while they run. */
async function bursts(db, server, token, script, seconds) {
  const drained = []
  const stored = async () => (await db.one('SELECT total_messages AS n FROM ingest_counters')).n
  const burst = async () => {
    const before = await stored()
    const from = performance.now()
    await request(`${server.url}/simulate`, { method: 'POST', token })
    await until('the burst is stored', stored, (n) => n >= before + 500, { every: 2 })
    drained.push(performance.now() - from)
  }
  await burst()
  const slow = slowly(script)
  const wrk = start('wrk', ['-t1', '-c1', `-d${seconds}s`, '--latency', '-s', slow, `${server.url}/messages`])
  let over = false
  wrk.ended.then(() => (over = true))
  while (!over) await burst()
  fs.rmSync(slow)
  return { drained_ms: median(drained), bursts: drained.length, answer_p99_ms: milliseconds(/99%\s+(\S+)/.exec(wrk.out)[1]), answers: Number(/(\d+) requests in/.exec(wrk.out)[1]) }
}

/** The same script, two hundred times a second. */
function slowly(script) {
  const file = `${script}.slow`
  fs.writeFileSync(file, `${fs.readFileSync(script)}function delay() return 5 end\n`)
  return file
}

/** So many messages a second to so many sockets of the bus. */
async function bus(server, token, sockets, perSecond, seconds) {
  const messages = perSecond * seconds
  const port = new URL(server.url).port
  const clients = start(program('bench_bus_load'), [port, `/ws?streams=bench&token=${token}`, String(sockets), String(messages), String(seconds + 20)])
  await clients.said(/ready/)
  const before = usage(server.pid)
  const from = performance.now()
  const step = 10
  for (let n = 0; n < messages; ) {
    const due = Math.min(messages, Math.ceil(((performance.now() - from) / 1000) * perSecond))
    if (due > n) {
      const t = Math.round((performance.timeOrigin + performance.now()) * 1000)
      const body = Array.from({ length: Math.min(1000, due - n) }, (_, i) => ({ n: n + i, t }))
      const res = await request(`${server.url}/api/v1/bus/bench`, { method: 'POST', token, body })
      if (res.status !== 201) throw new Error(res.text)
      n += body.length
    }
    await pause(step)
  }
  const result = await jsonOf(clients)
  const took = (performance.now() - from) / 1000
  return { ...result, cpu_us: (usage(server.pid).cpu_us - before.cpu_us) / Math.max(1, result.received), seconds: took }
}

export default async function ingest({ rounds, quick, say, only = ['rest', 'drain', 'burst', 'bus'] }) {
  const db = await createDatabase('bench_ingest')
  const redis = redisDatabase(15)
  await redis.clear()
  const env = { MILLRACE_LOG_LEVEL: 'warn', REDIS_URL: redis.url, MILLRACE_ACCESS_TOKEN_SECONDS: '86400', MILLRACE_ANONYMOUS: 'ingest', KAFKA_BOOTSTRAP_SERVERS: '', KAFKA_CONNECT_URL: '', MILLRACE_MAX_WS_PER_ADDRESS: '1000' }
  const make = (more) => new Millrace({ databaseUrl: db.url, env: { ...env, ...more } })
  const server = make({ MILLRACE_ROLES: 'api' }) // POST alone: nobody takes from the queue, as with the peers
  const peers = {}
  const result = {}
  const sections = []
  const lines = []
  const script = path.join(os.tmpdir(), `millrace-post-${process.pid}.lua`)
  fs.writeFileSync(script, `wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\nwrk.body = '${JSON.stringify(message)}'\n`)
  try {
    await server.migrate()
    const postmaster = parentOf((await db.one('SELECT pg_backend_pid() AS pid')).pid)
    if (only.includes('rest')) {
      await db.query("INSERT INTO messages (ingest_id, user_id, channel_id, content, created_at, inserted_at) SELECT gen_random_uuid(), g, 1, $1, now(), now() + g * interval '1 ms' FROM generate_series(1, 100000) g", [message.content])
      await db.query('ANALYZE messages')
      await server.start()
      const found = { go: goPeer('ingest_go', say), fastapi: pythonPeer('ingest_fastapi.py', 'requirements-ingest.txt', say) }
      for (const [name, argv] of Object.entries(found)) {
        if (!argv) continue
        const port = await freePort()
        peers[name] = start(argv[0], [...argv.slice(1), String(port), db.url, redis.url])
        peers[name].url = `http://127.0.0.1:${port}`
        await peers[name].said(/listening/)
      }
      const all = { millrace: server, ...peers }
      for (const [plan, title, args] of [['get', 'GET /messages?limit=50', []], ['post', 'POST /messages', ['-s', script]]]) {
        const runs = Object.fromEntries(Object.keys(all).map((name) => [name, []]))
        for (let i = 1; i <= rounds; i++)
          for (const [name, peer] of Object.entries(all)) {
            await redis.clear()
            const r = await load(`${peer.url}/messages${plan === 'get' ? '?limit=50' : ''}`, peer.pid, postmaster, quick ? 2 : 5, args)
            if (r.bad) throw new Error(`${name}: ${r.bad} answers were no success`)
            runs[name].push(r)
            say(`${plan} round ${i} ${name}: ${format(r.cpu_us, 1)} µs, ${format(r.per_second, 0)}/s`)
          }
        const m = (result[plan] = Object.fromEntries(Object.entries(runs).map(([name, r]) => [name, medians(r)])))
        sections.push(`${title}, 64 connections (median of ${rounds})\n\n${table(['server', 'CPU µs/request', 'PostgreSQL µs', 'requests/s', 'p99 ms', 'RSS MB'],
          Object.entries(m).map(([name, r]) => [names[name], format(r.cpu_us, 1), format(r.pg_us, 1), format(r.per_second, 0), format(r.p99_ms, 2), format(r.rss_mb, 0)]))}`)
        if (m.go) lines.push([`${title}: CPU ÷ Go`, ratio(m.millrace.cpu_us, m.go.cpu_us), plan === 'get' ? 0.35 : 0.45])
        if (m.fastapi) lines.push([`${title}: CPU ÷ FastAPI`, ratio(m.millrace.cpu_us, m.fastapi.cpu_us), plan === 'get' ? 0.1 : 0.06])
      }
      await server.stop()
    }
    if (only.includes('drain')) {
      const n = quick ? 50000 : 300000
      result.drain = await drain(db, redis, make({ MILLRACE_INGEST_BATCH: '1000' }), n)
      sections.push(`${n.toLocaleString('en-US')} messages that wait, batches of 1,000: ${format(result.drain.per_second, 0)} messages/s, ${format(result.drain.cpu_us, 1)} µs of CPU each (PostgreSQL's not counted)`)
      lines.push(['worker: 20,000 ÷ messages/s', 20000 / result.drain.per_second, 1])
    }
    if (only.includes('burst') || only.includes('bus')) {
      const whole = make({})
      await redis.clear()
      await whole.start()
      const token = await login(whole.url)
      try {
        if (only.includes('burst')) {
          result.burst = await bursts(db, whole, token, script, quick ? 3 : 10)
          sections.push(`Bursts of 500 with the default batch (50, 2 s): stored ${format(result.burst.drained_ms, 0)} ms after the request (median of ${result.burst.bursts}), while a 202 takes ${format(result.burst.answer_p99_ms, 2)} ms (p99 of ${result.burst.answers})`)
          lines.push(['burst of 500: ms', result.burst.drained_ms, 1000], ['202 during a burst: p99 ms', result.burst.answer_p99_ms, 10])
        }
        if (only.includes('bus')) {
          result.bus = await bus(whole, token, 500, 5000, quick ? 3 : 10)
          const b = result.bus
          sections.push(`The bus: 5,000 messages/s to 500 sockets: ${format(b.received / b.seconds, 0)} deliveries/s, ${format(b.cpu_us, 2)} µs of CPU each, p50 ${format(b.p50_ms, 1)} ms, p99 ${format(b.p99_ms, 1)} ms; ${b.coalesced} coalesced, ${b.lost} lost, ${b.disorder} out of order`)
          lines.push(['bus: lost', b.lost, 0])
        }
      } finally {
        await whole.stop()
      }
    }
    return { result, text: [...sections, verdicts(lines).map((l) => `- ${l}`).join('\n')].join('\n\n') }
  } finally {
    fs.rmSync(script, { force: true })
    for (const peer of Object.values(peers)) await stop(peer)
    if (server.running) await server.stop()
    await redis.clear()
    await db.drop()
    await closeServices?.()
  }
}
