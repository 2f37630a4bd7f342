// topic_remade.test.mjs - a topic is deleted and made anew under the same name. Its records are all
// logged, whether the new topic is shorter than the old one was, as long, or longer, and whether the
// logger was looking at the time. It is never silent about it.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { change } from '../support/debezium.mjs'
import { countersEqual, logRows } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, topicsWith, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('a topic made anew', () => {
  const prefix = uniqueName('remade')
  let db, server, id, topic
  let n = 0

  before(async () => {
    db = await createDatabase('remade')
    server = await startMillrace({ databaseUrl: db.url })
    await createPipeline(db, { name: 'remade', prefix: `${prefix}.` })
  })
  beforeEach(async () => {
    topic = `${prefix}.t${++n}`
    id = 0
    await createTopics([topic], 2)
    await send(100)
    await reaches(100)
  })
  after(async () => {
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics(await topicsWith(prefix))
      await closeServices()
    }
  })

  const detail = () => server.log(40)
  const send = (count) => produce(topic, Array.from({ length: count }, () => change('c', { id: ++id })))
  const ids = async () => (await logRows(db)).filter((r) => r.e.topic === topic).map((r) => r.e.after.id)
  const reaches = (count) => until(`${topic}: ${count} rows`, async () => (await ids()).length, (x) => x >= count, { timeout: 20000, detail })
  const resets = async () => (await request(`${server.url}/api/v1/monitoring/event-logger-status`, { token: await login(server.url) })).body.offset_resets

  async function remake() {
    await deleteTopics([topic])
    await until('it is gone', () => topicsWith(topic), (t) => t.length === 0)
    // A broker needs a moment before the name is free.
    await until('it is there again', () => createTopics([topic], 2).then(() => true, () => false))
  }
  async function isWhole() {
    await reaches(id)
    assert.deepEqual((await ids()).sort((a, b) => a - b), Array.from({ length: id }, (_, i) => i + 1))
  }

  it('that is shorter', async () => {
    const before = await resets()
    await remake()
    await send(10)
    await isWhole()
    assert.ok((await resets()) > before, 'it is counted')
    assert.match(server.log(), /level=warn event=offset_reset/)
  })

  it('that is longer, so that the old offset lies within it', async () => {
    const before = await resets()
    await remake()
    await send(300)
    await isWhole()
    assert.ok((await resets()) > before, 'it is counted')
  })

  it('that is exactly as long', async () => {
    const partitions = await db.rows('SELECT partition, next_offset FROM consumer_offsets WHERE topic = $1', [topic])
    await remake()
    for (const { partition, next_offset: count } of partitions) {
      await produce(topic, Array.from({ length: count }, () => ({ ...change('c', { id: ++id }), partition })))
    }
    await isWhole()
  })

  it('while the logger is stopped', async () => {
    await server.stop()
    await remake()
    await send(300)
    await server.start()
    await isWhole()
    assert.ok((await resets()) > 0, 'it is counted')
  })

  it('and gives a poisoned record of it a dead letter of its own', async () => {
    const bad = () => produce(topic, [{ key: '{"id":1}', value: 'not JSON', partition: 0, headers: { origin: 'a test' } }])
    const letters = () => db.rows('SELECT "offset", headers FROM dead_letters WHERE topic = $1 ORDER BY created_at', [topic])
    await remake()
    await bad()
    await until('the first letter', letters, (l) => l.length === 1, { detail })
    await remake()
    await bad()
    const both = await until('the second letter', letters, (l) => l.length === 2, { detail })
    assert.deepEqual(both.map((l) => l.offset), [0, 0])
    assert.deepEqual(both[0].headers, [{ key: 'origin', value: Buffer.from('a test').toString('base64') }])
  })

  it('has left one gapless order behind', async () => {
    await hasOneOrder()
    await countersEqual(db)
  })

  // Offsets begin anew with the topic, so only seq is asked about.
  async function hasOneOrder() {
    const rows = await logRows(db)
    assert.deepEqual(rows.map((r) => r.seq), rows.map((_, i) => i + 1))
    assert.deepEqual(rows.map((r) => r.pipeline_seq), rows.map((_, i) => i + 1))
  }
})
