// badinput_records.test.mjs - poison in the middle of a stream. What can't be read, or what PostgreSQL
// will not store, becomes a dead letter with its bytes; every other record becomes its event, in
// order; and each offset of each partition is accounted for.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { change, tombstone } from '../support/debezium.mjs'
import { metrics, sum } from '../support/metrics.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline, seedCounts } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, topicOffsets, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const nested = (n) => `{"a":`.repeat(n) + '1' + '}'.repeat(n)
const withRow = (row) => change('c', { id: 1 }).value.replace(/"after":\{[^}]*\}/, `"after":${row}`)

// Each of these is one dead letter.
const poison = [
  ['not JSON', 'hello'],
  ['no bytes at all', ''],
  ['JSON that stops', '{"before":null,"after":{"id":1'],
  ['JSON with something behind it', `${change('c', { id: 1 }).value} x`],
  ['Avro framing', Buffer.from([0, 0, 0, 0, 1, 2, 4, 6])],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from('{"after":{"a":"'), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('"},"op":"c"}')])],
  ['a raw NUL in a string', '{"after":{"a":"\u0000"},"op":"c"}'],
  ['nesting without end', nested(5000)],
  ['a number', '42'],
  ['an array', '[1,2,3]'],
  ['a NUL that jsonb has no place for', withRow('{"id":1,"note":"a\\u0000b"}')],
  ['half a surrogate pair', withRow('{"id":1,"note":"\\ud800"}')],
  ['a number that numeric can\'t hold', withRow('{"id":1,"amount":1e200000}')],
]

describe('poison in the middle of a stream', () => {
  const topic = uniqueName('poison.public.orders')
  const other = uniqueName('poison.public.calm')
  let db, server, token, pipeline, calm, socket, seen, calmly
  const records = [] // what was produced, in order: {value, good}

  before(async () => {
    db = await createDatabase('poison')
    await createTopics([topic, other])
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_RECORD_BYTES_MAX: '65536' } })
    token = await login(server.url)
    pipeline = await createPipeline(db, { name: 'poisoned', topics: [topic] })
    calm = await createPipeline(db, { name: 'calm', topics: [other] })
    socket = await connect(server.url, token)
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    calmly = new Collector(calm, { first: 1 }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline })
    await subscribe(socket, { pipeline_id: calm })
  })
  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics([topic, other])
      await closeServices()
    }
  })

  const detail = () => server.log(40)
  let sent = 0
  const good = (n = 1) => Array.from({ length: n }, () => ({ ...change('c', { id: ++sent }), good: true }))

  it('delivers every good record around the bad ones, in order', async () => {
    records.push(...good(100))
    for (const [, value] of poison) records.push({ key: null, value }, ...good(3))
    records.push(...poison.map(([, value]) => ({ key: '{"id":1}', value })), ...good(100)) // all in a row
    const calmRecords = Array.from({ length: 500 }, (_, i) => change('c', { id: i + 1, table: 'calm' }))
    await Promise.all([produce(topic, records.map(({ key, value }) => ({ key, value, partition: 0 }))), produce(other, calmRecords)])
    await seen.reaches(sent, { timeout: 30000, detail })
    await calmly.reaches(500, { timeout: 30000, detail })
    assert.deepEqual(seen.problems, [])
    assert.deepEqual(calmly.problems, [])
    assert.deepEqual(seen.events.map((e) => e.after.id), Array.from({ length: sent }, (_, i) => i + 1))
  })

  it('keeps each bad record as it was, with where it came from and why', async () => {
    const expected = records.flatMap((r, offset) => (r.good ? [] : [{ offset, value: Buffer.from(r.value) }]))
    const rows = await until('all dead letters are there', () => db.rows(`SELECT "offset", record_key, record_value, reason, topic, partition, pipeline_id FROM dead_letters ORDER BY "offset"`), (r) => r.length >= expected.length, { detail })
    assert.deepEqual(rows.map((r) => r.offset), expected.map((e) => e.offset))
    rows.forEach((row, i) => {
      const [what] = poison[i % poison.length]
      assert.deepEqual(row.record_value, expected[i].value, what)
      assert.equal(row.topic, topic)
      assert.equal(row.partition, 0)
      assert.equal(row.pipeline_id, pipeline)
      assert.ok(row.reason.length > 5, `${what}: ${row.reason}`)
      assert.doesNotMatch(row.reason, /hello|\bnote\b.*a/, 'a reason does not quote the data')
    })
    const avro = poison.findIndex(([what]) => what === 'Avro framing')
    assert.match(rows[avro].reason, /avro/i)
  })

  it('counts them, and the counts equal the rows', async () => {
    const dead = 2 * poison.length
    const shown = (await request(`${server.url}/api/v1/monitoring/dashboard?pipeline_id=${pipeline}`, { token })).body
    assert.equal(shown.failed_count, dead)
    assert.equal(shown.insert_count, sent)
    assert.equal((await seedCounts(db)).insert, sent + 500)
    assert.equal(sum(await metrics(server.url, token), /dead_letters_total/), dead)
    const status = (await request(`${server.url}/api/v1/monitoring/event-logger-status`, { token })).body
    assert.equal(status.dead_letters, dead)
  })

  it('skips tombstones and what is no row change, and counts each offset once', async () => {
    const extra = [
      tombstone({ id: 1 }),
      { key: '{"id":1}', value: 'null' },
      { key: '{"schema":null,"payload":{"id":1}}', value: '{"schema":null,"payload":null}' },
    ]
    await produce(topic, extra.map((r) => ({ ...r, partition: 0 })))
    records.push(...extra.map((r) => ({ ...r, good: false })))
    const [marker] = good()
    await produce(topic, [{ ...marker, partition: 0 }])
    records.push(marker)
    await seen.reaches(sent, { detail })
    const [{ high }] = await topicOffsets([topic])
    const c = await db.one('SELECT * FROM pipeline_counters WHERE pipeline_id = $1', [pipeline])
    assert.equal(c.tombstone_count, 3)
    assert.equal(c.insert_count + c.update_count + c.delete_count + c.other_count + c.tombstone_count + c.skipped_count + c.failed_count, high)
    const { next_offset: next } = await db.one('SELECT next_offset FROM consumer_offsets WHERE topic = $1', [topic])
    assert.equal(next, high)
    assert.equal(high, records.length)
  })

  it('keeps the event of a row that is too large, with a marker for the data', async () => {
    const id = ++sent
    const big = change('c', { id, row: { id, note: 'x'.repeat(200000) } })
    const [next] = good()
    await produce(topic, [{ ...big, partition: 0 }, { key: next.key, value: next.value, partition: 0 }])
    await seen.reaches(sent, { detail })
    assert.deepEqual(seen.problems, [])
    const [e, n] = seen.events.slice(-2)
    assert.equal(e.event_type, 'insert')
    assert.deepEqual(e.key, { id })
    assert.ok(JSON.stringify(e).length < 5000, 'the data is not there')
    assert.match(JSON.stringify(e.after), /2000\d\d/, `its size is: ${JSON.stringify(e.after)}`)
    assert.equal(n.after.id, sent)
  })

  it('names columns that the source did not send', async () => {
    const id = ++sent
    await produce(topic, [{ ...change('u', { id, row: { id, note: '__debezium_unavailable_value' } }), partition: 0 }])
    await seen.reaches(sent, { detail })
    assert.deepEqual(seen.events.at(-1).unavailable_columns, ['note'])
  })
})
