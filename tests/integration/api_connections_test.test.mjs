// api_connections_test.test.mjs - trying a connection: what each fault of a database is called, on a
// PostgreSQL with TLS of the test's own, and where the server refuses to go.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { startPostgres } from '../support/postgres.mjs'
import { createDatabase } from '../support/services.mjs'

const env = (more) => ({ MILLRACE_ROLES: 'api', MILLRACE_SECRET_KEY: randomBytes(32).toString('base64'), MILLRACE_CONNECTION_TEST_TIMEOUT_MS: '2000', MILLRACE_LOG_LEVEL: 'debug', ...more })

describe('a test of a connection', () => {
  let db
  let pg
  let server
  let token
  before(async () => {
    db = await createDatabase('api_connections_test')
    pg = await startPostgres({ hosts: ['localhost'], settings: { wal_level: 'logical', max_replication_slots: 2 } })
    await pg.query('CREATE DATABASE shop')
    await pg.query("CREATE ROLE cdc LOGIN REPLICATION PASSWORD 'cdc-secret'")
    await pg.query("CREATE ROLE weak LOGIN PASSWORD 'weak-secret'")
    await pg.query('CREATE TABLE orders (id int PRIMARY KEY); GRANT SELECT ON orders TO cdc; CREATE SCHEMA dw; GRANT ALL ON SCHEMA dw TO cdc', 'shop')
    server = await startMillrace({ databaseUrl: db.url, env: env() })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await pg?.stop()
    await db?.drop()
  })
  const given = (more) => ({ name: 'try', connection_type: 'source', database_type: 'postgresql', host: 'localhost', port: pg.port, database: 'shop', username: 'cdc', password: 'cdc-secret', ...more })
  const attempt = async (more, { at = server, as = token } = {}) => {
    const res = await request(`${at.url}/api/v1/connections/test`, { method: 'POST', token: as, body: given(more) })
    assert.equal(res.status, 200, res.text)
    for (const secret of ['cdc-secret', 'weak-secret', 'wrong-secret']) assert.ok(!res.text.includes(secret))
    const by = Object.fromEntries(res.body.checks.map((c) => [c.check, c]))
    assert.equal(res.body.success, res.body.checks.every((c) => c.ok))
    assert.ok(res.body.checks.every((c) => /\.$|\?$/.test(c.detail) && c.duration_ms >= 0), res.text)
    return { ...res.body, by }
  }

  it('finds everything in order, and names what it found', async () => {
    const found = await attempt()
    assert.equal(found.success, true, JSON.stringify(found))
    assert.deepEqual(found.checks.map((c) => c.check), ['dns', 'tcp', 'tls', 'login', 'database', 'server_version', 'replication_role', 'select_privilege', 'wal_level', 'replication_slots', 'wal_senders'])
    assert.match(found.by.tls.detail, /TLSv1/)
    assert.match(found.server_version, /^PostgreSQL \d+/)
    const target = await attempt({ connection_type: 'target', schema: 'dw' })
    assert.equal(target.success, true, JSON.stringify(target))
    assert.ok(target.by.create_privilege.ok)
  })

  it('says which fault it is', async () => {
    const row = async (more, check, pattern) => {
      const found = await attempt(more)
      assert.equal(found.by[check]?.ok, false, `${check}: ${JSON.stringify(found.checks)}`)
      assert.match(found.by[check].detail, pattern)
      assert.equal(found.message, found.checks.find((c) => !c.ok).detail)
      return found
    }
    await row({ host: 'no-such-host.invalid' }, 'dns', /no-such-host\.invalid/)
    await row({ port: 1 }, 'tcp', /refuses connections/)
    await row({ password: 'wrong-secret' }, 'login', /28P01/)
    await row({ password: undefined }, 'login', /password/)
    assert.ok((await row({ database: 'nowhere' }, 'database', /3D000/)).by.login.ok)
    const weak = await row({ username: 'weak', password: 'weak-secret' }, 'replication_role', /ALTER ROLE/)
    assert.match(weak.by.select_privilege.detail, /public\.orders/)
    await row({ connection_type: 'target', username: 'weak', password: 'weak-secret', schema: 'dw' }, 'create_privilege', /GRANT CREATE/)
    await row({ connection_type: 'target', username: 'weak', password: 'weak-secret', schema: 'none' }, 'create_privilege', /does not exist/)
    await pg.query("SELECT pg_create_logical_replication_slot('a', 'pgoutput'), pg_create_logical_replication_slot('b', 'pgoutput')", 'shop')
    await row({}, 'replication_slots', /All 2/)
    await pg.query("SELECT pg_drop_replication_slot('a'), pg_drop_replication_slot('b')", 'shop')
  })

  it('holds to the ssl_mode', async () => {
    assert.match((await attempt({ ssl_mode: 'disable' })).by.tls.detail, /ssl_mode is disable/)
    for (const mode of ['prefer', 'require']) assert.match((await attempt({ ssl_mode: mode })).by.tls.detail, /encrypted/)
    for (const mode of ['verify-ca', 'verify-full']) {
      assert.equal((await attempt({ ssl_mode: mode, ssl_root_cert: pg.ca })).success, true, mode)
      assert.equal((await attempt({ ssl_mode: mode, ssl_root_cert: pg.otherCa })).by.tls.ok, false, `${mode}: another authority`)
      assert.equal((await attempt({ ssl_mode: mode })).by.tls.ok, false, `${mode}: the system's authorities do not know it`)
    }
    assert.equal((await attempt({ host: '127.0.0.1', ssl_mode: 'verify-ca', ssl_root_cert: pg.ca })).success, true)
    const wrongName = await attempt({ host: '127.0.0.1', ssl_mode: 'verify-full', ssl_root_cert: pg.ca })
    assert.equal(wrongName.by.tls.ok, false, 'the certificate is for another name')
    assert.equal((await attempt({ ssl_mode: 'verify-ca', ssl_root_cert: '-----BEGIN CERTIFICATE-----\nnonsense' })).success, false)
  })

  it('says so when TLS is asked for and there is none, or wal_level is too low', async () => {
    const plain = await startPostgres({ settings: { ssl: 'off', wal_level: 'replica' } })
    try {
      const more = { port: plain.port, database: 'postgres', username: 'postgres', password: 'superuser' }
      assert.equal((await attempt({ ...more, ssl_mode: 'require' })).by.tls.ok, false)
      const found = await attempt(more)
      assert.match(found.by.tls.detail, /not encrypted/)
      assert.match(found.by.wal_level.detail, /is replica/)
    } finally {
      await plain.stop()
    }
  })

  it('is over in time, whatever answers there, and holds nobody else up', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    const other = createServer((s) => s.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
    await Promise.all([once(silent, 'listening'), once(other, 'listening')])
    try {
      const from = Date.now()
      const slow = Array.from({ length: 8 }, () => attempt({ host: '127.0.0.1', port: silent.address().port }))
      const meanwhile = Date.now()
      assert.equal((await request(`${server.url}/api/v1/connections`, { token })).status, 200)
      assert.ok(Date.now() - meanwhile < 1000, 'a list does not wait for them')
      for (const found of await Promise.all(slow)) assert.match(found.message, /in time/)
      assert.ok(Date.now() - from < 8000)
      const strange = await attempt({ host: '127.0.0.1', port: other.address().port, ssl_mode: 'disable' })
      assert.match(strange.message, /does not speak PostgreSQL/)
      assert.ok(!JSON.stringify(strange).includes('HTTP'), 'what answered is not told')
    } finally {
      silent.close()
      silent.unref()
      other.close()
    }
  })

  it('keeps what was found with the connection', async () => {
    const post = (path, body) => request(`${server.url}/api/v1/connections${path}`, { method: 'POST', token, body })
    const { id } = (await post('', given({ name: 'kept' }))).body
    assert.equal((await post(`/${id}/test`)).body.success, true)
    const read = async () => (await request(`${server.url}/api/v1/connections/${id}`, { token })).body
    assert.deepEqual([(await read()).last_test_status, (await read()).last_test_error], ['success', null])
    await request(`${server.url}/api/v1/connections/${id}`, { method: 'PATCH', token, body: { password: 'wrong-secret' } })
    const res = await post(`/${id}/test`)
    assert.equal(res.body.success, false)
    const after = await read()
    assert.deepEqual([after.last_test_status, after.last_test_error], ['failed', res.body.message])
    assert.match(after.last_tested_at, /Z$/)
    assert.equal((await post('/00000000-0000-0000-0000-000000000000/test')).status, 404)
    assert.equal((await post('/test', { name: 'x' })).status, 422)
    await db.query("UPDATE connections SET password_key_id = 'gone' WHERE id = $1", [id])
    assert.equal((await post(`/${id}/test`)).status, 409)
  })

  it('goes only where MILLRACE_ALLOWED_HOSTS lets it', async () => {
    const narrow = await startMillrace({ databaseUrl: db.url, migrate: false, env: env({ MILLRACE_ALLOWED_HOSTS: '*.example.com,10.0.0.0/8' }) })
    try {
      const mine = { at: narrow, as: await login(narrow.url) }
      for (const host of ['localhost', '127.0.0.1', '::1', '192.0.2.1']) {
        const found = await attempt({ host }, mine)
        assert.deepEqual(found.checks.map((c) => [c.check, c.ok]), [['allowed', false]], host)
      }
    } finally {
      await narrow.stop()
    }
    const metadata = await attempt({ host: '169.254.169.254' })
    assert.deepEqual(metadata.checks.map((c) => [c.check, c.ok]), [['allowed', false]])
    assert.ok(!server.log().includes('cdc-secret') && !server.log().includes('wrong-secret'))
  })

  it('tries other databases through Kafka Connect, when it has the plugin', async () => {
    const asked = []
    const plugin = 'io.debezium.connector.sqlserver.SqlServerConnector'
    const errors = []
    const connect = createHttpServer(async (req, res) => {
      let text = ''
      for await (const part of req) text += part
      asked.push({ method: req.method, url: req.url, body: text && JSON.parse(text) })
      const configs = [{ value: { name: 'database.hostname', errors } }, { value: { name: 'database.user', errors: [] } }]
      res.setHeader('content-type', 'application/json').end(JSON.stringify(req.method === 'GET' ? [{ class: plugin, type: 'source' }] : { name: plugin, error_count: errors.length, configs }))
    }).listen(0, '127.0.0.1')
    await once(connect, 'listening')
    const through = await startMillrace({ databaseUrl: db.url, migrate: false, env: env({ KAFKA_CONNECT_URL: `http://127.0.0.1:${connect.address().port}/` }) })
    try {
      const mine = { at: through, as: await login(through.url) }
      const good = await attempt({ database_type: 'sqlserver' }, mine)
      assert.deepEqual(good.checks.map((c) => [c.check, c.ok]), [['dns', true], ['tcp', true], ['plugin', true], ['login', true]])
      const { method, url, body } = asked.at(-1)
      assert.deepEqual([method, url], ['PUT', `/connector-plugins/${plugin}/config/validate`])
      assert.deepEqual([body['connector.class'], body['database.hostname'], body['database.port'], body['database.names'], body['database.password']], [plugin, 'localhost', String(pg.port), 'shop', 'cdc-secret'])
      errors.push('Unable to connect: Login failed, password "cdc-secret" is wrong')
      const bad = await attempt({ database_type: 'sqlserver' }, mine)
      assert.equal(bad.by.login.ok, false)
      assert.match(bad.message, /database\.hostname: Unable to connect/)
      assert.match((await attempt({ database_type: 'oracle' }, mine)).by.plugin.detail, /lacks the plugin io\.debezium\.connector\.oracle/)
      connect.close()
      connect.closeAllConnections()
      assert.match((await attempt({ database_type: 'mongodb' }, mine)).by.plugin.detail, /does not answer/)
    } finally {
      connect.close()
      await through.stop()
    }
    const without = await startMillrace({ databaseUrl: db.url, migrate: false, env: env({ KAFKA_CONNECT_URL: '' }) })
    try {
      assert.match((await attempt({ database_type: 'mongodb' }, { at: without, as: await login(without.url) })).by.plugin.detail, /KAFKA_CONNECT_URL/)
    } finally {
      await without.stop()
    }
  })
})
