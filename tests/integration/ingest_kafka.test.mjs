// ingest_kafka.test.mjs - messages by a Kafka topic: the same table, the same figures, each once although the reader is killed.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { ingest, startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('messages by Kafka', () => {
  const redis = redisDatabase(12)
  const topic = uniqueName('ingest')
  let db, server, token, env
  before(async () => {
    await redis.clear()
    db = await createDatabase('ingest_kafka')
    await createTopics([topic], 3)
    env = { MILLRACE_INGEST_TOPIC: topic, MILLRACE_INGEST_GROUP: uniqueName('ingest'), MILLRACE_INGEST_FLUSH_MS: '100', MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '1500', KAFKA_BOOTSTRAP_SERVERS: process.env.KAFKA_BOOTSTRAP_SERVERS }
    server = await startMillrace({ databaseUrl: db.url, env: { ...env, REDIS_URL: redis.url, MILLRACE_ROLES: 'api,ingest' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
    await deleteTopics([topic])
    await closeServices()
  })

  const stored = async () => (await db.query('SELECT count(*) AS n FROM messages')).rows[0].n
  const arrive = (n) => until(`${n} messages are stored`, stored, (c) => c === n, { timeout: 30000, detail: () => server.log(10) })
  const messages = (from, n) => Array.from({ length: n }, (_, i) => ({ key: null, value: JSON.stringify({ user_id: from + i, channel_id: 1, content: `k${from + i}` }) }))

  it('are stored and counted like any', async () => {
    await produce(topic, messages(0, 500))
    await arrive(500)
    await until('the figures have them', async () => (await request(`${server.url}/stats`, { token })).body.total_messages, (n) => n === 500)
    await produce(topic, [{ key: null, value: 'no json' }, { key: null, value: null }, ...messages(500, 1)])
    await arrive(501)
    await until('those that are none are dead letters', async () => (await db.query('SELECT count(*) AS n FROM ingest_dead_letters')).rows[0].n, (n) => n === 2)
  })

  it('are stored once, although their reader is killed again and again', async () => {
    let other = ingest(db.url, redis.url, env)
    after(() => other.kill9())
    for (let i = 0; i < 4; i++) {
      await produce(topic, messages(1000 + i * 2000, 2000))
      if (i % 2) {
        await other.kill9()
        other = ingest(db.url, redis.url, env)
      } else {
        await server.kill9()
        await server.start()
      }
    }
    await arrive(501 + 8000)
    assert.deepEqual((await db.query('SELECT content FROM messages GROUP BY 1 HAVING count(*) > 1')).rows, [])
    assert.equal(await other.stop(), 0)
  })
})
