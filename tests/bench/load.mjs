// load.mjs - pipelines of millrace's own. The full load of five tables beside pg_dump -Fd -j2 and pg_restore -j2 on the
// same databases, and beside Debezium's snapshot with the JDBC sink; and how long a change takes from the source's
// commit to a Socket.IO client, through Debezium and Kafka, at 100 and 1,000 changes a second.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { connect, login, subscribe } from '../support/client.mjs'
import { connectors, createFlow, flowEnv } from '../support/copies.mjs'
import { Millrace } from '../support/millrace.mjs'
import { closeServices, createDatabase, deleteTopics, required, topicsWith, uniqueName } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'
import { format, medians, ratio, table, verdicts } from './lib/report.mjs'

const TABLES = ['t1', 't2', 't3', 't4', 't5']
const ROW_BYTES = 235
const shape = (name) => `CREATE TABLE ${name} (id bigint PRIMARY KEY, customer int NOT NULL, status text NOT NULL, total numeric(12,2), note text, at timestamptz NOT NULL DEFAULT now(), data jsonb)`
const rows = (name, n) => `INSERT INTO ${name} SELECT i, i % 10000, 'placed', i * 1.25, repeat(md5(i::text), 3), timestamptz '2026-01-01' + i * interval '1 second', jsonb_build_object('n', i, 'tags', '["a","b"]'::jsonb) FROM generate_series(1, ${n}) i`

const url = (db) => new URL(db.url)
const pgEnv = (u) => ({ ...process.env, PGHOST: u.hostname, PGPORT: u.port, PGUSER: decodeURIComponent(u.username), PGPASSWORD: decodeURIComponent(u.password), PGDATABASE: u.pathname.slice(1) })
const timed = (file, args, env) => {
  const from = performance.now()
  execFileSync(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  return performance.now() - from
}

/** pg_dump into a folder, pg_restore out of it: the data alone, and all of it. */
function dumpAndRestore(source, target) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dump-'))
  try {
    const to = pgEnv(url(target))
    const restore = (section) => timed('pg_restore', ['-j2', `--section=${section}`, '--no-owner', '-d', to.PGDATABASE, `${dir}/d`], to)
    const dump = timed('pg_dump', ['-Fd', '-j2', '-Z0', '-f', `${dir}/d`], pgEnv(url(source)))
    const pre = restore('pre-data')
    const data = restore('data')
    return { data_ms: dump + data, all_ms: dump + pre + data + restore('post-data') }
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
}

async function millraceLoad(server, token, pair) {
  const flow = await createFlow(server, token, pair, { mode: 'full_load_only' })
  const from = performance.now()
  await flow.post('start')
  await until('it is loaded', () => flow.get(), (p) => p.full_load_status === 'COMPLETED', { timeout: 600000, every: 20 })
  const all = performance.now() - from
  const { jobs: [job] } = await until('its job is over', () => flow.status(), (s) => s.jobs[0].state === 'done')
  const steps = Object.fromEntries(job.steps.map((s) => [s.step, s.ms]))
  await flow.removed()
  return { data_ms: steps.copy, all_ms: all }
}

/** Debezium's snapshot and the JDBC sink: until the last row is there. */
async function debeziumLoad(pair, n) {
  const name = uniqueName('bench_dbz')
  const u = url(pair.source)
  const t = url(pair.target)
  const json = { 'key.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter': 'org.apache.kafka.connect.json.JsonConverter' }
  const put = async (end, config) => {
    const res = await connectors(`/${name}_${end}/config`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: `${name}_${end}`, 'tasks.max': '1', ...json, ...config }) })
    if (res.status >= 300) throw new Error(JSON.stringify(res.body))
  }
  try {
    const from = performance.now()
    await put('source', { 'connector.class': 'io.debezium.connector.postgresql.PostgresConnector', 'topic.prefix': name, 'slot.name': name, 'publication.name': name, 'publication.autocreate.mode': 'filtered', 'plugin.name': 'pgoutput', 'database.hostname': u.hostname, 'database.port': u.port, 'database.user': decodeURIComponent(u.username), 'database.password': decodeURIComponent(u.password), 'database.dbname': u.pathname.slice(1), 'table.include.list': 'public\\.t1', 'snapshot.mode': 'initial_only', 'decimal.handling.mode': 'string' })
    await put('sink', { 'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector', topics: `${name}.public.t1`, 'connection.url': `jdbc:postgresql://${t.hostname}:${t.port}${t.pathname}?stringtype=unspecified&reWriteBatchedInserts=true`, 'connection.username': decodeURIComponent(t.username), 'connection.password': decodeURIComponent(t.password), 'insert.mode': 'upsert', 'primary.key.mode': 'record_key', 'schema.evolution': 'basic', 'collection.name.format': 't1', 'batch.size': '1000', 'consumer.override.max.poll.records': '1000', 'consumer.override.auto.offset.reset': 'earliest', 'consumer.override.metadata.max.age.ms': '1000' })
    await until('the last row has come', async () => (await pair.target.query('SELECT count(*) AS n FROM t1').catch(() => ({ rows: [{ n: 0 }] }))).rows[0].n, (c) => c === n, { timeout: 900000, every: 200 })
    return { data_ms: performance.now() - from, all_ms: performance.now() - from }
  } finally {
    for (const end of ['source', 'sink']) await connectors(`/${name}_${end}`, { method: 'DELETE' })
    await until('its slot is free', () => pair.source.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [name]), Boolean, { timeout: 30000, every: 300 })
    await deleteTopics(await topicsWith(name)).catch(() => {})
  }
}

const pairOf = async (source) => ({ source, target: await createDatabase('bench_target', { url: required('DEMO_TARGET_URL') }) })

async function loads({ rounds, mb, sample, say }, server, token) {
  const source = await createDatabase('bench_source', { url: required('DEMO_SOURCE_URL') })
  const small = await createDatabase('bench_sample', { url: required('DEMO_SOURCE_URL') })
  const each = Math.floor((mb * 1048576) / ROW_BYTES / TABLES.length)
  const out = { dump: [], millrace: [], debezium: [], sampled: [] }
  try {
    for (const t of TABLES) await source.query(`${shape(t)}; ${rows(t, each)}`)
    await source.query('VACUUM ANALYZE')
    await small.query(`${shape('t1')}; ${rows('t1', sample)}`)
    await small.query('VACUUM ANALYZE')
    say(`5 tables of ${each.toLocaleString('en-US')} rows`)
    const bytes = Number((await source.query("SELECT sum(pg_table_size(c.oid)) AS n FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r'")).rows[0].n)
    const one = async (name, list, from, run, size) => {
      const pair = await pairOf(from)
      try {
        const r = await run(pair)
        list.push({ ...r, mb_per_second: size / 1048576 / (r.data_ms / 1000) })
        say(`${name}: ${format(r.data_ms / 1000, 1)} s of data, ${format(r.all_ms / 1000, 1)} s in all`)
      } finally {
        await pair.target.drop()
      }
    }
    for (let i = 0; i < rounds; i++) {
      await one('pg_dump | pg_restore', out.dump, source, (p) => dumpAndRestore(p.source, p.target), bytes)
      await one('millrace', out.millrace, source, (p) => millraceLoad(server, token, p), bytes)
    }
    const size = Number((await small.query("SELECT pg_table_size('t1') AS n")).rows[0].n)
    await one('Debezium, a sample', out.debezium, small, (p) => debeziumLoad(p, sample), size)
    await one('millrace, the same sample', out.sampled, small, (p) => millraceLoad(server, token, p), size)
    return { bytes, each, ...Object.fromEntries(Object.entries(out).map(([k, v]) => [k, medians(v)])) }
  } finally {
    await source.drop()
    await small.drop()
  }
}

/** Changes at a rate; how late a subscriber has each, by the clock of the machine that all of it runs on. */
async function latency({ rates, seconds, say }, server, token) {
  const source = await createDatabase('bench_source', { url: required('DEMO_SOURCE_URL') })
  const pair = await pairOf(source)
  const out = {}
  let flow, socket
  const writer = new pg.Client(source.url)
  try {
    await writer.connect()
    await source.query('CREATE TABLE ticks (id bigserial PRIMARY KEY, at double precision NOT NULL, note text)')
    flow = await createFlow(server, token, pair)
    await flow.start()
    socket = await connect(server.url, token)
    let late = []
    socket.on('replication_event', (e) => {
      const at = e.after?.at ?? e.data?.after?.at ?? e.run_metadata?.after?.at
      if (at) late.push(Date.now() - at * 1000)
    })
    await subscribe(socket, flow.id)
    for (const rate of rates) {
      const step = 20 // ms between transactions
      const n = Math.max(1, Math.round((rate * step) / 1000))
      const run = async (s) => {
        const from = performance.now()
        for (let i = 0; i < (s * 1000) / step; i++) {
          await writer.query(`INSERT INTO ticks (at, note) SELECT extract(epoch FROM clock_timestamp()), 'x' FROM generate_series(1, ${n})`)
          const due = from + (i + 1) * step - performance.now()
          if (due > 0) await pause(due)
        }
        return Math.floor((s * 1000) / step) * n
      }
      await run(3) // warm
      await pause(2000)
      late = []
      const sent = await run(seconds)
      await until('all have come', () => late.length, (c) => c >= sent, { timeout: 60000 })
      late.sort((a, b) => a - b)
      const at = (q) => late[Math.min(late.length - 1, Math.floor(late.length * q))]
      out[rate] = { sent, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: late.at(-1) }
      say(`${rate}/s: p50 ${format(at(0.5), 0)} ms, p99 ${format(at(0.99), 0)} ms`)
    }
    return out
  } finally {
    socket?.close()
    await writer.end()
    await flow?.removed()
    await pair.target.drop()
    await source.drop()
  }
}

export default async function load({ rounds, quick, say, only }) {
  const db = await createDatabase('bench_load')
  const server = new Millrace({ databaseUrl: db.url, env: flowEnv({ MILLRACE_LOG_LEVEL: 'warn', MILLRACE_HEARTBEAT_MS: '5000' }) })
  const wants = (plan) => !only || only.includes(plan)
  try {
    await server.migrate()
    await server.start()
    const token = await login(server.url)
    const result = {}
    const sections = []
    const lines = []
    if (wants('load')) {
      const l = (result.load = await loads({ rounds, mb: quick ? 100 : 2048, sample: quick ? 20000 : 300000, say }, server, token))
      const row = (name, r, n) => [name, format(r.data_ms / 1000, 1), format(r.all_ms / 1000, 1), format(r.mb_per_second, 0), format(n / (r.data_ms / 1000), 0)]
      sections.push(`Full load, PostgreSQL to PostgreSQL, 5 tables, ${format(l.bytes / 1048576, 0)} MB (median of ${rounds})\n\n${table(['', 'data s', 'in all s', 'MB/s', 'rows/s'],
        [row('pg_dump -Fd -j2, pg_restore -j2', l.dump, l.each * 5), row('millrace', l.millrace, l.each * 5)])}`)
      const n = quick ? 20000 : 300000
      sections.push(`One table of ${n.toLocaleString('en-US')} rows, once\n\n${table(['', 'data s', 'in all s', 'MB/s', 'rows/s'], [row('Debezium snapshot, JDBC sink', l.debezium, n), row('millrace', l.sampled, n)])}`)
      lines.push(['full load: rate ÷ pg_dump and pg_restore', ratio(l.dump.data_ms, l.millrace.data_ms), 0.9, { higher: true }])
    }
    if (wants('latency')) {
      const l = (result.latency = await latency({ rates: [100, 1000], seconds: quick ? 5 : 20, say }, server, token))
      sections.push(`From the source's commit to a Socket.IO client, through Debezium, Kafka and the log\n\n${table(['changes/s', 'changes', 'p50 ms', 'p99 ms', 'max ms'],
        Object.entries(l).map(([rate, r]) => [rate, format(r.sent, 0), format(r.p50_ms, 0), format(r.p99_ms, 0), format(r.max_ms, 0)]))}`)
    }
    return { result, text: [...sections, verdicts(lines).map((x) => `- ${x}`).join('\n')].join('\n\n') }
  } finally {
    await server.stop()
    await db.drop()
    await closeServices?.()
  }
}
