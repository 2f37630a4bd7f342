// postgres_ill.test.mjs - PostgreSQL is there and does not serve: its disk is full, it takes no connection, it is slow,
// a lock is held; and Kafka has thrown away what was not read yet. The logger says what is wrong, waits, goes on by
// itself, and every offset is accounted for.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, kafka, produce, topicOffsets, uniqueName } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'

const ROUND = 600

describe('a logger whose PostgreSQL is ill', { timeout: 180000 }, () => {
  const prefix = uniqueName('ill')
  const topic = `${prefix}.public.orders`
  let db, outside, server, token, pipeline, socket, seen, sent = 0
  before(async () => {
    db = await createDatabase('ill')
    outside = new pg.Client({ connectionString: db.serverUrl })
    await outside.connect()
    await createTopics([topic], 2)
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_BATCH_RECORDS: '128' } })
    token = await login(server.url)
    pipeline = await createPipeline(db, { name: 'ill', prefix })
    socket = await connect(server.url, token)
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline, after: 0 })
    await send()
    await arrives()
  })
  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await outside?.end()
      await db?.drop()
      await deleteTopics([topic])
      await closeServices()
    }
  })
  const send = () => produce(topic, mixed(ROUND, { prefix, firstId: sent++ * ROUND + 1 }).byTable.get('orders'), { batch: 200 })
  const arrives = () => seen.reaches(sent * ROUND, { timeout: 40000, detail: () => server.log(40) })
  const status = () => request(`${server.url}/api/v1/monitoring/event-logger-status`, { token }).then((r) => r.body)
  const degraded = (why) => until('the logger says what is wrong', status, (s) => s.status === 'degraded' && why.test(s.last_error), { timeout: 20000, detail: () => server.log(20) })
  const well = () => until('the logger is well again', status, (s) => s.status === 'running', { timeout: 20000 })

  it('disk full: what cannot be stored is tried again', async () => {
    // The error that PostgreSQL gives when it cannot extend a file.
    await db.query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT ON pipeline_runs FOR EACH ROW EXECUTE FUNCTION full_disk()`)
    await send()
    await degraded(/./)
    assert.equal((await db.one('SELECT count(*)::int AS n FROM dead_letters')).n, 0, 'no record is blamed for it')
    await db.query('DROP TRIGGER full_disk ON pipeline_runs')
    await arrives()
    await well()
  })

  it('no connections: it waits for one', async () => {
    await outside.query(`ALTER DATABASE "${db.name}" WITH ALLOW_CONNECTIONS false`)
    await outside.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'millrace%'", [db.name])
    await send()
    await until('it notices', () => server.log(200), (log) => /event=(pool_down|side_ill|logger_degraded|postgres)|cannot be reached/.test(log), { timeout: 20000 })
    await pause(500)
    await outside.query(`ALTER DATABASE "${db.name}" WITH ALLOW_CONNECTIONS true`)
    await arrives()
    await well()
  })

  it('slow, and a lock that somebody holds: it takes its time', async () => {
    await db.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
      CREATE TRIGGER slow AFTER UPDATE ON event_log_head FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
    await send()
    await arrives()
    await db.query('DROP TRIGGER slow ON event_log_head')
    const holder = new pg.Client({ connectionString: db.url })
    await holder.connect()
    await holder.query('BEGIN; SELECT * FROM event_log_head FOR UPDATE')
    await send()
    await pause(1500)
    assert.equal((await request(`${server.url}/health`)).status, 200, 'the server serves meanwhile')
    await holder.query('COMMIT')
    await holder.end()
    await arrives()
  })

  it('has logged each record once, in order, and shown each event once', async () => {
    assert.deepEqual(seen.problems, [])
    await equalsKafka(db, [topic])
    await isInOrder(db)
    await countersEqual(db)
  })

  it('Kafka has thrown away what was not read: a gap that is counted, and said', async () => {
    const { last_seq: stored } = await db.one('SELECT last_seq FROM event_log_head')
    await server.stop()
    await send()
    const admin = kafka().admin()
    await admin.connect()
    const ends = await topicOffsets([topic])
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: ends.map((e) => ({ partition: e.partition, offset: String(e.high - 100) })) })
    await admin.disconnect()
    await server.start()
    token = await login(server.url)
    const reconcile = () => request(`${server.url}/api/v1/monitoring/reconcile?rows=true`, { token }).then((r) => r.body)
    const r = await until('what is left is logged', reconcile, (b) => b.offsets === ends.reduce((n, e) => n + e.high, 0), { timeout: 40000, detail: () => server.log(30) })
    assert.equal(r.balanced, true, JSON.stringify(r))
    assert.ok(r.log.last_seq > stored, 'the newest came')
    assert.ok(r.counts.gap > 0, 'and the rest is a gap')
    assert.equal(r.partitions.filter((p) => p.ended_at).length, 0, 'it is the same topic')
    assert.equal((await status()).offset_resets, ends.length)
  })
})
