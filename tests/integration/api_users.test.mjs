// api_users.test.mjs - users through REST, one's own password, and the audit log of all of it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { ADMIN, startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'

describe('users and the audit log', () => {
  let db
  let server
  let token
  before(async () => {
    db = await createDatabase('api_users')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_BCRYPT_COST: '4' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, path, body, options = {}) => request(`${server.url}/api/v1${path}`, { method, token, body, ...options })
  const add = async (username, role = 'viewer', password = 'a good password') => {
    const res = await call('POST', '/users', { username, role, password })
    assert.equal(res.status, 201, res.text)
    return { ...res.body, password }
  }

  it('are added, shown, changed and removed', async () => {
    const made = await call('POST', '/users', { username: 'Vera', role: 'VIEWER', password: 'a good password' })
    assert.equal(made.status, 201, made.text)
    assert.deepEqual(Object.keys(made.body).sort(), ['created_at', 'disabled', 'id', 'role', 'updated_at', 'username'])
    assert.deepEqual([made.body.username, made.body.role, made.body.disabled], ['Vera', 'viewer', false])
    const at = made.headers.get('location')
    assert.deepEqual((await request(`${server.url}${at}`, { token })).body, made.body)
    assert.deepEqual((await call('GET', '/users')).body.map((u) => u.username), ['admin', 'Vera'])
    await login(server.url, { username: 'vera', password: 'a good password' })
    const changed = await call('PATCH', `/users/${made.body.id}`, { role: 'operator', password: 'a better password' })
    assert.equal(changed.status, 200, changed.text)
    assert.equal(changed.body.role, 'operator')
    await login(server.url, { username: 'vera', password: 'a better password' })
    assert.equal((await call('DELETE', `/users/${made.body.id}`)).status, 204)
    assert.equal((await call('GET', `/users/${made.body.id}`)).status, 404)
    assert.equal((await call('DELETE', `/users/${made.body.id}`)).status, 404)
  })

  it('are refused with every fault at once, and a name once', async () => {
    const res = await call('POST', '/users', { username: '', role: 'king', password: 'short' })
    assert.equal(res.status, 422)
    assert.deepEqual(res.body.errors.map((e) => e.field).sort(), ['password', 'role', 'username'])
    assert.deepEqual((await call('POST', '/users', {})).body.errors.map((e) => e.field).sort(), ['password', 'role', 'username'])
    assert.equal((await call('POST', '/users', { username: 'long', role: 'viewer', password: 'x'.repeat(73) })).status, 422, 'bcrypt reads 72 bytes')
    await add('Twice')
    assert.equal((await call('POST', '/users', { username: 'TWICE', role: 'viewer', password: 'a good password' })).status, 409)
    assert.equal((await call('PATCH', `/users/${randomUUID()}`, { role: 'viewer' })).status, 404)
  })

  it('stay signed out when they are disabled', async () => {
    const u = await add('dora', 'operator')
    const { refresh_token } = (await request(`${server.url}/auth/login`, { method: 'POST', body: u })).body
    assert.equal((await call('PATCH', `/users/${u.id}`, { disabled: true })).status, 200)
    assert.equal((await request(`${server.url}/auth/refresh`, { method: 'POST', body: { refresh_token } })).status, 401)
    assert.equal((await request(`${server.url}/auth/login`, { method: 'POST', body: u })).status, 401)
    assert.equal((await call('PATCH', `/users/${u.id}`, { disabled: false })).status, 200)
    await login(server.url, u)
  })

  it('always leave somebody who may administrate', async () => {
    const me = (await call('GET', '/auth/me')).body
    for (const [method, body] of [['DELETE'], ['PATCH', { role: 'viewer' }], ['PATCH', { disabled: true }]]) {
      const res = await call(method, `/users/${me.id}`, body)
      assert.equal(res.status, 409, res.text)
      assert.match(res.body.detail, /last/)
    }
    // Two who remove each other at the same moment.
    const second = await add('second', 'admin')
    const its = await login(server.url, second)
    const both = await Promise.all([call('PATCH', `/users/${me.id}`, { role: 'viewer' }, { token: its }), call('PATCH', `/users/${second.id}`, { role: 'viewer' })])
    assert.deepEqual(both.map((r) => r.status).sort(), [200, 409])
    await db.query("UPDATE users SET role = 'admin' WHERE id = $1", [me.id])
    await call('DELETE', `/users/${second.id}`)
  })

  it('change their own password, with the old one', async () => {
    const u = await add('olga')
    const its = await login(server.url, u)
    const { refresh_token } = (await request(`${server.url}/auth/login`, { method: 'POST', body: u })).body
    const change = (body) => request(`${server.url}/auth/password`, { method: 'POST', token: its, body })
    assert.equal((await change({ current_password: 'wrong', new_password: 'another password' })).status, 403)
    assert.equal((await change({ current_password: u.password, new_password: 'short' })).status, 422)
    assert.equal((await change({ current_password: u.password, new_password: 'another password' })).status, 204)
    assert.equal((await request(`${server.url}/auth/refresh`, { method: 'POST', body: { refresh_token } })).status, 401)
    await login(server.url, { username: 'olga', password: 'another password' })
    const tries = []
    for (let i = 0; i < 8; i++) tries.push((await change({ current_password: `guess ${i}`, new_password: 'another password' })).status)
    assert.ok(tries.includes(429), tries.join())
    assert.equal((await request(`${server.url}/auth/password`, { method: 'POST', body: {} })).status, 401)
  })

  it('are for administrators alone, and so is the audit log', async () => {
    const its = await login(server.url, await add('nosy', 'operator'))
    for (const [method, path] of [['GET', '/users'], ['POST', '/users'], ['GET', `/users/${randomUUID()}`], ['PATCH', `/users/${randomUUID()}`], ['DELETE', `/users/${randomUUID()}`], ['GET', '/audit'], ['GET', '/audit/verify']]) {
      assert.equal((await call(method, path, method === 'GET' || method === 'DELETE' ? undefined : {}, { token: its })).status, 403, `${method} ${path}`)
    }
  })

  describe('API keys', () => {
    const make = async (scopes, more = {}) => {
      const res = await call('POST', '/api-keys', { name: 'a machine', scopes, ...more })
      assert.equal(res.status, 201, res.text)
      return res.body
    }
    const as = (key, method, path, body, headers = {}) => request(`${server.url}${path}`, { method, body, headers: { 'x-api-key': key, ...headers } })

    it('are shown once and kept as hashes', async () => {
      const made = await make(['pipelines:read'])
      assert.match(made.key, /^mr_[A-Za-z0-9_-]{43}$/)
      assert.ok(made.key.startsWith(made.prefix) && made.prefix.length === 11)
      const listed = (await call('GET', '/api-keys')).text
      assert.ok(listed.includes(made.prefix) && !listed.includes(made.key))
      const { n } = await db.one("SELECT count(*)::int AS n FROM api_keys k, audit_log l WHERE k::text LIKE '%' || $1 || '%' OR l::text LIKE '%' || $1 || '%'", [made.key.slice(12)])
      assert.equal(n, 0)
      assert.ok(!server.log(1000).includes(made.key.slice(12)))
    })

    it('open what their scopes say, either way they are sent', async () => {
      const { key } = await make(['pipelines:operate', 'monitoring:read', 'metrics:read'])
      assert.equal((await request(`${server.url}/api/v1/pipelines`, { token: key })).status, 200, 'as a bearer token')
      for (const [method, path, status] of [['GET', '/api/v1/pipelines', 200], ['POST', '/api/v1/pipelines', 403], ['POST', `/api/v1/pipelines/${randomUUID()}/start`, 404],
        ['GET', '/api/v1/monitoring/events', 200], ['GET', '/metrics', 200], ['GET', '/api/v1/users', 403], ['GET', '/api/v1/audit', 403], ['GET', '/api/v1/api-keys', 403]]) {
        const res = await as(key, method, path, method === 'POST' ? { name: 'x', kafka_topics: ['x'] } : undefined)
        assert.equal(res.status, status, `${method} ${path}: ${res.text.slice(0, 200)}`)
      }
    })

    it('never do more than their owner may', async () => {
      const u = await add('machinist', 'viewer')
      const its = await login(server.url, u)
      const { key } = (await call('POST', '/api-keys', { name: 'wide', scopes: ['*:write'] }, { token: its })).body
      assert.equal((await as(key, 'GET', '/api/v1/pipelines')).status, 200)
      assert.equal((await as(key, 'POST', '/api/v1/pipelines', { name: 'x', kafka_topics: ['x'] })).status, 403)
      assert.equal((await as(key, 'POST', '/api/v1/api-keys', { name: 'x', scopes: ['*:write'] })).status, 403, 'no key makes another')
      assert.equal((await as(key, 'POST', '/auth/password', { current_password: u.password, new_password: 'a new password' })).status, 403)
      assert.deepEqual((await call('GET', '/api-keys', undefined, { token: its })).body.map((k) => k.name), ['wide'], 'one sees their own')
      await call('PATCH', `/users/${u.id}`, { disabled: true })
      assert.equal((await as(key, 'GET', '/api/v1/pipelines')).status, 401)
    })

    it('end when they expire or are revoked', async () => {
      const short = await make(['*:read'], { expires_at: new Date(Date.now() - 1000).toISOString() })
      assert.equal((await as(short.key, 'GET', '/api/v1/pipelines')).status, 401)
      const made = await make(['*:read'])
      assert.equal((await as(made.key, 'GET', '/api/v1/pipelines')).status, 200)
      assert.ok((await call('GET', '/api-keys')).body.find((k) => k.id === made.id).last_used_at)
      assert.equal((await call('DELETE', `/api-keys/${made.id}`)).status, 204)
      const res = await as(made.key, 'GET', '/api/v1/pipelines')
      assert.equal(res.status, 401)
      assert.match(res.headers.get('www-authenticate'), /Bearer/)
      for (const key of ['mr_', 'mr_nonsense', `mr_${'x'.repeat(43)}`, 'nonsense', `mr_${'x'.repeat(5000)}`]) assert.equal((await as(key, 'GET', '/metrics')).status, 401, key)
    })

    it('are refused with what is wrong', async () => {
      for (const [body, field] of [[{ scopes: ['*:read'] }, 'name'], [{ name: 'x', scopes: [] }, 'scopes'], [{ name: 'x', scopes: ['all'] }, 'scopes'], [{ name: 'x', scopes: ['*:fly'] }, 'scopes'], [{ name: 'x', scopes: ['a,b:read'] }, 'scopes'], [{ name: 'x' }, 'scopes']]) {
        const res = await call('POST', '/api-keys', body)
        assert.equal(res.status, 422)
        assert.deepEqual([...new Set(res.body.errors.map((e) => e.field))], [field], JSON.stringify(body))
      }
      assert.equal((await call('POST', '/api-keys', { name: 'x', scopes: ['*:read'], expires_at: 'tomorrow-ish' })).status, 422)
      assert.equal((await call('DELETE', `/api-keys/${randomUUID()}`)).status, 404)
    })

    it('keep no copy under an Idempotency-Key', async () => {
      const send = () => call('POST', '/api-keys', { name: 'x', scopes: ['*:read'] }, { headers: { 'idempotency-key': 'k' } })
      assert.notEqual((await send()).body.key, (await send()).body.key)
      assert.equal((await db.one('SELECT count(*)::int AS n FROM idempotency_keys')).n, 0)
    })
  })

  describe('the audit log', () => {
    const entries = async (query) => (await call('GET', `/audit?${query}`)).body

    it('tells who did what, when and from where, before and after', async () => {
      const id = (await call('POST', '/pipelines', { name: 'audited', kafka_topics: ['a'], debezium_config: { 'database.password': 'hunter2', 'database.user': 'u', nested: [{ API_KEY: 'k', has_password: true }] } }, { headers: { 'x-request-id': 'req-1' } })).body.id
      await call('PATCH', `/pipelines/${id}`, { description: 'x' })
      await call('POST', `/pipelines/${id}/start`)
      await call('POST', `/pipelines/${id}/start`) // nothing happens, so nothing is told
      await call('POST', `/pipelines/${id}/pause`)
      assert.equal((await call('DELETE', `/pipelines/${id}`)).status, 409) // it did not happen
      await call('DELETE', `/pipelines/${id}?force=true`)
      const list = await entries(`resource_type=pipeline&resource_id=${id}`)
      assert.deepEqual(list.map((e) => e.action), ['pipeline.delete', 'pipeline.pause', 'pipeline.start', 'pipeline.change', 'pipeline.create'])
      const made = list.at(-1)
      assert.deepEqual([made.actor, made.addr, made.request_id, made.before], ['admin', '127.0.0.1', 'req-1', null])
      assert.deepEqual(made.after.debezium_config, { 'database.password': '***', 'database.user': 'u', nested: [{ API_KEY: '***', has_password: true }] })
      assert.deepEqual([list[1].before, list[1].after], [{ status: 'RUNNING' }, { status: 'PAUSED' }])
      assert.deepEqual([list[3].before.description, list[3].after.description], ['', 'x'])
      assert.match(made.at, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z$/)
    })

    it('never holds a password', async () => {
      const u = await add('quiet', 'viewer', 'unspeakable words')
      await call('PATCH', `/users/${u.id}`, { password: 'unspeakable words too' })
      assert.deepEqual((await entries(`resource_id=${u.id}`)).map((e) => e.action), ['user.password', 'user.create'])
      const { n } = await db.one("SELECT count(*)::int AS n FROM audit_log l WHERE l::text LIKE '%unspeakable%' OR l::text LIKE '%$2b$%'")
      assert.equal(n, 0)
      assert.ok(!server.log(1000).includes('unspeakable'))
    })

    it('is paged and filtered', async () => {
      const all = []
      let next = '/api/v1/audit?limit=7'
      while (next) {
        const res = await request(`${server.url}${next}`, { token })
        assert.equal(res.status, 200, res.text)
        all.push(...res.body)
        next = /<([^>]+)>; rel="next"/.exec(res.headers.get('link') ?? '')?.[1]
      }
      assert.deepEqual(all.map((e) => e.id), Array.from({ length: all.length }, (_, i) => all.length - i))
      assert.ok((await entries('action=user.create')).every((e) => e.action === 'user.create'))
      assert.deepEqual(await entries('actor=nobody'), [])
      assert.deepEqual(await entries('to=2020-01-01'), [])
      assert.equal((await entries(`from=2020-01-01&limit=1000`)).length, all.length)
      assert.equal((await call('GET', '/audit?from=yesterday')).status, 422)
      assert.equal((await call('GET', '/audit?cursor=787e79')).status, 422)
    })

    it('is exported as CSV and as lines of JSON', async () => {
      await add('=1+1|"quoted"')
      const csv = await call('GET', '/audit', undefined, { headers: { accept: 'text/csv' } })
      assert.match(csv.headers.get('content-type'), /^text\/csv/)
      assert.match(csv.headers.get('content-disposition'), /audit\.csv/)
      const lines = csv.text.trimEnd().split('\r\n')
      assert.equal(lines[0], 'id,at,actor,addr,request_id,action,resource_type,resource_id,before,after,hash')
      assert.match(lines[1], /"user\.create"/)
      const nd = await call('GET', '/audit?limit=5', undefined, { headers: { accept: 'application/x-ndjson' } })
      assert.equal(nd.text.trimEnd().split('\n').map((l) => JSON.parse(l)).length, 5)
    })

    it('shows what was changed in it or taken out of it', async () => {
      assert.deepEqual((await call('GET', '/audit/verify')).body, { intact: true, entries: (await entries('limit=1'))[0].id, first_broken_id: null })
      await assert.rejects(db.query("UPDATE audit_log SET actor = 'nobody' WHERE id = 2"), /only ever added to/)
      await assert.rejects(db.query('DELETE FROM audit_log'), /only ever added to/)
      await db.query("SET session_replication_role = replica; UPDATE audit_log SET actor = 'nobody' WHERE id = 2; SET session_replication_role = origin").catch(() => db.query("ALTER TABLE audit_log DISABLE TRIGGER audit_log_stands; UPDATE audit_log SET actor = 'nobody' WHERE id = 2"))
      const res = (await call('GET', '/audit/verify')).body
      assert.deepEqual([res.intact, res.first_broken_id], [false, 2])
    })
  })

  it('go on from the same audit log after a restart', async () => {
    const before = (await call('GET', '/audit?limit=1')).body[0].id
    await server.restart()
    token = await login(server.url, ADMIN)
    await add('later')
    assert.equal((await call('GET', '/audit?limit=1')).body[0].id, before + 1)
  })
})
