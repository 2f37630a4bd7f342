// commit_unknown.test.mjs - the connection to PostgreSQL is lost while COMMIT is under way: now and
// then the COMMIT has not reached the server, now and then it has and only its answer is lost. Either
// way each record is logged once, and the rooms have it once.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { Millrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { startProxy } from '../support/proxy.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'

const EVENTS = 6000

describe('a COMMIT that nobody answers', () => {
  const topic = uniqueName('unknown.public.orders')
  const lost = { before: 0, after: 0 }
  let db, proxy, server, pipeline, socket, seen

  before(async () => {
    db = await createDatabase('unknown')
    await createTopics([topic], 3)
    let commits = 0
    proxy = await startProxy(db.url, {
      on: (text, { application }) => {
        if (text !== 'COMMIT' || application !== 'millrace-logger') return
        commits++
        const fate = commits % 7 === 3 ? 'after' : commits % 7 === 5 ? 'before' : undefined
        if (fate) lost[fate]++
        return fate
      },
    })
    server = new Millrace({ databaseUrl: proxy.url, env: { MILLRACE_BATCH_RECORDS: '64' } })
    await server.migrate()
    pipeline = await createPipeline(db, { name: 'unknown', topics: [topic] })
    await server.start()
    socket = await connect(server.url, await login(server.url))
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline })
  })
  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await proxy?.close()
      await db?.drop()
      await deleteTopics([topic])
      await closeServices()
    }
  })

  it('stores every record exactly once', async () => {
    const { byTable, counts } = mixed(EVENTS)
    await produce(topic, byTable.get('orders'))
    await seen.reaches(EVENTS, { timeout: 60000, detail: () => server.log(40) })
    assert.ok(lost.before > 5 && lost.after > 5, `both were tried: ${JSON.stringify(lost)}`)
    await equalsKafka(db, [topic])
    await isInOrder(db)
    await countersEqual(db, { tombstones: counts.tombstone })
  })

  it('shows each event once, in order', () => {
    assert.deepEqual(seen.problems, [])
    assert.equal(seen.events.length, EVENTS)
  })

  it('finds the commits that were made, rather than being fenced by itself', async () => {
    const status = (await request(`${server.url}/api/v1/monitoring/event-logger-status`, { token: await login(server.url) })).body
    assert.match(server.log(), /event=commit_found/)
    // Only a piece without any event (tombstones alone) may be answered by the offsets instead.
    assert.equal(status.fenced, 0, server.log(60))
    assert.equal(status.events, EVENTS)
  })
})
