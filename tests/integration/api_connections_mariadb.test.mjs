// api_connections_mariadb.test.mjs - trying a connection to a real MariaDB: what is right and what is not.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { startMariadb } from '../support/mariadb.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'

describe('a test of a connection to MariaDB', () => {
  let db
  let maria
  let server
  let token
  before(async () => {
    db = await createDatabase('api_mariadb')
    maria = await startMariadb({
      settings: { 'log-bin': 'on', 'binlog-format': 'ROW', 'server-id': 7 },
      sql: ['CREATE DATABASE shop', "CREATE USER cdc IDENTIFIED BY 'cdc-secret'", 'GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO cdc', 'GRANT SELECT ON shop.* TO cdc',
        "CREATE USER weak IDENTIFIED BY 'weak-secret'", 'GRANT INSERT ON shop.* TO weak'],
    })
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_CONNECTION_TEST_TIMEOUT_MS: '2000', MILLRACE_LOG_LEVEL: 'debug' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await maria?.stop()
    await db?.drop()
  })
  const attempt = async (more) => {
    const body = { name: 'try', connection_type: 'source', database_type: 'mariadb', host: 'localhost', port: maria.port, database: 'shop', username: 'cdc', password: 'cdc-secret', ...more }
    const res = await request(`${server.url}/api/v1/connections/test`, { method: 'POST', token, body })
    assert.equal(res.status, 200, res.text)
    assert.ok(!/cdc-secret|weak-secret|IDENTIFIED/.test(res.text))
    return { ...res.body, by: Object.fromEntries(res.body.checks.map((c) => [c.check, c])) }
  }

  it('finds everything in order', async () => {
    const found = await attempt()
    assert.equal(found.success, true, JSON.stringify(found.checks))
    assert.deepEqual(found.checks.map((c) => c.check), ['dns', 'tcp', 'tls', 'login', 'database', 'server_version', 'replication_role', 'select_privilege', 'log_bin', 'binlog_format', 'binlog_row_image', 'server_id'])
    assert.match(found.server_version, /MariaDB/)
  })

  it('says which fault it is', async () => {
    assert.match((await attempt({ password: 'wrong' })).by.login.detail, /1045/)
    assert.equal((await attempt({ database: 'nowhere' })).by.database.ok, false)
    const weak = await attempt({ username: 'weak', password: 'weak-secret' })
    assert.match(weak.by.replication_role.detail, /GRANT REPLICATION SLAVE/)
    assert.equal(weak.by.select_privilege.ok, false)
    assert.equal((await attempt({ connection_type: 'target' })).by.create_privilege.ok, false)
    assert.equal((await attempt({ ssl_mode: 'require' })).by.tls.ok, false, 'this server has none')
    assert.equal((await attempt({ ssl_mode: 'verify-full' })).by.tls.ok, false)
  })

  it('is encrypted where the server offers it, and not where it is ruled out', async () => {
    const secure = await startMariadb({ tls: true, sql: ['CREATE DATABASE shop', "CREATE USER cdc IDENTIFIED BY 'cdc-secret' REQUIRE SSL", 'GRANT ALL ON *.* TO cdc'] })
    try {
      for (const ssl_mode of ['prefer', 'require']) assert.match((await attempt({ port: secure.port, ssl_mode })).by.tls.detail, /is encrypted/)
      assert.match((await attempt({ port: secure.port, ssl_mode: 'disable' })).by.login.detail, /1045/, 'this user must use TLS')
      assert.match((await attempt({ port: secure.port })).by.log_bin.detail, /set it to ON/)
    } finally {
      await secure.stop()
    }
  })

  it('is over in time', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    silent.unref()
    const from = Date.now()
    assert.match((await attempt({ host: '127.0.0.1', port: silent.address().port })).message, /in time/)
    assert.ok(Date.now() - from < 4000)
    silent.close()
  })
})
