// nothing_lost.test.mjs - 50,000 changes on three topics; meanwhile the process is killed ten times
// with SIGKILL at random moments, PostgreSQL is restarted once and Kafka once; a client reconnects by
// itself each time and says where it stands. Afterwards Kafka's records and the rows are compared one
// by one, and what the client saw with both.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, login, open } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { stack } from '../support/stack.mjs'
import { pause, until } from '../support/until.mjs'

const EVENTS = 50000
const KILLS = 12
const SLICE = 500 // records of a topic produced at a time
const TABLES = ['orders', 'customers', 'items']

describe('nothing is lost, nothing twice', () => {
  const prefix = uniqueName('lost')
  const topic = (table) => `${prefix}.public.${table}`
  const topics = TABLES.map(topic)
  let db, server, socket, byPrefix, byName
  const collectors = []
  const refused = []

  before(async () => {
    db = await createDatabase('lost')
    await createTopics(topics, 3)
    // The shortest session that this broker allows: the group waits that long for a killed member.
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '1500' } })
    byPrefix = await createPipeline(db, { name: 'by prefix', prefix: `${prefix}.` })
    byName = await createPipeline(db, { name: 'by name', topics: [topic('items')] })
  })
  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics(topics)
      await closeServices()
    }
  })

  const detail = () => server.log(60)

  /** A client as the documentation has it: connect, subscribe after what one has, again and again. */
  function follow() {
    socket = open(server.url, () => login(server.url), { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 250 })
    for (const id of [byPrefix, byName]) collectors.push(new Collector(id, { first: 1 }).on(socket))
    const join = (c) => {
      const on = socket.id
      socket.timeout(5000).emit('subscribe_pipeline', { pipeline_id: c.pipelineId, after: c.lastSeq }, (e, ack) => {
        if (socket.id !== on || !socket.connected || (!e && ack.ok)) return
        refused.push(e?.message ?? JSON.stringify(ack))
        setTimeout(() => socket.id === on && join(c), 100) // PostgreSQL was away: ask again
      })
    }
    socket.on('connect', () => collectors.forEach(join))
  }

  const seen = () => collectors.reduce((n, c) => n + c.events.length, 0)
  const logged = async () => (await db.one('SELECT last_seq FROM event_log_head')).last_seq

  it('survives ten kills, a restart of PostgreSQL and one of Kafka', { timeout: 400000 }, async () => {
    follow()
    const { byTable } = mixed(EVENTS, { tables: TABLES, prefix })
    const most = Math.max(...[...byTable.values()].map((r) => r.length))
    let faults = 0
    const producing = (async () => {
      for (let i = 0; i < most; i += SLICE) {
        // The last third waits for the faults, so that every one of them hits a stream in motion.
        while (i > (most * (faults + 6)) / (KILLS + 8)) await pause(5)
        await Promise.all(TABLES.map((t) => produce(topic(t), byTable.get(t).slice(i, i + SLICE))))
      }
    })()
    producing.catch(() => {})

    const kill = async (n) => {
      // After a random number of events, or at once while it starts; then a random moment.
      if (n % 4 !== 3) {
        const from = await logged()
        const target = from + Math.floor(Math.random() * 2000)
        await until(`the log grows (kill ${n})`, logged, (x) => x > target, { timeout: 60000, every: 5, detail })
      }
      await pause(Math.random() * 40)
      await server.kill9()
      await server.start()
      faults++
    }
    for (let n = 0; n < KILLS; n++) {
      await kill(n)
      if (n === 3) await stack('restart', 'postgres').then(() => faults++)
      if (n === 7) await stack('restart', 'kafka').then(() => faults++)
    }
    faults = Infinity
    await producing
    await until('everything is logged', logged, (n) => n >= EVENTS, { timeout: 120000, every: 100, detail })
    await until('the client has seen everything', seen, (n) => n >= EVENTS, { timeout: 60000, every: 50, detail: () => `${refused.slice(-5)}\n${detail()}` })
  })

  it('has one row for each record, and no other', async () => {
    const { records } = await equalsKafka(db, topics)
    assert.ok(records.length > EVENTS, `${records.length} records with the tombstones`)
  })

  it('has a seq without a gap, in the order of each partition', async () => {
    await isInOrder(db)
  })

  it('counts what the rows are, tombstones aside', async () => {
    const { records } = await equalsKafka(db, topics)
    await countersEqual(db, { tombstones: records.filter((r) => r.value === null).length })
    const sums = (table) => db.rows(`SELECT pipeline_id, sum(insert_count)::int AS i, sum(update_count)::int AS u, sum(delete_count)::int AS d, sum(other_count)::int AS o FROM ${table} GROUP BY 1 ORDER BY 1`)
    const counted = await sums('pipeline_counters')
    assert.deepEqual(await sums('pipeline_minutes'), counted)
    assert.deepEqual(await sums('table_minutes'), counted)
  })

  it('has shown the client every pipeline_seq exactly once, and the rows\' own words', async () => {
    for (const c of collectors) {
      assert.deepEqual(c.problems, [])
      const rows = await db.rows(`SELECT id, seq FROM pipeline_runs WHERE pipeline_id = $1 AND run_type = 'CDC' ORDER BY pipeline_seq`, [c.pipelineId])
      assert.deepEqual(c.events.map((e) => e.id), rows.map((r) => r.id))
      assert.equal(c.next, rows.length + 1)
    }
  })
})
