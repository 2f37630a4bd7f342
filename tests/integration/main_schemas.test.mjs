// main_schemas.test.mjs - the same way with JsonConverter's schemas on (its default, and what the
// JDBC sink needs) and the logger in a process of its own, which the API process hears of.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { Collector, connect, login, subscribe } from '../support/client.mjs'
import { createConnector, deleteConnector } from '../support/connector.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, deleteTopics, millraceBin, required, topicsWith, uniqueName } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

describe('schemas on, and the logger in a process of its own', () => {
  const prefix = uniqueName('split')
  let source, db, server, logger, loggerLog = '', pipeline, socket, seen

  const startLogger = () => {
    logger = spawn(millraceBin(), ['logger'], {
      env: { ...process.env, DATABASE_URL: db.url, MILLRACE_KAFKA_GROUP: server.group, MILLRACE_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    logger.ended = once(logger, 'close')
    for (const s of [logger.stdout, logger.stderr]) s.on('data', (d) => (loggerLog += d))
  }
  const stopLogger = async () => {
    logger.kill('SIGTERM')
    return (await within('millrace logger stops on SIGTERM', 20000, logger.ended))[0]
  }
  const patience = () => ({ timeout: 20000, detail: () => `${loggerLog.slice(-3000)}\n---\n${server.log(30)}` })

  before(async () => {
    source = await createDatabase('split_source', { url: required('DEMO_SOURCE_URL') })
    await source.query('CREATE TABLE stock (sku text PRIMARY KEY, n int NOT NULL)')
    db = await createDatabase('split_log')
    server = await startMillrace({ databaseUrl: db.url, args: ['--roles', 'api'] })
    pipeline = await createPipeline(db, { name: 'stock', topics: [`${prefix}.public.stock`] })
    startLogger()
    socket = await connect(server.url, await login(server.url))
    seen = new Collector(pipeline, { first: 1, keepRaw: true }).on(socket)
    await subscribe(socket, { pipeline_id: pipeline, after: 0 })
    await createConnector(prefix, { sourceUrl: source.url, prefix, tables: ['public.stock'], config: { 'snapshot.mode': 'no_data' } })
  })

  after(async () => {
    socket?.close()
    logger?.kill('SIGKILL')
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

  it('sends what another process has logged', async () => {
    await source.query(`INSERT INTO stock VALUES ('a', 1)`)
    await source.query(`UPDATE stock SET n = 2 WHERE sku = 'a'`)
    await source.query(`DELETE FROM stock WHERE sku = 'a'`)
    await seen.reaches(3, patience())
    assert.deepEqual(seen.events.map((e) => [e.event_type, e.key, e.after]), [
      ['insert', { sku: 'a' }, { sku: 'a', n: 1 }],
      ['update', { sku: 'a' }, { sku: 'a', n: 2 }],
      ['delete', { sku: 'a' }, null],
    ])
    const rows = await db.rows(`SELECT event FROM pipeline_runs WHERE run_type = 'CDC' ORDER BY seq`)
    assert.deepEqual(seen.raw, rows.map((r) => r.event))
  })

  it('goes on when the logger is started again', async () => {
    assert.equal(await stopLogger(), 0, loggerLog.slice(-3000))
    await source.query(`INSERT INTO stock VALUES ('b', 1), ('c', 1)`)
    startLogger()
    await seen.reaches(5, patience())
    await source.query(`INSERT INTO stock VALUES ('d', 1)`)
    await seen.reaches(6, patience())
    assert.deepEqual(seen.problems, [])
    assert.equal(await stopLogger(), 0, loggerLog.slice(-3000))
    const { n } = await until('the rows are counted', () => db.one('SELECT insert_count + update_count + delete_count AS n FROM pipeline_counters'))
    assert.equal(n, 6)
  })
})
