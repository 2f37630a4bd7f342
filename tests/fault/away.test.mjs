// away.test.mjs - PostgreSQL is away, then Kafka: the logger says so, costs next to nothing while it
// waits, keeps its place in the group, and goes on by itself with nothing lost.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { change } from '../support/debezium.mjs'
import { countersEqual, equalsKafka, isInOrder } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { stack } from '../support/stack.mjs'
import { pause, until } from '../support/until.mjs'

describe('a service is away', () => {
  const topic = uniqueName('away.public.orders')
  let db, server, pipeline, token, socket, seen
  let sent = 0

  before(async () => {
    db = await createDatabase('away')
    await createTopics([topic], 3)
    server = await startMillrace({ databaseUrl: db.url })
    pipeline = await createPipeline(db, { name: 'away', topics: [topic] })
    token = await login(server.url)
    socket = await connect(server.url, token)
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline })
    await send(100)
    await seen.reaches(100, { detail })
  })
  after(async () => {
    socket?.close()
    await stack('start', 'postgres').catch(() => {})
    await stack('start', 'kafka').catch(() => {})
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics([topic])
      await closeServices()
    }
  })

  const detail = () => server.log(40)
  const send = (n) => produce(topic, Array.from({ length: n }, () => change('c', { id: ++sent })))
  const status = async () => (await request(`${server.url}/api/v1/monitoring/event-logger-status`, { token })).body
  const is = (state, more = () => true) => until(`the logger is ${state}`, status, (s) => s.status === state && more(s), { timeout: 20000, every: 100, detail })
  /** CPU time of the process so far, in milliseconds. */
  const cpu = () => {
    const f = fs.readFileSync(`/proc/${server.pid}/stat`, 'latin1').split(') ')[1].split(' ')
    return (Number(f[11]) + Number(f[12])) * 10
  }

  it('PostgreSQL: degraded with the reason, idle, and then it goes on', async () => {
    await stack('kill', 'postgres')
    await send(500)
    const s = await is('degraded')
    assert.equal(s.running, true)
    assert.match(s.last_error, /postgres/i)
    const from = cpu()
    await pause(2000) // the time over which the cost is measured
    assert.ok(cpu() - from < 200, `${cpu() - from} ms of CPU in two seconds of waiting`)
    await stack('start', 'postgres')
    await seen.reaches(sent, { timeout: 20000, detail })
    await is('running', (x) => x.lag_records === 0)
    assert.ok(!/partitions_revoked/.test(server.log()), 'it kept its partitions')
  })

  it('PostgreSQL away while a partition is assigned: it waits for the offset', async () => {
    await stack('stop', 'postgres')
    const old = server.log().length
    await server.restart()
    await until('the logger has noticed', () => server.log().slice(old), (log) => /logger_degraded.*postgres/.test(log), { detail })
    await send(100)
    await stack('start', 'postgres')
    token = await until('one can sign in', () => login(server.url))
    await is('running', (x) => x.lag_records === 0)
    socket.close()
    socket = await connect(server.url, token)
    seen.on(socket)
    await subscribe(socket, { pipeline_id: pipeline, after: seen.lastSeq })
    await seen.reaches(sent, { detail })
  })

  it('Kafka: degraded with the reason, and then it goes on', async () => {
    await stack('kill', 'kafka')
    await is('degraded', (s) => /kafka/i.test(s.last_error))
    const from = cpu()
    await pause(2000)
    assert.ok(cpu() - from < 300, `${cpu() - from} ms of CPU in two seconds of waiting`)
    await stack('start', 'kafka')
    await send(500)
    await seen.reaches(sent, { timeout: 30000, detail })
    await is('running', (x) => x.lag_records === 0)
  })

  it('has lost and doubled nothing', async () => {
    await equalsKafka(db, [topic])
    await isInOrder(db)
    await countersEqual(db)
    assert.deepEqual(seen.problems, [])
    assert.equal(seen.events.length, sent)
  })

  it('stops in order while PostgreSQL is away', async () => {
    await send(50)
    await stack('stop', 'postgres')
    await send(50)
    const from = Date.now()
    await server.stop()
    assert.ok(Date.now() - from < 12000, `${Date.now() - from} ms`)
    await stack('start', 'postgres')
    await server.start()
    await until('the rest is logged', async () => (await db.one('SELECT last_seq FROM event_log_head')).last_seq, (n) => n === sent, { timeout: 20000, detail })
    await equalsKafka(db, [topic])
  })
})
