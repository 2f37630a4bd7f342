// logger_order.test.mjs - one order, however many loggers write it: seq without a gap and in the order of commits,
// pipeline_seq without a gap in each pipeline, and rooms on every node in that order.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const EVENTS = 3000 // of each pipeline and round

describe('one order', { timeout: 240000 }, () => {
  const prefixes = [uniqueName('order'), uniqueName('order')]
  const topics = prefixes.map((p) => `${p}.public.orders`)
  let db, pipelines
  const servers = []
  before(async () => {
    db = await createDatabase('order')
    await createTopics(topics, 6)
    const first = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_BATCH_RECORDS: '200' } })
    servers.push(first)
    pipelines = await Promise.all(prefixes.map((prefix) => createPipeline(db, { name: prefix, prefix })))
  })
  after(async () => {
    try {
      const ends = await Promise.allSettled(servers.map((server) => server.stop()))
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    } finally {
      await deleteTopics(topics)
      await db?.drop()
      await closeServices()
    }
  })
  const assigned = (server) => login(server.url).then((token) => request(`${server.url}/api/v1/monitoring/event-logger-status`, { token })).then((r) => r.body.assigned_count)

  for (const [round, n] of [1, 2, 4].entries()) {
    it(`of ${n} logger${n > 1 ? 's' : ''}`, async () => {
      while (servers.length < n) {
        servers.push(await startMillrace({ databaseUrl: db.url, migrate: false, group: servers[0].group, env: servers[0].env }))
      }
      await until('each has its share', () => Promise.all(servers.map(assigned)), (all) => all.every((a) => a > 0) && all.reduce((x, a) => x + a) === 12, { timeout: 40000, detail: () => servers.map((s) => s.log(6)).join('\n') })
      const seen = []
      const sockets = []
      for (const server of servers) {
        for (const id of pipelines) {
          const socket = await connect(server.url, await login(server.url))
          sockets.push(socket)
          seen.push(new Collector(id, { first: round * EVENTS + 1 }).on(socket))
          await subscribe(socket, id)
        }
      }
      await Promise.all(topics.map((topic, i) => produce(topic, mixed(EVENTS, { prefix: prefixes[i], firstId: round * EVENTS + 1 }).byTable.get('orders'), { batch: 100 })))
      for (const s of seen) {
        await s.reaches((round + 1) * EVENTS, { timeout: 20000, detail: () => servers.map((s) => s.log(6)).join('\n') })
        assert.deepEqual(s.problems, [])
        assert.equal(s.events.length, EVENTS)
      }
      sockets.forEach((s) => s.close())
      const rows = await isInOrder(db)
      assert.equal(rows.length, (round + 1) * EVENTS * topics.length)
      for (let i = 1; i < rows.length; i++) assert.ok(rows[i].started_at - rows[i - 1].started_at > -5000, 'times follow the order, but for the clocks')
    })
  }

  it('and each record is in it once', async () => {
    await equalsKafka(db, topics)
    await countersEqual(db)
    const token = await login(servers[0].url)
    assert.equal((await request(`${servers[0].url}/api/v1/monitoring/reconcile?rows=true`, { token })).body.balanced, true)
  })
})
