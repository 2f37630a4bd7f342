// activity.test.mjs - what happened lately, kept and told as it happens; who is connected, and sending them away.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { connect, login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('activity', () => {
  const redis = redisDatabase(7)
  let db, server, token
  const sockets = []
  before(async () => {
    await redis.clear()
    db = await createDatabase('activity')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_INGEST_FLUSH_MS: '100' } })
    token = await login(server.url)
  })
  after(async () => {
    for (const s of sockets) s.terminate()
    await server?.stop()
    await db?.drop()
  })

  const api = (method, path, body, as = token) => request(`${server.url}${path}`, { method, token: as, body })
  const recent = async (as) => (await api('GET', '/api/v1/activity/recent', undefined, as)).body
  async function watch(as = token) {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/ws/dashboard?token=${as}`)
    ws.all = []
    ws.on('message', (m) => ws.all.push(JSON.parse(m)))
    ws.gets = (what, good) => until(what, () => ws.all.find(good), Boolean, { detail: () => JSON.stringify(ws.all.filter((m) => m.type !== 'stats_update')) })
    sockets.push(ws)
    await once(ws, 'open')
    return ws
  }
  const newUser = async (username) => {
    const { body } = await api('POST', '/api/v1/users', { username, password: 'a long enough one', role: 'viewer' })
    return { id: body.id, token: await login(server.url, { username, password: 'a long enough one' }) }
  }
  const pipeline = async (name) => (await api('POST', '/api/v1/pipelines', { name, engine: 'external', kafka_topics: [`${name}.t`] })).body

  it('knows of a burst, from the asking to the last message', async () => {
    const ws = await watch()
    assert.equal((await api('POST', '/simulate', { count: 120 })).status, 202)
    const asked = await ws.gets('that it was asked for', (m) => m.type === 'activity' && m.data.kind === 'simulation')
    assert.equal(asked.data.details.messages, 120)
    const done = await ws.gets('that it is through', (m) => m.type === 'ingestion_complete')
    assert.deepEqual([done.data.kind, done.data.outcome, done.data.details.messages], ['ingestion', 'success', 120])
    assert.match(done.data.message, /^120 messages stored in \d+ batch/)
    const list = await recent()
    assert.deepEqual(list.slice(0, 2).map((e) => e.kind), ['ingestion', 'simulation'], 'newest first')
    assert.deepEqual(list[0], done.data, 'the same as was told')
    assert.equal((await api('GET', '/api/v1/activity/recent?limit=1')).body.length, 1)
    for (const bad of ['0', '501', 'x']) assert.equal((await api('GET', `/api/v1/activity/recent?limit=${bad}`)).status, 422)
    ws.close()
  })

  it('outlives the server', async () => {
    const before = await recent()
    await server.kill9()
    await server.start()
    assert.deepEqual(await recent(), before)
  })

  it('tells of pipelines those who may see them', async () => {
    const [may, mayNot] = [await newUser('may'), await newUser('may-not')]
    const p = await pipeline('seen')
    await api('PUT', `/api/v1/pipelines/${p.id}/permissions`, { grants: [{ username: 'may-not', role: 'none' }] })
    const [a, b] = [await watch(may.token), await watch(mayNot.token)]
    await api('POST', `/api/v1/pipelines/${p.id}/start`)
    const told = await a.gets('that it runs', (m) => m.type === 'activity' && m.data.pipeline_id === p.id && m.data.details.status === 'RUNNING')
    assert.equal(told.data.message, 'seen is RUNNING')
    assert.ok((await recent(may.token)).some((e) => e.pipeline_id === p.id))
    assert.ok(!(await recent(mayNot.token)).some((e) => e.pipeline_id === p.id))
    assert.ok(!b.all.some((m) => m.type === 'activity' && m.data.pipeline_id === p.id))
    await db.query("UPDATE pipelines SET status = 'ERROR', error_message = 'broken' WHERE id = $1", [p.id])
    const failed = await a.gets('that it failed', (m) => m.type === 'error')
    assert.deepEqual([failed.data.outcome, failed.data.details.error], ['failure', 'broken'])
    a.close()
    b.close()
  })

  it('counts what it has kept', async () => {
    await api('POST', '/simulate', { count: 1 })
    const text = await until('one is persisted', async () => (await request(`${server.url}/metrics`, { token })).text, (t) => /millrace_activity_total\{result="persisted"\} [1-9]/.test(t))
    assert.match(text, /millrace_activity_total\{result="failed"\} 0/)
  })

  it('lists who is connected, and sends them away', async () => {
    const ws = await watch()
    const socket = await connect(server.url, token)
    const p = await pipeline('listed')
    await socket.timeout(5000).emitWithAck('subscribe_pipeline', p.id)
    const { body } = await api('GET', '/api/v1/realtime/connections')
    const one = body.items.find((i) => i.sid === socket.id)
    assert.deepEqual([one.transport, one.path, one.address, one.user], ['websocket', '/socket.io/', '127.0.0.1', 'admin'])
    assert.ok(one.rooms.includes(`pipeline_${p.id}`))
    const feed = body.items.find((i) => i.path === '/api/v1/ws/dashboard')
    assert.deepEqual([feed.user, feed.rooms, typeof feed.queued_bytes], ['admin', [], 'number'])
    const viewer = await newUser('just-a-viewer')
    assert.equal((await api('GET', '/api/v1/realtime/connections', undefined, viewer.token)).status, 403)
    assert.equal((await api('DELETE', `/api/v1/realtime/connections/${one.sid}`, undefined, viewer.token)).status, 403)
    const gone = [once(ws, 'close'), new Promise((r) => socket.once('disconnect', r))]
    assert.equal((await api('DELETE', `/api/v1/realtime/connections/${feed.sid}`)).status, 204)
    assert.equal((await api('DELETE', `/api/v1/realtime/connections/${one.sid}`)).status, 204)
    const [[code], reason] = await Promise.all(gone)
    assert.equal(code, 1008)
    assert.equal(reason, 'io server disconnect')
    for (const sid of [feed.sid, 'nobody']) assert.equal((await api('DELETE', `/api/v1/realtime/connections/${sid}`)).status, 404)
  })
})
