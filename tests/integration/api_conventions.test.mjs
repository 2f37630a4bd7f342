// api_conventions.test.mjs - what holds for every resource: changes by PUT and PATCH, lost updates,
// requests that are sent twice, compressed answers.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('conventions of the REST interface', () => {
  let db
  let server
  let token
  before(async () => {
    db = await createDatabase('api_conventions')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, path, body, headers) => request(`${server.url}/api/v1/pipelines${path}`, { method, token, body, headers })
  const create = async (body) => {
    const res = await call('POST', '', { name: randomUUID(), kafka_topics: ['a.b.c'], ...body })
    assert.equal(res.status, 201, res.text)
    return res.body
  }

  it('name a request to PostgreSQL by its id', async () => {
    const id = `request-${randomUUID()}`
    assert.equal((await call('GET', '', undefined, { 'x-request-id': id })).headers.get('x-request-id'), id)
    const { rows } = await db.query('SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1', [`millrace ${id}`.slice(0, 63)])
    assert.equal(rows[0].n, 1)
  })

  it('count each route by itself', async () => {
    const of = async (text) => (await request(`${server.url}/metrics`, { token })).text.split('\n').find((l) => l.startsWith(text))?.split(' ').at(-1)
    const counted = 'millrace_http_responses_total{class="4xx",method="GET",route="/api/v1/pipelines/{id}"}'
    const timed = 'millrace_http_request_seconds_count{method="GET",route="/api/v1/pipelines/{id}"}'
    const [before, times] = [Number(await of(counted)), Number(await of(timed))]
    for (let i = 0; i < 3; i++) assert.equal((await call('GET', `/${randomUUID()}`)).status, 404)
    assert.deepEqual([Number(await of(counted)) - before, Number(await of(timed)) - times], [3, 3])
  })

  describe('PUT and PATCH', () => {
    it('change what is named and leave the rest', async () => {
      const was = await create({ description: 'old', tags: ['a'], debezium_config: { x: 1 }, source_schema: 'public' })
      for (const method of ['PATCH', 'PUT']) {
        const res = await call(method, `/${was.id}`, { description: method, tags: [method], source_schema: null })
        assert.equal(res.status, 200, res.text)
        assert.deepEqual({ ...was, description: method, tags: [method], source_schema: null, updated_at: res.body.updated_at }, res.body)
      }
    })

    it('take back a pipeline as it was read', async () => {
      const was = await create({ mode: 'full_load_and_cdc', topic_prefix: 'shop.', table_mapping: { 'a.b': 'c' }, auto_create_target: false })
      const res = await call('PUT', `/${was.id}`, { ...was, name: `${was.name} 2` })
      assert.equal(res.status, 200, res.text)
      assert.deepEqual(res.body, { ...was, name: `${was.name} 2`, updated_at: res.body.updated_at })
    })

    it('put a field back to what it is when nothing is said, by null', async () => {
      const { id } = await create({ description: 'x', tags: ['x'], mode: 'full_load_only', auto_create_target: false, topic_prefix: 'x.', sink_config: { x: 1 } })
      const { body } = await call('PATCH', `/${id}`, { description: null, tags: null, mode: null, auto_create_target: null, topic_prefix: null, sink_config: null })
      assert.deepEqual([body.description, body.tags, body.mode, body.auto_create_target, body.topic_prefix, body.sink_config], ['', [], 'cdc_only', true, null, {}])
    })

    it('name every field that is wrong, and change nothing then', async () => {
      const was = await create({})
      const res = await call('PATCH', `/${was.id}`, { name: null, mode: 'x', tags: [''], kafka_topics: ['a b'], description: 'kept?', source_tables: 'all', debezium_config: { a: 'x\u0000y' } })
      assert.equal(res.status, 422)
      assert.deepEqual(res.body.errors.map((e) => e.field).sort(), ['debezium_config', 'kafka_topics', 'mode', 'name', 'source_tables', 'tags'])
      const none = await call('PATCH', `/${was.id}`, { kafka_topics: [] })
      assert.equal(none.status, 422, 'then it has no topics at all')
      assert.deepEqual((await call('GET', `/${was.id}`)).body, was)
      assert.equal((await call('PATCH', `/${randomUUID()}`, {})).status, 404)
      assert.equal((await call('PATCH', `/${was.id}`, { source_connection_id: randomUUID() })).status, 422, 'a connection that does not exist')
    })

    it('keep names apart', async () => {
      const [a, b] = [await create({}), await create({})]
      assert.equal((await call('PATCH', `/${a.id}`, { name: b.name.toUpperCase() })).status, 409)
      assert.equal((await call('PATCH', `/${a.id}`, { name: a.name.toUpperCase() })).status, 200, 'its own, spelt otherwise')
    })

    it('do not touch under a running pipeline what its connectors depend on', async () => {
      const was = await create({ source_tables: ['a.b'] })
      await call('POST', `/${was.id}/start`)
      const res = await call('PATCH', `/${was.id}`, { source_tables: ['a.c'], mode: 'full_load_only', description: 'x' })
      assert.equal(res.status, 409)
      assert.equal(res.body.current_status, 'RUNNING')
      assert.match(res.body.detail, /mode, source_tables/)
      assert.equal((await call('PUT', `/${was.id}`, { ...was, description: 'live', kafka_topics: ['a.b.c', 'd'] })).status, 200, 'the rest changes live')
      await call('POST', `/${was.id}/stop`)
      assert.equal((await call('PATCH', `/${was.id}`, { source_tables: ['a.c'] })).status, 200)
    })
  })

  describe('ETag', () => {
    it('says that nothing has changed', async () => {
      const { id } = await create({})
      const first = await call('GET', `/${id}`)
      const etag = first.headers.get('etag')
      assert.match(etag, /^"[0-9a-f]+-[0-9a-f]{16}g?"$/)
      for (const known of [etag, `"x", W/${etag}`, '*']) {
        const again = await call('GET', `/${id}`, undefined, { 'if-none-match': known })
        assert.deepEqual([again.status, again.text, again.headers.get('etag')?.replace('g"', '"')], [304, '', etag.replace('g"', '"')], known)
      }
      await call('POST', `/${id}/start`)
      assert.equal((await call('GET', `/${id}`, undefined, { 'if-none-match': etag })).status, 200, 'its state is shown')
    })

    it('keeps one change from undoing another', async () => {
      const { id } = await create({})
      const etag = (await call('GET', `/${id}`)).headers.get('etag')
      await call('POST', `/${id}/start`) // a state is not a change that a PUT could undo
      const mine = await call('PATCH', `/${id}`, { description: 'mine' }, { 'if-match': etag })
      assert.equal(mine.status, 200, mine.text)
      const late = await call('PATCH', `/${id}`, { description: 'late' }, { 'if-match': etag })
      assert.equal(late.status, 412)
      assert.equal((await call('GET', `/${id}`)).body.description, 'mine')
      for (const [tag, status] of [[mine.headers.get('etag'), 200], ['*', 200], ['nonsense', 412], [`W/${mine.headers.get('etag')}`, 412]]) {
        assert.equal((await call('PATCH', `/${id}`, { description: 'x' }, { 'if-match': tag })).status, status, tag)
        if (status === 200) assert.equal((await db.one('SELECT version FROM pipelines WHERE id = $1', [id])).version > 2, true)
      }
    })

    it('lets one of many changes at once through', async () => {
      const { id } = await create({})
      const etag = (await call('GET', `/${id}`)).headers.get('etag')
      const all = await Promise.all(Array.from({ length: 10 }, (_, i) => call('PATCH', `/${id}`, { description: `${i}` }, { 'if-match': etag })))
      assert.deepEqual(all.map((r) => r.status).sort(), [200, ...Array(9).fill(412)])
    })
  })

  describe('Idempotency-Key', () => {
    const count = async (name) => (await db.one('SELECT count(*)::int AS n FROM pipelines WHERE name = $1', [name])).n

    it('answers a repetition as it answered the first time', async () => {
      const [name, key] = [randomUUID(), randomUUID()]
      const send = () => call('POST', '', { name, kafka_topics: ['x'] }, { 'idempotency-key': key })
      const first = await send()
      assert.equal(first.status, 201)
      assert.equal(first.headers.get('idempotency-replayed'), null)
      const again = await send()
      assert.deepEqual([again.status, again.text, again.headers.get('location'), again.headers.get('etag')], [201, first.text, first.headers.get('location'), first.headers.get('etag')])
      assert.equal(again.headers.get('idempotency-replayed'), 'true')
      assert.equal(await count(name), 1)
    })

    it('does it once for many that come at the same time', async () => {
      const [name, key] = [randomUUID(), randomUUID()]
      const all = await Promise.all(Array.from({ length: 8 }, () => call('POST', '', { name, kafka_topics: ['x'] }, { 'idempotency-key': key })))
      const done = all.filter((r) => r.status === 201)
      assert.ok(all.every((r) => r.status === 201 || r.status === 503), all.map((r) => r.status).join()) // 503: no connection free
      assert.equal(new Set(done.map((r) => r.body.id)).size, 1)
      assert.equal(await count(name), 1)
    })

    it('refuses a key that was used for something else', async () => {
      const key = randomUUID()
      assert.equal((await call('POST', '', { name: randomUUID(), kafka_topics: ['x'] }, { 'idempotency-key': key })).status, 201)
      const other = await call('POST', '', { name: randomUUID(), kafka_topics: ['x'] }, { 'idempotency-key': key })
      assert.equal(other.status, 422)
      assert.match(other.body.detail, /Idempotency-Key/)
      for (const bad of ['a b', 'x'.repeat(256)]) {
        assert.equal((await call('POST', '', { name: randomUUID(), kafka_topics: ['x'] }, { 'idempotency-key': bad })).status, 422, bad)
      }
    })

    it('keeps nothing of a failure, so that it can be tried again', async () => {
      const [name, key] = [randomUUID(), randomUUID()]
      await create({ name })
      const send = () => call('POST', '', { name, kafka_topics: ['x'] }, { 'idempotency-key': key })
      assert.equal((await send()).status, 409)
      await db.query('UPDATE pipelines SET deleted_at = now() WHERE name = $1', [name])
      assert.equal((await send()).status, 201)
      assert.equal((await db.one('SELECT count(*)::int AS n FROM idempotency_keys WHERE key = $1', [key])).n, 1)
    })

    it('serves commands, too', async () => {
      const { id } = await create({})
      const key = randomUUID()
      assert.equal((await call('POST', `/${id}/start`, undefined, { 'idempotency-key': key })).status, 200)
      await call('POST', `/${id}/stop`)
      const again = await call('POST', `/${id}/start`, undefined, { 'idempotency-key': key })
      assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [200, 'true'])
      assert.equal((await call('GET', `/${id}`)).body.status, 'STOPPED', 'it was not started again')
    })

    it('survives kill -9', async () => {
      const [name, key] = [randomUUID(), randomUUID()]
      const send = () => call('POST', '', { name, kafka_topics: ['x'] }, { 'idempotency-key': key })
      const cut = send().catch(() => undefined)
      await until('the row is there, or the answer', () => count(name), (n) => n === 1)
      await server.kill9()
      await cut
      await server.start()
      token = await login(server.url)
      assert.equal((await send()).status, 201)
      assert.equal(await count(name), 1)
    })
  })

  describe('gzip', () => {
    /** The bytes as they come over the wire: fetch would unpack them. */
    const raw = (path, encoding) => new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, ...(encoding ? { 'accept-encoding': encoding } : {}) }
      http.get(`${server.url}${path}`, { headers }, (res) => {
        const parts = []
        res.on('data', (d) => parts.push(d)).on('end', () => resolve({ status: res.statusCode, headers: res.headers, bytes: Buffer.concat(parts) })).on('error', reject)
      }).on('error', reject)
    })

    it('packs JSON over 1 KiB for who takes it', async () => {
      for (let i = 0; i < 5; i++) await create({ description: 'a description '.repeat(20) })
      const plain = await raw('/api/v1/pipelines')
      assert.equal(plain.headers['content-encoding'], undefined)
      assert.match(plain.headers.vary, /accept-encoding/i)
      const packed = await raw('/api/v1/pipelines', 'br;q=1.0, gzip;q=0.8')
      assert.equal(packed.headers['content-encoding'], 'gzip')
      assert.equal(Number(packed.headers['content-length']), packed.bytes.length)
      assert.ok(packed.bytes.length < plain.bytes.length / 3)
      assert.deepEqual(gunzipSync(packed.bytes), plain.bytes)
      assert.equal((await raw('/api/v1/pipelines', 'gzip;q=0')).headers['content-encoding'], undefined)
      assert.equal((await raw('/livez', 'gzip')).headers['content-encoding'], undefined, 'too short')
    })

    it('tells a packed representation from a plain one', async () => {
      const { id } = await create({ description: 'long '.repeat(300) })
      const plain = await raw(`/api/v1/pipelines/${id}`)
      const packed = await raw(`/api/v1/pipelines/${id}`, 'gzip')
      assert.equal(packed.headers.etag, plain.headers.etag.replace(/"$/, 'g"'))
      const change = await call('PATCH', `/${id}`, { description: '' }, { 'if-match': packed.headers.etag })
      assert.equal(change.status, 200, 'either names the version')
    })
  })
})
