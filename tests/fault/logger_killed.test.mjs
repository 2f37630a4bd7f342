// logger_killed.test.mjs - the process dies (kill -9) between any two steps of the transaction that logs a batch,
// and around its COMMIT. Whoever comes next logs each record once; a client that comes back misses nothing.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Collector, login, open, request, subscribe } from '../support/client.mjs'
import { mixed } from '../support/debezium.mjs'
import { countersEqual, isInOrder } from '../support/log.mjs'
import { Millrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, topicOffsets, uniqueName } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

const POINTS = ['begun', 'offsets', 'head', 'counters', 'minutes', 'rows', 'letters', 'notified', 'committed', 'forwarded', 'told']
const ROUND = 400

describe('a logger that is killed at each step', { timeout: 240000 }, () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'killed-'))
  const prefix = uniqueName('killed')
  const topics = ['orders', 'customers'].map((t) => `${prefix}.public.${t}`)
  let db, server, pipeline, socket, seen, sent = 0

  before(async () => {
    db = await createDatabase('logger_killed')
    await createTopics(topics, 2)
    server = new Millrace({ databaseUrl: db.url, env: { MILLRACE_BATCH_RECORDS: '64' } })
    await server.migrate()
    pipeline = await createPipeline(db, { name: 'killed', prefix })
    await server.start()
    socket = open(server.url, () => login(server.url), { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 })
    seen = new Collector(pipeline, { first: 1 }).on(socket)
    socket.on('connect', () => subscribe(socket, { pipeline_id: pipeline, after: seen.lastSeq }).catch(() => {}))
  })
  after(async () => {
    socket?.close()
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics(topics)
      await closeServices()
      rmSync(dir, { recursive: true })
    }
  })

  for (const point of POINTS) {
    it(`log.${point}`, async () => {
      const trigger = path.join(dir, point)
      await server.stop()
      server.env.MILLRACE_FAULT_POINT = `log.${point}@${trigger}`
      server.group = uniqueName('millrace-test') // the dead member of the old one is not waited for
      await server.start()
      const { byTable } = mixed(ROUND, { prefix, tables: ['orders', 'customers'], firstId: sent * ROUND + 1 })
      sent++
      byTable.get('orders').splice(50, 0, { key: '{"id":0}', value: `no JSON ${point}` })
      writeFileSync(trigger, '')
      await Promise.all([...byTable].map(([table, records]) => produce(`${prefix}.public.${table}`, records, { batch: 100 })))
      const end = await within(`it dies at log.${point}`, 30000, server.exit)
      assert.equal(end.signal, 'SIGKILL', server.log(40))
      server.child = undefined
      server.group = uniqueName('millrace-test')
      await server.start()
      await seen.reaches(sent * ROUND, { timeout: 30000, detail: () => server.log(40) })
    })
  }

  it('has left each record in the log once, and each event with the client once, in order', async () => {
    assert.deepEqual(seen.problems, [])
    assert.equal(seen.events.length, POINTS.length * ROUND)
    await isInOrder(db)
    await countersEqual(db)
    const ends = (await topicOffsets(topics)).reduce((n, p) => n + p.high, 0)
    const token = await login(server.url)
    const r = await until('every offset is accounted for', () => request(`${server.url}/api/v1/monitoring/reconcile?rows=true`, { token }).then((res) => res.body), (b) => b.offsets === ends)
    assert.equal(r.balanced, true, JSON.stringify(r))
    assert.deepEqual([r.counts.dead_letter, r.dead_letters_waiting, r.log.last_seq], [POINTS.length, POINTS.length, POINTS.length * ROUND])
    assert.equal((await db.one('SELECT count(DISTINCT (topic, partition, "offset"))::int AS n FROM dead_letters')).n, POINTS.length)
  })
})
