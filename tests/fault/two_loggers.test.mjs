// two_loggers.test.mjs - two processes share the partitions of three topics. One is frozen (SIGSTOP)
// until the other has its partitions, and thawed with batches in hand that are no longer its own; both
// are killed in turn. The log stays one, without gaps, and the rooms of both have all of it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { Millrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'

const EVENTS = 30000
const SLICE = 100
const TABLES = ['orders', 'customers', 'items']

describe('two loggers', () => {
  const prefix = uniqueName('two')
  const topic = (table) => `${prefix}.public.${table}`
  const topics = TABLES.map(topic)
  const group = uniqueName('two-group')
  const env = { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '1500', MILLRACE_BATCH_RECORDS: '200' }
  let db, a, b, pipeline, socket, seen
  let stop = false
  let producing

  before(async () => {
    db = await createDatabase('two')
    await createTopics(topics, 3)
    a = new Millrace({ databaseUrl: db.url, env, group })
    b = new Millrace({ databaseUrl: db.url, env, group })
    await a.migrate()
    pipeline = await createPipeline(db, { name: 'two', prefix: `${prefix}.` })
    await a.start()
    await b.start()
  })
  after(async () => {
    stop = true
    socket?.close()
    for (const s of [a, b]) if (s?.running) process.kill(s.pid, 'SIGCONT')
    try {
      await a?.stop()
      await b?.stop()
    } finally {
      await db?.drop()
      await deleteTopics(topics)
      await closeServices()
    }
  })

  const tell = (s) => s.log().split('\n').filter((l) => !/event=login/.test(l)).slice(-30).join('\n')
  const detail = () => `a:\n${tell(a)}\nb:\n${tell(b)}`
  const status = async (s) => (await request(`${s.url}/api/v1/monitoring/event-logger-status`, { token: await login(s.url) })).body
  const assigned = async (s) => (await status(s)).assigned.length
  const logged = async () => (await db.one('SELECT last_seq FROM event_log_head')).last_seq
  const grows = async (by) => {
    const to = Math.min((await logged()) + by, EVENTS) // on a slow machine all may be there by then
    return until(`the log grows to ${to}`, logged, (n) => n >= to, { timeout: 60000, every: 10, detail })
  }

  it('share the partitions', async () => {
    await until('each has some of the nine', async () => [await assigned(a), await assigned(b)], ([x, y]) => x > 0 && y > 0 && x + y === 9, { timeout: 20000, detail })
  })

  it('keep one order while one is frozen, thawed, killed, and comes back', { timeout: 400000 }, async () => {
    socket = await connect(a.url, await login(a.url))
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline, after: 0 })
    const { byTable } = mixed(EVENTS, { tables: TABLES, prefix })
    producing = (async () => {
      for (let i = 0; !stop && i < EVENTS; i += SLICE) {
        await Promise.all(TABLES.map((t) => produce(topic(t), byTable.get(t).slice(i, i + SLICE))))
        await pause(100)
      }
    })()
    producing.catch(() => {})
    for (let round = 0; round < 3; round++) {
      await grows(300)
      process.kill(b.pid, 'SIGSTOP')
      await until('the other has all nine', () => assigned(a), (n) => n === 9, { timeout: 20000, detail })
      await grows(300) // frozen inside a transaction it holds the head, for as long as PostgreSQL lets it
      process.kill(b.pid, 'SIGCONT')
      await until('it takes part again', () => assigned(b), (n) => n > 0, { timeout: 30000, detail })
    }
    await grows(200)
    await b.kill9()
    await until('its partitions have gone over', () => assigned(a), (n) => n === 9, { timeout: 20000, detail })
    await b.start()
    await producing
    await until('everything is logged', logged, (n) => n >= EVENTS, { timeout: 60000, detail })
  })

  it('have logged each record once', async () => {
    await equalsKafka(db, topics)
    await isInOrder(db)
    await countersEqual(db)
  })

  it('have shown each event once to a client of either', async () => {
    await seen.reaches(EVENTS, { timeout: 20000, detail })
    assert.deepEqual(seen.problems, [])
    const other = await connect(b.url, await login(b.url))
    const theirs = new Collector(pipeline, { first: 1 }).on(other)
    await subscribe(other, { pipeline_id: pipeline, after: 0 })
    await theirs.reaches(EVENTS, { timeout: 20000, detail })
    other.close()
    assert.deepEqual(theirs.problems, [])
    assert.deepEqual(theirs.events.map((e) => e.id), seen.events.map((e) => e.id))
  })
})
