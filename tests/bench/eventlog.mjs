// eventlog.mjs - Kafka → committed row → room. Backlog: a topic that is full, drained as fast as it
// goes, with one subscriber; beside a bare librdkafka-consume + COPY floor into the same table. Live:
// 1,000 changes a second to 100 subscribers, from the producer's clock to the client's.
import { Millrace } from '../support/millrace.mjs'
import pg from 'pg'
import { login } from '../support/client.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, required, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'
import { json, jsonOf, parentOf, program, start, usage } from './lib/programs.mjs'
import { format, medians, ratio, table, verdicts } from './lib/report.mjs'

const settings = { MILLRACE_LOG_LEVEL: 'warn' }

async function freshTopic(n, extra = []) {
  const topic = uniqueName('bench')
  await createTopics([topic], 3)
  if (n) await json(program('bench_gen_events'), [required('KAFKA_BOOTSTRAP_SERVERS'), topic, String(n), ...extra])
  return topic
}

/** A database of its own, checkpointed, so that one round does not pay for the last one's pages. */
async function freshDatabase() {
  const db = await createDatabase('bench')
  const server = new Millrace({ databaseUrl: db.url })
  await server.migrate()
  const { pid } = await db.one('SELECT pg_backend_pid() AS pid')
  await settle()
  return { db, postmaster: parentOf(pid) }
}

async function settle() {
  // The role that owns the demo databases may checkpoint; without it a round is merely noisier.
  if (!process.env.DEMO_SOURCE_URL) return
  const client = new pg.Client({ connectionString: process.env.DEMO_SOURCE_URL })
  await client.connect()
  await client.query('CHECKPOINT')
  await client.end()
}

async function floor(topic, n, batch) {
  const { db } = await freshDatabase()
  try {
    return await json(program('bench_copy_floor'), [required('KAFKA_BOOTSTRAP_SERVERS'), topic, String(n), db.url, String(batch)])
  } finally {
    await db.drop()
  }
}

/** Each topic is a pipeline; the subscriber is in the first one's room. */
async function ours(topics, n) {
  const { db, postmaster } = await freshDatabase()
  const server = new Millrace({ databaseUrl: db.url, env: settings })
  let load
  try {
    const pipelines = []
    for (const topic of topics) pipelines.push(await createPipeline(db, { name: topic, topics: [topic], status: 'STOPPED' }))
    await server.start()
    const token = await login(server.url)
    load = start(program('bench_sio_load'), ['--mode', 'listen', '--port', String(server.port), '--pid', String(server.pid), '--n', '1', '--room', pipelines[0], '--token', token, '--expect', String(n / topics.length), '--seconds', '300'])
    await load.said(/^ready/m)
    const idleRss = usage(server.pid).rss_kb
    const theirs = usage(postmaster)
    const own = usage(server.pid)
    await db.query(`UPDATE pipelines SET status = 'RUNNING', cdc_status = 'RUNNING'`)
    let rss = 0
    await until('the backlog is logged', async () => {
      rss = Math.max(rss, usage(server.pid).rss_kb)
      return (await db.one('SELECT coalesce(sum(insert_count + update_count + delete_count + other_count), 0)::int AS n FROM pipeline_counters')).n
    }, (seen) => seen >= n, { timeout: 300000, every: 100, detail: () => server.log(20) })
    const theirsAfter = usage(postmaster)
    const seen = await jsonOf(load)
    const ownAfter = usage(server.pid)
    const { seconds } = await db.one(`SELECT extract(epoch FROM max(started_at) - min(started_at))::float8 AS seconds FROM pipeline_runs`)
    return {
      events: n, seconds, per_second: n / seconds, cpu_us: (ownAfter.cpu_us - own.cpu_us) / n,
      pg_cpu_us: (theirsAfter.cpu_us - theirs.cpu_us) / n, rss_kb: rss, rss_idle_kb: idleRss, forwarded: seen.received,
    }
  } finally {
    load?.kill('SIGKILL')
    await server.stop()
    await db.drop()
  }
}

async function live({ subscribers, rate, seconds }) {
  const { db } = await freshDatabase()
  const topic = await freshTopic(0)
  const server = new Millrace({ databaseUrl: db.url, env: settings })
  let load
  try {
    const pipeline = await createPipeline(db, { name: 'live', topics: [topic] })
    await server.start()
    const token = await login(server.url)
    const n = rate * seconds
    // What was produced before the logger has its partitions would measure the joining.
    await json(program('bench_gen_events'), [required('KAFKA_BOOTSTRAP_SERVERS'), topic, '10'])
    await until('the logger has the topic', async () => (await db.one('SELECT count(*) AS n FROM pipeline_runs')).n, (x) => x === 10, { timeout: 60000, detail: () => server.log(20) })
    load = start(program('bench_sio_load'), ['--mode', 'listen', '--port', String(server.port), '--pid', String(server.pid), '--n', String(subscribers), '--room', pipeline, '--token', token, '--expect', String(n), '--seconds', String(seconds + 30)])
    await load.said(/^ready/m)
    await json(program('bench_gen_events'), [required('KAFKA_BOOTSTRAP_SERVERS'), topic, String(n), '--rate', String(rate)])
    return await jsonOf(load)
  } finally {
    load?.kill('SIGKILL')
    await server.stop()
    await db.drop()
    await deleteTopics([topic])
  }
}

/** The same number of records, spread over fifty pipelines with a topic each. */
async function fifty({ rounds, say, n, one }) {
  const topics = []
  try {
    for (let i = 0; i < 50; i++) {
      topics.push(uniqueName('bench'))
      await createTopics(topics.slice(-1))
      await json(program('bench_gen_events'), [required('KAFKA_BOOTSTRAP_SERVERS'), topics[i], String(n / 50)])
    }
    const all = []
    for (let i = 1; i <= rounds; i++) {
      const r = await ours(topics, n)
      all.push(r)
      say(`50 pipelines round ${i}: ${format(r.per_second, 0)} events/s, ${format(r.cpu_us, 2)} µs, PostgreSQL ${format(r.pg_cpu_us, 2)} µs`)
    }
    const m = medians(all)
    const row = [format(m.per_second, 0), format(ratio(m.per_second, one.per_second), 2), format(m.cpu_us, 2), format(m.pg_cpu_us, 2), format(m.rss_kb / 1024, 0)]
    return { result: m, text: `The same in 50 pipelines of a topic each (median of ${rounds})\n\n${table(['', 'events/s', '÷ one pipeline', 'CPU µs/event', 'PostgreSQL µs/event', 'RSS MB'], [['millrace, 50 pipelines', ...row]])}` }
  } finally {
    await deleteTopics(topics)
  }
}

export default async function eventlog({ rounds, quick, say, events = quick ? 20000 : 300000 }) {
  const topics = [await freshTopic(events), await freshTopic(quick ? 10000 : events / 3, ['--schemas'])]
  const counts = [events, quick ? 10000 : events / 3]
  const kinds = ['floor: consume + COPY, 1,000 a batch', 'floor: consume + COPY, 4,096 a batch', 'millrace, one subscriber']
  const sections = []
  const result = {}
  const checks = []
  try {
    for (const [which, topic] of topics.entries()) {
      const label = which ? 'schemas_on' : 'schemas_off'
      const n = counts[which]
      const all = kinds.map(() => [])
      for (let i = 1; i <= rounds; i++) {
        for (const [k, run] of [() => floor(topic, n, 1000), () => floor(topic, n, 4096), () => ours([topic], n)].entries()) {
          const r = await run()
          all[k].push(r)
          say(`${label} round ${i} ${kinds[k]}: ${format(r.per_second, 0)} events/s, ${format(r.cpu_us, 2)} µs, PostgreSQL ${format(r.pg_cpu_us, 2)} µs`)
        }
      }
      const m = all.map(medians)
      result[label] = { floor_1000: m[0], floor_4096: m[1], millrace: m[2] }
      const rows = m.map((r, k) => [kinds[k], format(r.per_second, 0), format(ratio(r.per_second, m[1].per_second), 2), format(r.cpu_us, 2), format(r.pg_cpu_us, 2), format(ratio(r.pg_cpu_us, m[1].pg_cpu_us), 2), format(r.rss_kb / 1024, 0), r.forwarded === undefined ? '–' : format(r.forwarded, 0)])
      sections.push(`Backlog of ${format(n, 0)} records of ${format(m[0].event_bytes, 0)} bytes, 3 partitions (median of ${rounds})\n\n${table(['', 'events/s', '÷ floor 4,096', 'CPU µs/event', 'PostgreSQL µs/event', '÷ floor 4,096', 'RSS MB', 'to the room'], rows)}`)
      checks.push(
        [`${label}: events/s ÷ floor (1,000 a batch)`, ratio(m[2].per_second, m[0].per_second), 0.85, { higher: true }],
        [`${label}: CPU µs an event, forwarding included`, m[2].cpu_us, which ? 15 : 9],
        [`${label}: PostgreSQL CPU ÷ floor (1,000 a batch)`, ratio(m[2].pg_cpu_us, m[0].pg_cpu_us), 1.2],
        [`${label}: RSS MB`, m[2].rss_kb / 1024, 80, { digits: 0 }],
      )
      if (!which) checks.push(['schemas_off: events/s', m[2].per_second, 30000, { higher: true, digits: 0 }])
    }
    const many = await fifty({ rounds, say, n: quick ? 20000 : events, one: result.schemas_off.millrace })
    result.fifty = many.result
    sections.push(many.text)
    const plan = quick ? { subscribers: 10, rate: 200, seconds: 3 } : { subscribers: 100, rate: 1000, seconds: 10 }
    const lives = []
    for (let i = 1; i <= rounds; i++) {
      const r = await live(plan)
      lives.push({ ...r, lost: r.expected - r.received })
      say(`live round ${i}: p50 ${format(r.p50_ms, 2)} ms, p99 ${format(r.p99_ms, 2)} ms, lost ${r.expected - r.received}`)
    }
    const l = medians(lives)
    result.live = l
    sections.push(`Live: ${format(plan.rate, 0)} events/s to ${plan.subscribers} subscribers for ${plan.seconds} s, from produce() to the client (median of ${rounds})\n\n${table(['', 'p50 ms', 'p99 ms', 'max ms', 'CPU µs/delivery', 'cores', 'RSS MB', 'lost'], [['millrace', format(l.p50_ms, 2), format(l.p99_ms, 2), format(l.max_ms, 1), format(l.cpu_us, 2), format(l.cores, 2), format(l.rss_end_kb / 1024, 0), format(l.lost, 0)]])}`)
    checks.push(['live: p50 ms', l.p50_ms, 15], ['live: p99 ms', l.p99_ms, 50], ['live: lost', l.lost, 0])
  } finally {
    await deleteTopics(topics)
    await closeServices()
  }
  return { result, text: [...sections, verdicts(checks).map((c) => `- ${c}`).join('\n')].join('\n\n') }
}
