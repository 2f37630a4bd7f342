// topic_gone.test.mjs - a topic is deleted, and the server stopped at that moment: it ends in order,
// and what it had logged is there.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { change } from '../support/debezium.mjs'
import { logRows } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, topicsWith, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('a topic that goes while the server stops', () => {
  const prefix = uniqueName('gone')
  const ROUNDS = 6
  let db, server
  before(async () => {
    db = await createDatabase('gone')
    await createTopics([`${prefix}.stays`])
    server = await startMillrace({ databaseUrl: db.url })
    await createPipeline(db, { name: 'gone', prefix: `${prefix}.` })
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

  it('does not keep it from ending', async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const topic = `${prefix}.t${i}`
      await createTopics([topic])
      await produce(`${prefix}.stays`, [change('c', { id: i })])
      await until('the others are logged', () => logRows(db), (rows) => rows.length === i + 1, { timeout: 20000, detail: () => server.log(30) })
      await until('it is seen', () => server.log(200), (lines) => /topics_subscribed thread=consumer topics=2/.test(lines), { timeout: 20000 })
      const deletion = deleteTopics([topic])
      await until('it is gone', () => topicsWith(topic), (t) => t.length === 0)
      await server.stop({ timeout: 10000 }) // fails unless it exits with 0 within its deadline
      await deletion
      server.lines.length = 0
      await server.start()
    }
    assert.deepEqual((await logRows(db)).map((r) => r.e.after.id), Array.from({ length: ROUNDS }, (_, i) => i))
  })
})
