// main_path.test.mjs - the whole way with nothing faked: a row changes in PostgreSQL, Debezium puts
// it on Kafka, millrace logs it exactly once, and an unmodified socket.io-client has it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, ask, connect, login, open, request, subscribe } from '../support/client.mjs'
import { createConnector, deleteConnector } from '../support/connector.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline, seedCounts } from '../support/pipelines.mjs'
import { closeServices, createDatabase, deleteTopics, required, topicsWith, uniqueName } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
const BIG = '9007199254740993' // 2^53 + 1: lost by anyone who reads it as a double

describe('a row changes in PostgreSQL and the browser has it', () => {
  const prefix = uniqueName('main')
  let source, db, server, token, pipeline, socket, seen

  before(async () => {
    source = await createDatabase('main_source', { url: required('DEMO_SOURCE_URL') })
    await source.query(`CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric(12,2), big bigint, note text);
                        ALTER TABLE orders REPLICA IDENTITY FULL;
                        INSERT INTO orders VALUES (1, 'here before', 1.50, 1, NULL)`)
    db = await createDatabase('main_log')
    server = await startMillrace({ databaseUrl: db.url })
    pipeline = await createPipeline(db, { name: 'orders', prefix: `${prefix}.` })
    token = await login(server.url)
    socket = await connect(server.url, token)
    seen = new Collector(pipeline, { first: 1, keepRaw: true }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline })
    await createConnector(prefix, {
      sourceUrl: source.url,
      prefix,
      tables: ['public.orders'],
      config: { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' },
    })
    await seen.reaches(1, { timeout: 30000, detail: () => server.log(40) }) // the snapshot's one row
  })

  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await deleteConnector(prefix)
      await source?.drop()
      await db?.drop()
      await deleteTopics(await topicsWith(prefix))
      await closeServices()
    }
  })

  const dashboard = async () => (await request(`${server.url}/api/v1/monitoring/dashboard?pipeline_id=${pipeline}`, { token })).body
  const patience = () => ({ timeout: 10000, detail: () => server.log(40) })

  it('sends the rows of the snapshot as inserts that have no latency', () => {
    const [e] = seen.events
    assert.equal(e.event_type, 'insert')
    assert.equal(e.op, 'r')
    assert.equal(e.after.customer, 'here before')
    assert.equal(e.latency_ms, null)
  })

  it('sends an insert within seconds, with its fields', async () => {
    await source.query(`INSERT INTO orders VALUES (2, 'Łukasz "Ł" \\ 😀', 12.50, ${BIG}, 'line
break')`)
    await seen.reaches(2, patience())
    const e = seen.events[1]
    assert.match(e.id, UUID)
    assert.equal(e.pipeline_id, pipeline)
    assert.equal(e.event_type, 'insert')
    assert.equal(e.op, 'c')
    assert.equal(e.run_type, 'CDC')
    assert.equal(e.schema_name, 'public')
    assert.equal(e.table_name, 'orders')
    assert.equal(e.pipeline_seq, 2)
    assert.equal(e.seq, 2)
    assert.ok(e.status)
    for (const field of ['started_at', 'completed_at', 'created_at']) assert.match(e[field], TIME, field)
    assert.ok(Number.isInteger(e.latency_ms) && e.latency_ms >= 0 && e.latency_ms < 10000, `latency_ms ${e.latency_ms}`)
    assert.match(String(e.source_lsn), /^(\d+|[0-9A-F]+\/[0-9A-F]+)$/)
    assert.equal(e.source.connector, 'postgresql')
    assert.equal(e.source.db, source.name)
    assert.equal(e.source.table, 'orders')
    assert.equal(e.topic, `${prefix}.public.orders`)
    assert.ok(Number.isInteger(e.partition) && Number.isInteger(e.offset))
    assert.deepEqual(e.key, { id: 2 })
    assert.equal(e.before, null)
    assert.equal(e.after.customer, 'Łukasz "Ł" \\ 😀')
    assert.equal(e.after.amount, '12.50')
    assert.equal(e.after.note, 'line\nbreak')
    assert.ok(seen.raw[1].includes(`"big":${BIG}`), `the number lost digits: ${seen.raw[1]}`)
  })

  it('sends an update with before and after, and a delete with before', async () => {
    await source.query(`UPDATE orders SET amount = 99.99 WHERE id = 2`)
    await source.query(`DELETE FROM orders WHERE id = 2`)
    await seen.reaches(4, patience())
    const [u, d] = seen.events.slice(2)
    assert.equal(u.event_type, 'update')
    assert.equal(u.before.amount, '12.50')
    assert.equal(u.after.amount, '99.99')
    assert.equal(d.event_type, 'delete')
    assert.equal(d.before.amount, '99.99')
    assert.equal(d.after, null)
    assert.deepEqual(seen.problems, [])
  })

  it('keeps in pipeline_runs, in order, just what it sent', async () => {
    const rows = await db.rows(`SELECT seq, pipeline_seq, id, pipeline_id, op_kind, schema_name, table_name, status, event, run_metadata
                                FROM pipeline_runs WHERE run_type = 'CDC' ORDER BY seq`)
    assert.deepEqual(rows.map((r) => r.event), seen.raw)
    rows.forEach((row, i) => {
      const e = seen.events[i]
      assert.deepEqual(
        { seq: row.seq, pipeline_seq: row.pipeline_seq, id: row.id, pipeline_id: row.pipeline_id, event_type: row.op_kind, schema_name: row.schema_name, table_name: row.table_name, status: row.status },
        { seq: e.seq, pipeline_seq: e.pipeline_seq, id: e.id, pipeline_id: e.pipeline_id, event_type: e.event_type, schema_name: e.schema_name, table_name: e.table_name, status: e.status },
      )
      for (const field of ['event_type', 'op', 'key', 'before', 'after', 'topic', 'partition', 'offset', 'latency_ms', 'seq', 'pipeline_seq', 'source']) {
        assert.deepEqual(row.run_metadata[field], e[field], `run_metadata.${field} of seq ${e.seq}`)
      }
    })
  })

  it('replays the same bytes to one who comes later', async () => {
    const late = await connect(server.url, token)
    const theirs = new Collector(pipeline, { first: 1, keepRaw: true }).on(late)
    const ack = await subscribe(late, { pipeline_id: pipeline, after: 0 })
    await theirs.reaches(4, patience())
    late.close()
    assert.deepEqual(theirs.raw, seen.raw.slice(0, 4))
    assert.deepEqual(theirs.problems, [])
    assert.equal(ack.pipeline_id, pipeline)
    assert.equal(ack.room, `pipeline_${pipeline}`)
    assert.equal(ack.last_seq, 4)
    assert.equal(ack.replayed, 4)
  })

  it('replays only what comes after the seq that the client names', async () => {
    const late = await connect(server.url, token)
    const theirs = new Collector(pipeline, { first: 3, keepRaw: true }).on(late)
    const ack = await subscribe(late, { pipeline_id: pipeline, after: seen.events[1].seq })
    await theirs.reaches(4, patience())
    late.close()
    assert.deepEqual(theirs.raw, seen.raw.slice(2, 4))
    assert.equal(ack.replayed, 2)
  })

  it('counts as the SQL of existing dashboards counts', async () => {
    const counts = await seedCounts(db)
    assert.deepEqual(counts, { insert: 2, update: 1, delete: 1, other: 0, total: 4 })
    // A delete is followed by its tombstone: a record of its own, which may be logged a moment later.
    const shown = await until('the tombstone is counted', dashboard, (d) => d.tombstone_count === 1)
    assert.deepEqual(
      { insert: shown.insert_count, update: shown.update_count, delete: shown.delete_count, other: shown.other_count, total: shown.total_events },
      counts,
    )
    assert.equal(shown.snapshot_count, 1)
    assert.equal(shown.failed_count, 0)
    assert.match(shown.last_event_time, TIME)
  })

  it('lists the events over REST, newest first', async () => {
    const res = await request(`${server.url}/api/v1/monitoring/events?pipeline_id=${pipeline}&limit=3`, { token })
    assert.equal(res.status, 200)
    assert.deepEqual(res.body.map((e) => e.id), seen.events.slice(1, 4).reverse().map((e) => e.id))
    assert.deepEqual(res.body.map((e) => e.event_type), ['delete', 'update', 'insert'])
  })

  it('reports a running logger without lag', async () => {
    const status = await until(
      'the logger has caught up',
      async () => (await request(`${server.url}/api/v1/monitoring/event-logger-status`, { token })).body,
      (s) => s.running === true && s.lag_records === 0 && s.assigned.length > 0,
    )
    assert.equal(status.group_id, server.group)
    assert.equal(status.dead_letters, 0)
    assert.match(status.last_commit_at, TIME)
    assert.ok(status.assigned.some((a) => JSON.stringify(a).includes(`${prefix}.public.orders`)), JSON.stringify(status.assigned))
  })

  it('serves a client that starts with polling and upgrades', async () => {
    const second = await connect(server.url, token, { transports: ['polling', 'websocket'] })
    const theirs = new Collector(pipeline).on(second)
    const upgraded = within('it upgrades', 10000, new Promise((resolve) => {
      if (second.io.engine.transport.name === 'websocket') resolve()
      second.io.engine.once('upgrade', resolve)
    }))
    await subscribe(second, pipeline) // the plain form: just the id
    const n = seen.events.length + 1
    await source.query(`INSERT INTO orders VALUES (${100 + n}, 'for both', 1, 1, NULL)`)
    await theirs.reaches(n, patience())
    await upgraded
    await source.query(`UPDATE orders SET note = 'after the upgrade' WHERE id = ${100 + n}`)
    await theirs.reaches(n + 1, patience())
    second.close()
    await seen.reaches(n + 1, patience())
    assert.deepEqual(theirs.problems, [])
    assert.deepEqual(theirs.events, seen.events.slice(-2))
  })

  it('sends nothing more to one who unsubscribed', async () => {
    const other = await connect(server.url, token)
    const theirs = new Collector(pipeline).on(other)
    await subscribe(other, pipeline)
    assert.equal((await ask(other, 'unsubscribe_pipeline', { pipeline_id: pipeline })).ok, true)
    const n = seen.events.length + 1
    await source.query(`INSERT INTO orders VALUES (${100 + n}, 'not for them', 1, 1, NULL)`)
    await seen.reaches(n, patience())
    await ask(other, 'unsubscribe_pipeline', pipeline) // its ack comes after whatever was sent before
    assert.deepEqual(theirs.events, [])
    other.close()
  })

  it('lets a client resume over a restart, with what happened meanwhile', async () => {
    const steady = open(server.url, token, { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 })
    const theirs = new Collector(pipeline, { first: 1, keepRaw: true }).on(steady)
    const connected = []
    steady.on('connect', async () => {
      connected.push(steady.id)
      steady.emit('subscribe_pipeline', { pipeline_id: pipeline, after: theirs.lastSeq }, () => {})
    })
    const before = seen.events.length
    await theirs.reaches(before, patience())

    await server.stop()
    socket.close()
    await source.query(`INSERT INTO orders VALUES (201, 'while it was down', 1, 1, NULL), (202, 'this too', 1, 1, NULL)`)
    await server.start()
    await theirs.reaches(before + 2, { timeout: 20000, detail: () => server.log(40) })
    await source.query(`UPDATE orders SET note = 'live again' WHERE id = 201`)
    await theirs.reaches(before + 3, patience())
    steady.close()

    assert.equal(connected.length, 2, 'it connected again by itself')
    assert.deepEqual(theirs.problems, [])
    const rows = await db.rows(`SELECT event FROM pipeline_runs WHERE run_type = 'CDC' ORDER BY seq`)
    assert.deepEqual(theirs.raw, rows.map((r) => r.event))
  })
})
