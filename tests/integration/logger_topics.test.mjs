// logger_topics.test.mjs - which topics are consumed, for whom, and from when on.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { change } from '../support/debezium.mjs'
import { equalsKafka, isInOrder, logRows } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, topicsWith, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('which topics are consumed', () => {
  const prefix = uniqueName('claims')
  let db, server

  before(async () => {
    db = await createDatabase('claims')
    server = await startMillrace({ databaseUrl: db.url })
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
  const changes = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => change('c', { id: from + i }))
  const count = async (topic) => (await logRows(db)).filter((r) => r.e.topic === topic).length
  const reaches = (topic, n, timeout = 10000) => until(`${topic} has ${n} rows`, () => count(topic), (x) => x === n, { timeout, detail })
  const setStatus = (id, status) => db.query('UPDATE pipelines SET status = $2 WHERE id = $1', [id, status])

  it('takes up a new topic of a prefix within five seconds, from its first record on', async () => {
    await createPipeline(db, { name: 'by prefix', prefix: `${prefix}.a.` })
    const topic = `${prefix}.a.orders`
    await createTopics([topic], 3)
    await produce(topic, changes(1, 50))
    await reaches(topic, 50, 5000)
  })

  it('leaves what nobody claims unread, and has it all once somebody does', async () => {
    const topic = `${prefix}.b`
    await createTopics([topic], 2)
    await produce(topic, changes(1, 20))
    const marker = `${prefix}.a.marker`
    await createTopics([marker])
    await produce(marker, changes(1, 1))
    await reaches(marker, 1) // a whole look at the topics has passed
    assert.equal(await count(topic), 0)
    assert.deepEqual(await db.rows('SELECT * FROM consumer_offsets WHERE topic = $1', [topic]), [])
    const id = await createPipeline(db, { name: 'by name', topics: [topic] })
    await reaches(topic, 20, 3000)
    assert.deepEqual(new Set((await logRows(db, id)).map((r) => r.e.topic)), new Set([topic]))
  })

  it('stops with the pipeline within two seconds, and goes on where it stood', async () => {
    const topic = `${prefix}.c`
    await createTopics([topic], 3)
    const id = await createPipeline(db, { name: 'on and off', topics: [topic] })
    await produce(topic, changes(1, 30))
    await reaches(topic, 30)
    await setStatus(id, 'PAUSED')
    await until('the logger has let go of it', () => server.log(200), (log) => /partitions_revoked/.test(log), { timeout: 2000, every: 10 })
    await produce(topic, changes(31, 60))
    const other = `${prefix}.a.other`
    await createTopics([other])
    await produce(other, changes(1, 1))
    await reaches(other, 1)
    assert.equal(await count(topic), 30, 'nothing is taken while it is paused')
    await setStatus(id, 'RUNNING')
    await reaches(topic, 60, 3000)
    await db.query('UPDATE pipelines SET deleted_at = now() WHERE id = $1', [id])
    await until('let go again', () => server.log(400).match(/partitions_revoked/g)?.length, (n) => n >= 2, { timeout: 2000, every: 10 })
    await equalsKafka(db, [topic])
  })

  it('gives a topic that several claim to the exact name, then the longer prefix, then the older', async () => {
    const names = ['x.exact', 'x.long.t', 'x.t'].map((n) => `${prefix}.${n}`)
    const older = await createPipeline(db, { name: 'older', prefix: `${prefix}.x.` })
    await createPipeline(db, { name: 'younger', prefix: `${prefix}.x.` })
    const long = await createPipeline(db, { name: 'longer', prefix: `${prefix}.x.long.` })
    const exact = await createPipeline(db, { name: 'exact', topics: [names[0]] })
    // Pipelines are read all together: once the last one has a row, the logger knows those before it.
    const last = `${prefix}.last`
    await createPipeline(db, { name: 'last', topics: [last] })
    await createTopics([last])
    await produce(last, changes(1, 1))
    await reaches(last, 1)
    await createTopics(names)
    for (const n of names) await produce(n, changes(1, 5))
    for (const n of names) await reaches(n, 5)
    const owners = Object.fromEntries((await logRows(db)).map((r) => [r.e.topic, r.pipeline_id]))
    assert.deepEqual(names.map((n) => owners[n]), [exact, long, older])
  })

  it('has kept one order over all of it', async () => {
    await isInOrder(db)
    await equalsKafka(db, (await topicsWith(prefix)).sort())
  })
})
