// kafka_settings.test.mjs - librdkafka's own properties, set by the operator: they reach the clients, what is wrong
// stops the start, and what exactly-once rests on is not theirs to set.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runMillrace, startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, kafka, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('MILLRACE_KAFKA_..', { timeout: 60000 }, () => {
  const topic = `${uniqueName('settings')}.public.orders`
  let db, dir
  before(async () => {
    db = await createDatabase('kafka_settings')
    dir = await mkdtemp(path.join(tmpdir(), 'millrace-'))
    await createTopics([topic])
  })
  after(async () => {
    await deleteTopics([topic])
    await db?.drop()
    await rm(dir, { recursive: true })
    await closeServices()
  })

  it('reaches the consumer; the environment goes before the file', async () => {
    const file = path.join(dir, 'millrace.conf')
    await writeFile(file, 'MILLRACE_KAFKA_CLIENT_ID=of-the-file\nMILLRACE_KAFKA_CLIENT_RACK=rack-7\nMILLRACE_KAFKA_GROUP=of-the-file\n')
    for (const [env, clientId] of [[{}, 'of-the-file'], [{ MILLRACE_KAFKA_CLIENT_ID: 'warehouse' }, 'warehouse']]) {
      const server = await startMillrace({ databaseUrl: db.url, args: ['--config', file], env: { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '6000', ...env } })
      try {
        await createPipeline(db, { name: clientId, topics: [topic] })
        const admin = kafka().admin()
        await admin.connect()
        const members = () => admin.describeGroups([server.group]).then((d) => d.groups[0].members.map((m) => m.clientId))
        await until('the group has a member', members, (ids) => ids.length > 0, { timeout: 20000 })
        assert.deepEqual(await members(), [clientId])
        await admin.disconnect()
      } finally {
        await server.stop()
      }
      await db.query('UPDATE pipelines SET deleted_at = now()')
    }
  })

  it('stops the start by name, never by value, when it is no property or no value of one', async () => {
    const rows = [
      ['MILLRACE_KAFKA_NO_SUCH_THING', 'x', /MILLRACE_KAFKA_NO_SUCH_THING: .*no\.such\.thing/],
      ['MILLRACE_KAFKA_SECURITY_PROTOCOL', 'hush-hush', /MILLRACE_KAFKA_SECURITY_PROTOCOL: /],
      ['MILLRACE_KAFKA_FETCH_MAX_BYTES', 'hush-hush', /MILLRACE_KAFKA_FETCH_MAX_BYTES: /],
      ['MILLRACE_KAFKA_ENABLE_AUTO_COMMIT', 'true', /MILLRACE_KAFKA_ENABLE_AUTO_COMMIT: enable\.auto\.commit is millrace's own/],
      ['MILLRACE_KAFKA_ISOLATION_LEVEL', 'read_uncommitted', /exactly once/],
      ['MILLRACE_KAFKA_GROUP_ID', 'other', /group\.id is millrace's own/],
    ]
    for (const [name, value, says] of rows) {
      const run = await runMillrace(['logger'], { databaseUrl: db.url, env: { [name]: value } })
      assert.equal(run.code, 1, name)
      assert.match(run.stderr, says)
      assert.doesNotMatch(run.stderr, /hush-hush/)
    }
  })
})
