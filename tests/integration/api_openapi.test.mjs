// api_openapi.test.mjs - openapi.yaml is the contract: its JSON form, which the server embeds, says
// the same, and real answers fit the schemas that it gives for them.
//
// After a change of openapi.yaml: MILLRACE_WRITE_OPENAPI=1 node --test integration/api_openapi.test.mjs
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import Ajv from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { request, login } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase, root } from '../support/services.mjs'

const yamlFile = path.join(root, 'server/api/openapi.yaml')
const jsonFile = path.join(root, 'server/api/openapi.json')
const contract = parse(readFileSync(yamlFile, 'utf8'))
const asJson = `${JSON.stringify(contract, null, 1)}\n`
if (process.env.MILLRACE_WRITE_OPENAPI) writeFileSync(jsonFile, asJson)

describe('the contract', () => {
  let db
  let server
  let token
  let validate
  before(async () => {
    db = await createDatabase('api_openapi')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redisDatabase(13).url } })
    token = await login(server.url)
    const ajv = new Ajv({ strict: false, validateFormats: false })
    ajv.addSchema(contract, 'contract')
    validate = (ref, value, what) => {
      const check = ajv.getSchema(`contract${ref}`) ?? ajv.compile({ $ref: `contract${ref}` })
      assert.ok(check(value), `${what}: ${JSON.stringify(check.errors)} in ${JSON.stringify(value)}`)
    }
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })

  it('has a JSON form that is what the YAML says', () => {
    assert.equal(readFileSync(jsonFile, 'utf8'), asJson, 'run this test once with MILLRACE_WRITE_OPENAPI=1')
  })

  it('is served in both forms', async () => {
    const yaml = await request(`${server.url}/openapi.yaml`)
    assert.equal(yaml.text, readFileSync(yamlFile, 'utf8'))
    const json = await request(`${server.url}/openapi.json`)
    assert.deepEqual(json.body, contract)
  })

  it('has only references that lead somewhere', () => {
    const walk = (node) => {
      if (!node || typeof node !== 'object') return
      if (typeof node.$ref === 'string') {
        const to = node.$ref.slice(2).split('/').reduce((at, key) => at?.[key], contract)
        assert.ok(to, node.$ref)
      }
      Object.values(node).forEach(walk)
    }
    walk(contract)
  })

  /** The schema of an operation's answer: a JSON pointer into the contract. */
  function schemaOf(method, route, status) {
    const pointer = (s) => s.replaceAll('~', '~0').replaceAll('/', '~1')
    const operation = contract.paths[route]?.[method]
    assert.ok(operation, `${method} ${route} is in the contract`)
    const answer = operation.responses[status]
    assert.ok(answer, `${method} ${route} may answer ${status}`)
    const at = answer.$ref ?? `#/paths/${pointer(route)}/${method}/responses/${status}`
    const content = (answer.$ref ? answer.$ref.slice(2).split('/').reduce((n, k) => n[k], contract) : answer).content
    const type = Object.keys(content ?? {})[0]
    return type && { type, ref: `${at}/content/${pointer(type)}/schema` }
  }

  async function fits(method, route, { url = route, ...options } = {}) {
    const res = await request(`${server.url}${url}`, { token, method: method.toUpperCase(), ...options })
    const schema = schemaOf(method, route, String(res.status))
    if (!schema) {
      assert.equal(res.text, '')
      return res
    }
    assert.ok(res.headers.get('content-type').startsWith(schema.type), `${method} ${url}: ${res.headers.get('content-type')}`)
    if (/json/.test(schema.type)) validate(schema.ref, res.body, `${method} ${url} ${res.status}`)
    return res
  }

  it('fits the answers of every route', async () => {
    const none = '00000000-0000-0000-0000-000000000000'
    for (const route of ['/health', '/livez', '/readyz', '/metrics', '/config.json', '/auth/me', '/api/v1/auth/me', '/api/v1/pipelines',
      '/api/v1/monitoring/events', '/api/v1/monitoring/dashboard', '/api/v1/monitoring/event-logger-status', '/api/v1/monitoring/dead-letters', '/api/v1/monitoring/analytics', '/api/v1/monitoring/top-keys',
      '/api/v1/users', '/api/v1/audit', '/api/v1/audit/verify', '/api/v1/api-keys']) {
      assert.equal((await fits('get', route)).status, 200, route)
    }
    const made = await fits('post', '/api/v1/pipelines', { body: { name: 'contract', kafka_topics: ['a.b.c'], tags: ['x'] } })
    assert.equal(made.status, 201)
    const id = made.body.id
    assert.equal((await fits('get', '/api/v1/pipelines')).body.length, 1)
    assert.equal((await fits('get', '/api/v1/pipelines/{id}', { url: `/api/v1/pipelines/${id}` })).status, 200)
    const one = { url: `/api/v1/pipelines/${id}` }
    const read = await fits('get', '/api/v1/pipelines/{id}', one)
    assert.equal((await fits('get', '/api/v1/pipelines/{id}', { ...one, headers: { 'if-none-match': read.headers.get('etag') } })).status, 304)
    assert.equal((await fits('put', '/api/v1/pipelines/{id}', { ...one, body: { ...read.body, description: 'again' } })).status, 200)
    assert.equal((await fits('patch', '/api/v1/pipelines/{id}', { ...one, body: { tags: null } })).status, 200)
    assert.equal((await fits('patch', '/api/v1/pipelines/{id}', { ...one, body: { name: 'late' }, headers: { 'if-match': read.headers.get('etag') } })).status, 412)
    assert.equal((await fits('patch', '/api/v1/pipelines/{id}', { ...one, body: { name: '' } })).status, 422)
    for (const [command, status] of [['start', 200], ['pause', 200], ['resume', 200], ['stop', 200], ['pause', 409]]) {
      assert.equal((await fits('post', `/api/v1/pipelines/{id}/${command}`, { url: `/api/v1/pipelines/${id}/${command}` })).status, status, command)
    }
    assert.equal((await fits('get', '/api/v1/pipelines/{id}', { url: `/api/v1/pipelines/${none}` })).status, 404)
    assert.equal((await fits('get', '/api/v1/monitoring/events/{id}', { url: `/api/v1/monitoring/events/${none}` })).status, 404)
    assert.equal((await fits('get', '/api/v1/monitoring/events', { url: '/api/v1/monitoring/events?limit=0' })).status, 422)
    const connection = { name: 'contract', connection_type: 'source', database_type: 'postgresql', host: 'localhost', database: 'd', username: 'u' }
    const to = (await fits('post', '/api/v1/connections', { body: connection })).body
    const database = { url: `/api/v1/connections/${to.id}` }
    assert.equal((await fits('post', '/api/v1/connections', { body: connection })).status, 409)
    assert.equal((await fits('get', '/api/v1/connections')).body.length, 1)
    assert.equal((await fits('get', '/api/v1/connections/{id}', database)).status, 200)
    for (const method of ['put', 'patch']) assert.equal((await fits(method, '/api/v1/connections/{id}', { ...database, body: { schema: 'public' } })).status, 200)
    assert.equal((await fits('patch', '/api/v1/connections/{id}', { ...database, body: { password: 'x' } })).status, 422, 'no key in this server')
    const refused = { ...connection, host: '127.0.0.1', port: 1 }
    assert.equal((await fits('post', '/api/v1/connections/test', { body: refused })).body.success, false)
    assert.equal((await fits('post', '/api/v1/connections/test', { body: {} })).status, 422)
    assert.equal((await fits('post', '/api/v1/connections/{id}/test', { url: `${database.url}/test` })).status, 200)
    assert.equal((await fits('delete', '/api/v1/connections/{id}', database)).status, 204)
    assert.equal((await fits('get', '/api/v1/pipelines', { token: '' })).status, 401)
    assert.equal((await fits('delete', '/api/v1/pipelines/{id}', { url: `/api/v1/pipelines/${id}` })).status, 204)
    const key = await fits('post', '/api/v1/api-keys', { body: { name: 'contract', scopes: ['*:read'] } })
    assert.equal(key.status, 201)
    assert.equal((await fits('delete', '/api/v1/api-keys/{id}', { url: `/api/v1/api-keys/${key.body.id}` })).status, 204)
    const user = await fits('post', '/api/v1/users', { body: { username: 'contract', password: 'a good password', role: 'viewer' } })
    assert.equal(user.status, 201)
    const at = { url: `/api/v1/users/${user.body.id}` }
    assert.equal((await fits('get', '/api/v1/users/{id}', at)).status, 200)
    assert.equal((await fits('patch', '/api/v1/users/{id}', { ...at, body: { role: 'operator' } })).status, 200)
    assert.equal((await fits('delete', '/api/v1/users/{id}', at)).status, 204)
    const signIn = await fits('post', '/auth/login', { body: { username: 'admin', password: 'correct horse battery' } })
    assert.equal(signIn.status, 200)
    assert.equal((await fits('post', '/auth/refresh', { body: { refresh_token: signIn.body.refresh_token } })).status, 200)
    assert.equal((await fits('post', '/auth/refresh', { body: { refresh_token: 'nonsense' } })).status, 401)
    assert.equal((await fits('post', '/auth/logout', {})).status, 204)
    assert.equal((await fits('post', '/auth/login', { body: {} })).status, 422)
  })
})
