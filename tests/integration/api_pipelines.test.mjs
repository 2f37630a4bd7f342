// api_pipelines.test.mjs - pipelines through REST, and what the rooms are told of them.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { ask, connect, login, request, subscribe } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('pipelines', () => {
  let db
  let server
  let token
  before(async () => {
    db = await createDatabase('api_pipelines')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, path, body) => request(`${server.url}/api/v1/pipelines${path}`, { method, token, body })
  const create = async (body) => {
    const res = await call('POST', '', { kafka_topics: ['a.b.c'], ...body })
    assert.equal(res.status, 201, res.text)
    return res.body
  }

  it('keeps what it was given and says where', async () => {
    const given = {
      name: 'Bestellungen – ü', description: 'all of them', mode: 'CDC_ONLY', engine: 'external', kafka_topics: ['shop.public.orders'], topic_prefix: 'shop.',
      source_tables: ['public.orders'], source_schema: 'public', target_schema: 'dw', table_mapping: { 'public.orders': 'o' }, auto_create_target: false,
      tags: ['a', 'b'], debezium_config: { 'x.y': 1 }, sink_config: { z: null },
    }
    const res = await call('POST', '', given)
    assert.equal(res.status, 201)
    assert.equal(res.headers.get('location'), `/api/v1/pipelines/${res.body.id}`)
    const got = (await request(`${server.url}${res.headers.get('location')}`, { token })).body
    assert.deepEqual(got, res.body)
    for (const [key, value] of Object.entries(given)) assert.deepEqual(got[key], key === 'mode' ? 'cdc_only' : value, key)
    assert.deepEqual([got.status, got.full_load_status, got.cdc_status, got.created_by, got.pipeline_id], ['NOT_STARTED', 'NOT_STARTED', 'NOT_STARTED', 'admin', got.id])
    assert.match(got.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    assert.equal(got.stats.total_events, 0)
  })

  it('names every field that is wrong', async () => {
    const res = await call('POST', '', {
      name: '', mode: 'sometimes', engine: 'steam', kafka_topics: ['bad topic'], topic_prefix: '/', source_connection_id: 'x', tags: [1], description: 5, debezium_config: [], auto_create_target: 'yes',
    })
    assert.equal(res.status, 422)
    assert.deepEqual([...new Set(res.body.errors.map((e) => e.field))].sort(), ['auto_create_target', 'debezium_config', 'description', 'engine', 'kafka_topics', 'mode', 'name', 'source_connection_id', 'tags', 'topic_prefix'])
    const bare = await call('POST', '', { name: 'bare' })
    assert.equal(bare.status, 422, 'an external pipeline without topics')
    assert.deepEqual(bare.body.errors.map((e) => e.field), ['kafka_topics'])
    const nul = await call('POST', '', { name: 'a\u0000b', kafka_topics: ['x'] })
    assert.equal(nul.status, 422)
    const stranger = await call('POST', '', { name: 'stranger', kafka_topics: ['x'], source_connection_id: randomUUID() })
    assert.equal(stranger.status, 422, 'a connection that does not exist')
  })

  it('needs both ends of a pipeline that it is to run itself', async () => {
    const res = await call('POST', '', { name: 'connect', engine: 'connect', kafka_topics: ['a'] })
    assert.equal(res.status, 422)
    assert.deepEqual(res.body.errors.map((e) => e.field ?? e.loc?.at(-1)), ['source_connection_id', 'target_connection_id'])
  })

  it('takes a name once, whatever its case, and again when it is free', async () => {
    const { id } = await create({ name: 'Once' })
    assert.equal((await call('POST', '', { name: 'ONCE', kafka_topics: ['x'] })).status, 409)
    assert.equal((await call('DELETE', `/${id}`)).status, 204)
    await create({ name: 'once' })
  })

  it('pages through all of them with Link', async () => {
    for (let i = 0; i < 7; i++) await create({ name: `page ${i}`, description: i % 2 ? 'odd & even' : '' })
    const seen = []
    let next = `/api/v1/pipelines?limit=3&q=${encodeURIComponent('page ')}`
    let pages = 0
    while (next) {
      const res = await request(`${server.url}${next}`, { token })
      assert.equal(res.status, 200, res.text)
      assert.equal(res.headers.get('x-total-count'), '7')
      seen.push(...res.body.map((p) => p.name))
      next = /<([^>]+)>; rel="next"/.exec(res.headers.get('link') ?? '')?.[1]
      pages++
    }
    assert.equal(pages, 3)
    assert.deepEqual(seen, [6, 5, 4, 3, 2, 1, 0].map((i) => `page ${i}`))
    const odd = await request(`${server.url}/api/v1/pipelines?q=${encodeURIComponent('D & e')}`, { token })
    assert.equal(odd.body.length, 3)
    for (const cursor of ['nonsense', 'zz', '61', '617e62']) {
      assert.equal((await request(`${server.url}/api/v1/pipelines?cursor=${cursor}`, { token })).status, 422, cursor)
    }
  })

  it('goes from state to state as the table says', async () => {
    const { id } = await create({ name: 'states' })
    const rows = [
      ['stop', 409, 'NOT_STARTED'], ['pause', 409, 'NOT_STARTED'], ['start', 200, 'RUNNING'], ['start', 200, 'RUNNING'], ['pause', 200, 'PAUSED'],
      ['start', 200, 'RUNNING'], ['pause', 200, 'PAUSED'], ['resume', 200, 'RUNNING'], ['stop', 200, 'STOPPED'], ['stop', 200, 'STOPPED'], ['resume', 409, 'STOPPED'], ['start', 200, 'RUNNING'],
    ]
    for (const [command, status, state] of rows) {
      const res = await call('POST', `/${id}/${command}`)
      assert.equal(res.status, status, `${command}: ${res.text}`)
      assert.equal(status === 200 ? res.body.status : res.body.current_status, state, command)
      assert.equal((await call('GET', `/${id}`)).body.status, state)
    }
    assert.equal((await call('GET', `/${id}`)).body.cdc_status, 'RUNNING')
  })

  it('comes to one result when many command at once', async () => {
    const { id } = await create({ name: 'race' })
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => call('POST', `/${id}/${i % 2 ? 'start' : 'stop'}`)))
    assert.ok(all.every((r) => [200, 409].includes(r.status)), all.map((r) => r.status).join())
    const { status, cdc_status } = (await call('GET', `/${id}`)).body
    assert.ok(['RUNNING', 'STOPPED', 'NOT_STARTED'].includes(status), status)
    assert.equal(cdc_status, status)
  })

  it('deletes softly, and a running one only by force', async () => {
    const { id } = await create({ name: 'short-lived' })
    await call('POST', `/${id}/start`)
    const res = await call('DELETE', `/${id}`)
    assert.equal(res.status, 409)
    assert.equal(res.body.current_status, 'RUNNING')
    assert.equal((await call('DELETE', `/${id}?force=perhaps`)).status, 422)
    assert.equal((await call('DELETE', `/${id}?force=true`)).status, 204)
    assert.equal((await call('GET', `/${id}`)).status, 404)
    assert.equal((await call('DELETE', `/${id}`)).status, 404)
    assert.equal((await call('POST', `/${id}/start`)).status, 404)
    assert.ok((await db.one('SELECT deleted_at FROM pipelines WHERE id = $1', [id])).deleted_at)
  })

  it('says 404 to what is no id and to what does not exist', async () => {
    for (const id of ['nonsense', randomUUID(), '..', '%00', "';--"]) {
      const res = await call('GET', `/${id}`)
      assert.equal(res.status, 404, id)
      if (id !== '..') assert.match(res.body.detail, /not found/i, id)
    }
  })

  it('filters by state and mode', async () => {
    await create({ name: 'loads', mode: 'full_load_and_cdc' })
    const modes = (await request(`${server.url}/api/v1/pipelines?mode=FULL_LOAD_AND_CDC`, { token })).body
    assert.deepEqual(modes.map((p) => p.name), ['loads'])
    const running = (await request(`${server.url}/api/v1/pipelines?status=running`, { token })).body
    assert.ok(running.length > 0 && running.every((p) => p.status === 'RUNNING'))
    assert.equal((await request(`${server.url}/api/v1/pipelines?status=walking`, { token })).status, 422)
  })

  describe('pipeline_status', () => {
    it('tells the room of each change, whoever made it', async () => {
      const { id } = await create({ name: 'watched' })
      const other = await create({ name: 'not watched' })
      const socket = await connect(server.url, token)
      const seen = []
      socket.on('pipeline_status', (s) => seen.push(s))
      const ack = await subscribe(socket, id)
      assert.equal(ack.room, `pipeline_${id}`)
      await call('POST', `/${other.id}/start`)
      await call('POST', `/${id}/start`)
      await until('RUNNING is told', () => seen.at(-1)?.status, (s) => s === 'RUNNING')
      await db.query("UPDATE pipelines SET status = 'ERROR', error_message = 'slot lost' WHERE id = $1", [id])
      await until('ERROR is told', () => seen.at(-1), (s) => s?.status === 'ERROR')
      assert.equal(seen.at(-1).error_message, 'slot lost')
      assert.equal(seen.at(-1).previous_status, 'RUNNING')
      await call('DELETE', `/${id}`)
      await until('the deletion is told', () => seen.at(-1), (s) => s?.deleted === true)
      assert.ok(seen.every((s) => s.pipeline_id === id), 'nothing about another pipeline')
      assert.equal((await ask(socket, 'subscribe_pipeline', id)).error?.code, 'unknown_pipeline')
      socket.close()
    })

    it('lets a client subscribe to a pipeline the moment it exists', async () => {
      const socket = await connect(server.url, token)
      for (let i = 0; i < 10; i++) {
        const { id } = await create({ name: `new ${i}` })
        assert.equal((await ask(socket, 'subscribe_pipeline', { pipeline_id: id, after: 0 })).ok, true)
      }
      socket.close()
    })
  })
})
