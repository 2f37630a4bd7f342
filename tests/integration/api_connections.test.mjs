// api_connections.test.mjs - connections through REST: what is kept, what is shown, what is never.
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { runMillrace, startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'

const PASSWORD = 'hunter2-not-to-be-seen'
const key = () => randomBytes(32).toString('base64')
const postgres = (more) => ({ name: 'shop', connection_type: 'source', database_type: 'postgresql', host: 'db.example.com', database: 'shop', username: 'cdc', password: PASSWORD, ...more })

describe('connections', () => {
  let db
  let server
  let token
  const first = key()
  before(async () => {
    db = await createDatabase('api_connections')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_SECRET_KEY: first, MILLRACE_LOG_LEVEL: 'debug' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, path = '', body = undefined, headers = {}) => request(`${server.url}/api/v1/connections${path}`, { method, token, body, headers })
  const create = async (body) => {
    const res = await call('POST', '', postgres(body))
    assert.equal(res.status, 201, res.text)
    return res.body
  }

  it('keeps what it was given, says where, and shows no password', async () => {
    const given = {
      name: 'Lager – ü', connection_type: 'TARGET', database_type: 'MariaDB', host: '::1', port: 3307, database: 'lager', username: 'w', schema: 'dw', ssl_mode: 'VERIFY-full',
      ssl_root_cert: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n', options: { connect_timeout: 3, 'a.b': 'c', on: true, off: null },
    }
    const res = await call('POST', '', { ...given, password: PASSWORD })
    assert.equal(res.status, 201, res.text)
    assert.equal(res.headers.get('location'), `/api/v1/connections/${res.body.id}`)
    assert.ok(res.headers.get('etag'))
    const got = (await call('GET', `/${res.body.id}`)).body
    assert.deepEqual(got, res.body)
    const stored = { ...given, connection_type: 'target', database_type: 'mariadb', ssl_mode: 'verify-full' }
    for (const [field, value] of Object.entries(stored)) assert.deepEqual(got[field], value, field)
    assert.equal(got.has_password, true)
    assert.equal(got.created_by, 'admin')
    assert.ok(!('password' in got))
    assert.ok(!res.text.includes(PASSWORD))
  })

  it('takes the usual port when none is named', async () => {
    for (const [type, port] of [['postgresql', 5432], ['mysql', 3306], ['mariadb', 3306], ['sqlserver', 1433], ['oracle', 1521], ['mongodb', 27017]]) {
      assert.equal((await create({ name: `port ${type}`, database_type: type })).port, port)
    }
  })

  it('names every field that is wrong', async () => {
    const res = await call('POST', '', { name: '', connection_type: 'both', database_type: 'paper', host: '/var/run', port: 0, database: 5, username: 'a\u0000', ssl_mode: 'perhaps', ssl_root_cert: 'x', options: [], password: '' })
    assert.equal(res.status, 422)
    assert.deepEqual([...new Set(res.body.errors.map((e) => e.field))].sort(), ['connection_type', 'database', 'database_type', 'host', 'name', 'options', 'password', 'port', 'ssl_mode', 'ssl_root_cert', 'username'])
    const bare = await call('POST', '', {})
    assert.deepEqual(bare.body.errors.map((e) => e.field).sort(), ['connection_type', 'database', 'database_type', 'host', 'name', 'username'])
    for (const host of ['a,b', 'a b', 'http://a', '-a', 'a;b', "a' x=y", '[::1]', ':::', 'fe80::1%eth0']) assert.equal((await call('POST', '', postgres({ name: 'host', host }))).status, 422, host)
    for (const options of [{ 'database.password': 'x' }, { deep: {} }, { list: [] }, Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, i]))]) {
      const refused = await call('POST', '', postgres({ name: 'options', options }))
      assert.equal(refused.status, 422)
      assert.deepEqual(refused.body.errors.map((e) => e.field), ['options'])
    }
  })

  it('takes a name once, whatever its case, and again when it is free', async () => {
    const { id } = await create({ name: 'Once' })
    assert.equal((await call('POST', '', postgres({ name: 'ONCE' }))).status, 409)
    assert.equal((await call('DELETE', `/${id}`)).status, 204)
    const { id: other } = await create({ name: 'once' })
    await create({ name: 'twice' })
    assert.equal((await call('PATCH', `/${other}`, { name: 'Twice' })).status, 409)
  })

  it('changes what is said and leaves the rest, the password above all', async () => {
    const { id } = await create({ name: 'changes', schema: 'public' })
    const before = await db.one('SELECT password_cipher FROM connections WHERE id = $1', [id])
    const read = (await call('GET', `/${id}`))
    const put = await call('PUT', `/${id}`, { ...read.body, host: 'other.example.com' }, { 'if-match': read.headers.get('etag') })
    assert.equal(put.status, 200, put.text)
    assert.deepEqual([put.body.host, put.body.schema, put.body.has_password], ['other.example.com', 'public', true])
    assert.deepEqual(await db.one('SELECT password_cipher FROM connections WHERE id = $1', [id]), before)
    assert.equal((await call('PATCH', `/${id}`, { host: 'x' }, { 'if-match': read.headers.get('etag') })).status, 412)
    const patched = await call('PATCH', `/${id}`, { schema: null, port: null, database_type: 'mysql', options: null, ssl_mode: null, password: 'another' })
    assert.deepEqual([patched.body.schema, patched.body.port, patched.body.options, patched.body.ssl_mode], [null, 3306, {}, 'prefer'])
    assert.notDeepEqual(await db.one('SELECT password_cipher FROM connections WHERE id = $1', [id]), before)
    assert.equal((await call('PATCH', `/${id}`, { password: null })).body.has_password, false)
    assert.equal((await call('PATCH', `/${id}`, { name: null })).status, 422)
    for (const missing of [randomUUID(), 'nonsense']) assert.equal((await call('PATCH', `/${missing}`, {})).status, 404)
  })

  it('pages and filters', async () => {
    for (let i = 0; i < 5; i++) await create({ name: `page ${i}`, connection_type: i % 2 ? 'target' : 'source', host: `h${i}.page.example` })
    const seen = []
    let next = `/api/v1/connections?limit=2&q=${encodeURIComponent('PAGE ')}`
    while (next) {
      const res = await request(`${server.url}${next}`, { token })
      assert.equal(res.headers.get('x-total-count'), '5')
      seen.push(...res.body.map((p) => p.name))
      next = /<([^>]+)>; rel="next"/.exec(res.headers.get('link') ?? '')?.[1]
    }
    assert.deepEqual(seen, [4, 3, 2, 1, 0].map((i) => `page ${i}`))
    assert.equal((await call('GET', '?q=page.example&type=Target')).body.length, 2)
    assert.ok((await call('GET', '?database_type=ORACLE')).body.every((c) => c.database_type === 'oracle'))
    for (const query of ['type=both', 'database_type=x', 'limit=0', 'cursor=zz', 'cursor=617e62']) assert.equal((await call('GET', `?${query}`)).status, 422, query)
  })

  it('is not deleted while a pipeline uses it, and says which', async () => {
    const { id } = await create({ name: 'used' })
    const pipeline = (body) => request(`${server.url}/api/v1/pipelines`, { method: 'POST', token, body: { kafka_topics: ['a'], ...body } })
    const made = await pipeline({ name: 'a "user"', source_connection_id: id })
    await pipeline({ name: 'b user', target_connection_id: id })
    const res = await call('DELETE', `/${id}`)
    assert.equal(res.status, 409)
    assert.deepEqual(res.body.pipelines, ['a "user"', 'b user'])
    assert.match(res.body.detail, /a "user", b user/)
    for (const row of (await request(`${server.url}/api/v1/pipelines`, { token })).body) await request(`${server.url}/api/v1/pipelines/${row.id}`, { method: 'DELETE', token })
    assert.equal((await call('DELETE', `/${id}`)).status, 204)
    assert.equal((await call('GET', `/${id}`)).status, 404)
    assert.equal((await call('DELETE', `/${id}`)).status, 404)
    assert.equal((await db.one('SELECT password_cipher FROM connections WHERE id = $1', [id])).password_cipher, null, 'it is forgotten')
    assert.equal(made.status, 201)
    assert.equal((await pipeline({ name: 'too late', source_connection_id: id })).status, 422)
  })

  it('seals the password, and turns to a new key while it is in use', async () => {
    const { id } = await create({ name: 'sealed' })
    const row = await db.one('SELECT password_cipher, password_key_id, t::text AS whole FROM connections t WHERE id = $1', [id])
    assert.ok(!row.whole.includes(PASSWORD) && !row.password_cipher.toString('latin1').includes(PASSWORD))
    const second = key()
    const missing = await runMillrace(['secrets', 'rotate'], { databaseUrl: db.url, env: { MILLRACE_SECRET_KEY: second } })
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /could not be opened/)
    const turned = await runMillrace(['secrets', 'rotate'], { databaseUrl: db.url, env: { MILLRACE_SECRET_KEY: `${second},${first}` } })
    assert.equal(turned.code, 0, turned.stderr)
    const now = await db.rows('SELECT DISTINCT password_key_id AS id FROM connections WHERE password_cipher IS NOT NULL')
    assert.equal(now.length, 1)
    assert.notEqual(now[0].id, row.password_key_id)
    assert.match((await runMillrace(['secrets', 'rotate'], { databaseUrl: db.url, env: { MILLRACE_SECRET_KEY: second } })).stdout, /^0 passwords/)
    assert.equal((await runMillrace(['secrets', 'rotate'], { databaseUrl: db.url, env: {} })).code, 1)
    for (const words of [['secrets'], ['secrets', 'show']]) assert.equal((await runMillrace(words, { databaseUrl: db.url })).code, 2)
  })

  it('never tells a password: not in a log, not in the audit, not in an answer', async () => {
    await call('POST', '', postgres({ name: 'x'.repeat(300) }))
    const audit = await request(`${server.url}/api/v1/audit?limit=1000`, { token })
    assert.ok(audit.body.some((e) => e.action === 'connection.create'), 'the audit tells of it')
    assert.ok(!audit.text.includes(PASSWORD))
    assert.ok(!server.log().includes(PASSWORD))
    assert.ok(!JSON.stringify(await db.rows('SELECT t::text FROM connections t')).includes(PASSWORD))
  })

  it('refuses a password when there is no key to seal it with', async () => {
    const keyless = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_SECRET_KEY: '' } })
    try {
      const mine = await login(keyless.url)
      const post = (body) => request(`${keyless.url}/api/v1/connections`, { method: 'POST', token: mine, body })
      const res = await post(postgres({ name: 'keyless' }))
      assert.equal(res.status, 422)
      assert.match(res.body.errors[0].message, /MILLRACE_SECRET_KEY/)
      assert.equal((await post(postgres({ name: 'keyless', password: undefined }))).status, 201)
    } finally {
      await keyless.stop()
    }
    const bad = await runMillrace(['serve'], { databaseUrl: db.url, env: { MILLRACE_SECRET_KEY: 'short' } })
    assert.equal(bad.code, 1)
    assert.match(bad.stderr, /MILLRACE_SECRET_KEY/)
    assert.ok(!bad.stderr.includes('short'))
  })
})
