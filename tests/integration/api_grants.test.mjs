// api_grants.test.mjs - who may do what: every route of the contract × every role × every grant, and what a
// grant of "none" hides: lists, events, sums, rooms.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect, login, request, subscribe } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase, root } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const contract = JSON.parse(readFileSync(path.join(root, 'server/api/openapi.json'), 'utf8'))
const ranks = { none: 0, viewer: 1, operator: 2, admin: 3 }
const password = 'a good password'

describe('grants', () => {
  let db
  let server
  let admin
  const users = {}
  before(async () => {
    db = await createDatabase('api_grants')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', REDIS_URL: redisDatabase(13).url, MILLRACE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') } })
    admin = await login(server.url)
    for (const role of ['viewer', 'operator', 'admin']) {
      const made = await request(`${server.url}/api/v1/users`, { method: 'POST', token: admin, body: { username: `a_${role}`, role, password } })
      assert.equal(made.status, 201, made.text)
      users[role] = { ...made.body, token: await login(server.url, { username: `a_${role}`, password }) }
    }
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, at, { token = admin, ...rest } = {}) => request(`${server.url}${at}`, { method, token: token ?? undefined, ...rest })
  const make = async (kind) => {
    const name = randomUUID()
    const body = kind === 'pipeline' ? { name, kafka_topics: [name] }
      : { name, connection_type: 'source', database_type: 'postgresql', host: '127.0.0.1', port: 1, database: 'd', username: 'u' }
    const made = await call('POST', `/api/v1/${kind}s`, { body })
    assert.equal(made.status, 201, made.text)
    return made.body.id
  }
  const grant = async (kind, id, grants) => {
    const set = await call('PUT', `/api/v1/${kind}s/${id}/permissions`, { body: { grants: Object.entries(grants).map(([user, role]) => (user.startsWith('a_') ? { username: user, role } : { user_id: users[user]?.id ?? user, role })) } })
    assert.equal(set.status, 200, set.text)
    return set.body
  }

  // What the route table says of a user with this role and this grant: 401, 403, 404, or through.
  const expected = (route, role, granted) => {
    if (!route.role) return 'through'
    if (role === null) return 401
    const has = route.grants && granted && role !== 'admin' ? granted : role
    if (has === 'none') return 404
    return ranks[has] >= ranks[route.role] ? 'through' : 403
  }
  const routes = Object.entries(contract.paths).flatMap(([at, methods]) => Object.entries(methods)
    .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
    .map(([method, op]) => ({ at, method: method.toUpperCase(), role: op['x-role'], grants: op['x-grants'] })))

  it('are as the route table says, for every route, role and grant', async () => {
    const wrong = []
    let n = 0
    const spare = {} // resources are used up by DELETE alone
    for (const route of routes) {
      for (const role of [null, 'viewer', 'operator', 'admin']) {
        for (const granted of route.grants && role ? [undefined, 'none', 'viewer', 'operator', 'admin'] : [undefined]) {
          let id = randomUUID()
          if (route.grants) {
            id = spare[route.grants] ??= await make(route.grants)
            if (role) await grant(route.grants, id, granted ? { [role]: granted } : {})
          }
          const body = ['POST', 'PUT', 'PATCH'].includes(route.method) && role === null ? {} : undefined
          const res = await call(route.method, route.at.replace('{id}', id), { token: role ? users[role].token : null, body })
          const want = expected(route, role, granted)
          const through = res.status !== 401 && res.status !== 403 && !(res.status === 404 && route.grants)
          // A sign-in without credentials, and one's own password without the old one, are 4xx of their own.
          const own = /\/auth\//.test(route.at)
          n++
          if (want === 'through' ? !through && !own : res.status !== want) wrong.push(`${route.method} ${route.at} as ${role}, granted ${granted}: ${res.status}, not ${want}: ${res.text.slice(0, 100)}`)
          if (route.method === 'DELETE' && res.status === 204) delete spare[route.grants]
        }
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(n > 300, `${n} combinations`)
  })

  it('are shown, replaced as a whole, checked, and written to the audit log', async () => {
    const id = await make('pipeline')
    const shown = await grant('pipeline', id, { viewer: 'operator', a_operator: 'NONE' })
    assert.deepEqual(shown.grants.map((g) => [g.username, g.role, g.granted_by]), [['a_operator', 'none', 'admin'], ['a_viewer', 'operator', 'admin']])
    const first = shown.grants[1].granted_at
    assert.deepEqual((await call('GET', `/api/v1/pipelines/${id}/permissions`)).body, shown)
    const again = await grant('pipeline', id, { viewer: 'operator' })
    assert.deepEqual(again.grants.map((g) => [g.username, g.granted_at]), [['a_viewer', first]], 'what stays keeps its date')
    for (const [body, field] of [[{}, 'grants'], [{ grants: [1] }, 'grants[0]'], [{ grants: [{ role: 'viewer' }] }, 'grants[0].user_id'],
      [{ grants: [{ username: 'a_viewer', role: 'king' }] }, 'grants[0].role'], [{ grants: Array(1001).fill({ username: 'a_viewer', role: 'none' }) }, 'grants']]) {
      const res = await call('PUT', `/api/v1/pipelines/${id}/permissions`, { body })
      assert.equal(res.status, 422, res.text)
      assert.equal(res.body.errors[0].field, field)
    }
    const nobody = await call('PUT', `/api/v1/pipelines/${id}/permissions`, { body: { grants: [{ username: 'nobody', role: 'viewer' }] } })
    assert.equal(nobody.status, 422)
    assert.match(nobody.body.detail, /nobody/)
    assert.equal((await call('GET', `/api/v1/pipelines/${id}/permissions`)).body.grants.length, 1, 'a refused change changes nothing')
    assert.equal((await call('PUT', `/api/v1/pipelines/${randomUUID()}/permissions`, { body: { grants: [] } })).status, 404)
    const entries = (await call('GET', `/api/v1/audit?resource_id=${id}`)).body.filter((e) => e.action === 'pipeline.permissions')
    assert.equal(entries.length, 2)
    assert.deepEqual([entries[0].before.grants.length, entries[0].after.grants.length], [2, 1])
  })

  it('of a whole resource let its own administrator grant, change and delete, and nobody else\'s', async () => {
    const mine = await make('pipeline')
    const other = await make('pipeline')
    await grant('pipeline', mine, { viewer: 'admin' })
    const token = users.viewer.token
    assert.equal((await call('PATCH', `/api/v1/pipelines/${mine}`, { token, body: { description: 'by its own' } })).status, 200)
    assert.equal((await call('PATCH', `/api/v1/pipelines/${other}`, { token, body: { description: 'no' } })).status, 403)
    const set = await call('PUT', `/api/v1/pipelines/${mine}/permissions`, { token, body: { grants: [{ username: 'a_viewer', role: 'admin' }, { username: 'a_operator', role: 'none' }] } })
    assert.equal(set.status, 200, set.text)
    assert.equal((await call('GET', `/api/v1/pipelines/${mine}`, { token: users.operator.token })).status, 404)
    assert.equal((await call('DELETE', `/api/v1/pipelines/${mine}`, { token })).status, 204)
    assert.equal((await call('POST', '/api/v1/pipelines', { token, body: { name: 'x', kafka_topics: ['x'] } })).status, 403)
  })

  it('of none hide a pipeline from lists, events, sums and dead letters', async () => {
    const seen = await make('pipeline')
    const hidden = await make('pipeline')
    for (const id of [seen, hidden]) {
      await db.query(`INSERT INTO pipeline_counters (pipeline_id, insert_count) VALUES ($1, 5) ON CONFLICT (pipeline_id) DO UPDATE SET insert_count = 5`, [id])
    }
    await grant('pipeline', hidden, { viewer: 'none' })
    const token = users.viewer.token
    const ids = async (as) => (await call('GET', '/api/v1/pipelines?limit=1000', { token: as })).body.map((p) => p.id)
    assert.ok(!(await ids(token)).includes(hidden) && (await ids(token)).includes(seen))
    assert.ok((await ids(admin)).includes(hidden) && (await ids(users.operator.token)).includes(hidden))
    const total = await call('GET', '/api/v1/pipelines?limit=1', { token })
    assert.equal(Number(total.headers.get('x-total-count')), (await ids(token)).length)
    for (const at of ['events', 'dashboard', 'dead-letters', 'analytics', 'top-keys']) {
      const res = await call('GET', `/api/v1/monitoring/${at}?pipeline_id=${hidden}`, { token })
      assert.equal(res.status, 404, at)
      assert.equal(res.body.detail, 'Pipeline not found')
      assert.equal((await call('GET', `/api/v1/monitoring/${at}?pipeline_id=${seen}`, { token })).status, 200)
    }
    const sums = async (as) => (await call('GET', '/api/v1/monitoring/dashboard', { token: as })).body
    const [its, ours] = [await sums(token), await sums(admin)]
    assert.equal(ours.insert_count - its.insert_count, 5)
    const count = (s) => Object.values(s.pipelines).reduce((a, b) => a + b, 0)
    assert.equal(count(ours) - count(its), 1)
  })

  it('of none hide a connection, also from the pipelines that others make', async () => {
    const id = await make('connection')
    const pipeline = await make('pipeline')
    await grant('connection', id, { viewer: 'none' })
    await grant('pipeline', pipeline, { viewer: 'admin' })
    const token = users.viewer.token
    assert.ok(!(await call('GET', '/api/v1/connections?limit=1000', { token })).body.some((c) => c.id === id))
    for (const at of ['', '/schemas', '/tables']) assert.equal((await call('GET', `/api/v1/connections/${id}${at}`, { token })).status, 404)
    assert.equal((await call('PATCH', `/api/v1/pipelines/${pipeline}`, { token, body: { source_connection_id: id } })).status, 422)
    assert.equal((await call('PATCH', `/api/v1/pipelines/${pipeline}`, { body: { source_connection_id: id } })).status, 200)
  })

  it('keep people out of rooms, and take them out', async () => {
    const id = await make('pipeline')
    const other = await make('pipeline')
    const socket = await connect(server.url, users.viewer.token)
    const errors = []
    socket.on('subscribe_error', (e) => errors.push(e.code))
    try {
      for (const at of [id, other]) assert.equal((await subscribe(socket, { pipeline_id: at })).ok, true)
      await grant('pipeline', id, { viewer: 'none' })
      await until('it is told', () => errors.length, Boolean, { timeout: 5000 })
      assert.deepEqual(errors, ['forbidden'])
      const heard = []
      socket.on('pipeline_status', (s) => heard.push(s.pipeline_id))
      for (const at of [id, other]) assert.equal((await call('POST', `/api/v1/pipelines/${at}/start`)).status, 200)
      await until('the other room is heard', () => heard.includes(other), Boolean, { timeout: 5000 })
      assert.ok(!heard.includes(id))
      const refused = await subscribe(socket, { pipeline_id: id }).catch((e) => e)
      assert.match(JSON.stringify(refused.error ?? refused.message), /unknown_pipeline/)
      await grant('pipeline', id, {})
      await until('it may again', async () => (await subscribe(socket, { pipeline_id: id }).catch(() => ({}))).ok, Boolean, { timeout: 5000 })
    } finally {
      socket.close()
    }
  })

  it('count for API keys, within their scopes, also on sockets', async () => {
    const id = await make('pipeline')
    const key = async (...scopes) => (await call('POST', '/api/v1/api-keys', { token: users.viewer.token, body: { name: 'k', scopes } })).body
    const [reads, operates] = [await key('pipelines:read'), await key('pipelines:operate')]
    const start = (k) => request(`${server.url}/api/v1/pipelines/${id}/start`, { method: 'POST', headers: { 'x-api-key': k.key } })
    assert.equal((await start(operates)).status, 403)
    await grant('pipeline', id, { viewer: 'operator' })
    assert.equal((await start(reads)).status, 403)
    assert.equal((await start(operates)).status, 200)
    for (const options of [{ auth: { token: reads.key } }, { auth: {}, extraHeaders: { 'x-api-key': reads.key } }, { auth: {}, extraHeaders: { authorization: `Bearer ${reads.key}` } }]) {
      const socket = await connect(server.url, undefined, options)
      assert.equal((await subscribe(socket, { pipeline_id: id })).ok, true)
      socket.close()
    }
    await assert.rejects(connect(server.url, 'mr_nobody'), (e) => e.data.code === 'token_invalid')
    const narrow = await key('connections:read')
    await assert.rejects(connect(server.url, narrow.key), (e) => e.data.code === 'scope_missing')
    assert.equal((await call('DELETE', `/api/v1/api-keys/${reads.id}`, { token: users.viewer.token })).status, 204)
    await assert.rejects(connect(server.url, reads.key), (e) => e.data.code === 'token_invalid')
  })

  it('go with the user', async () => {
    const made = await call('POST', '/api/v1/users', { body: { username: 'leaves', role: 'viewer', password } })
    const id = await make('pipeline')
    await grant('pipeline', id, { [made.body.id]: 'operator' })
    assert.equal((await call('DELETE', `/api/v1/users/${made.body.id}`)).status, 204)
    assert.deepEqual((await call('GET', `/api/v1/pipelines/${id}/permissions`)).body.grants, [])
  })
})
