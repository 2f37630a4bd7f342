// main_shutdown.test.mjs - SIGTERM in the middle of a stream of events: the process ends in order
// each time, and what it had logged by then is there, without a gap, for whoever resumes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect, login, subscribe } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { buildDir, closeServices, createDatabase, createTopics, deleteTopics, required, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('SIGTERM under a stream of events', () => {
  const topic = `${uniqueName('stop')}.orders`
  let db, server, pipeline, generator
  before(async () => {
    db = await createDatabase('shutdown')
    await createTopics([topic])
    server = await startMillrace({ databaseUrl: db.url })
    pipeline = await createPipeline(db, { name: 'shutdown', topics: [topic] })
    generator = spawn(path.join(buildDir(), 'bin', 'bench_gen_events'), [required('KAFKA_BOOTSTRAP_SERVERS'), topic, '1000000', '--rate', '2000'], { stdio: ['ignore', 'ignore', 'inherit'] })
  })
  after(async () => {
    generator?.kill('SIGKILL')
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics([topic])
      await closeServices()
    }
  })

  it('ends in order, every time, with clients connected', async () => {
    for (let round = 0; round < 5; round++) {
      const socket = await connect(server.url, await login(server.url))
      let seen = 0
      socket.on('replication_event', () => seen++)
      await subscribe(socket, { pipeline_id: pipeline })
      await until('events flow', () => seen, (n) => n > 500, { timeout: 20000, detail: () => `generator: ${generator.exitCode ?? generator.signalCode ?? 'runs'}\n${server.log(40)}` })
      await server.stop() // fails unless it exits with 0 within its deadline
      socket.close()
      await server.start()
    }
  })

  it('has left a log without a gap', async () => {
    const { n, last, head } = await db.one(
      'SELECT count(*)::int AS n, max(seq)::int AS last, (SELECT last_seq::int FROM event_log_head) AS head FROM pipeline_runs WHERE seq <= (SELECT last_seq FROM event_log_head)',
    )
    assert.equal(n, last)
    assert.equal(last, head)
  })
})
