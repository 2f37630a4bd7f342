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
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_CONNECTION_TEST_TIMEOUT_MS: '2000', MILLRACE_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'), MILLRACE_LOG_LEVEL: 'debug' } })
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
  })

  it('is encrypted where the server offers it, and not where it is ruled out', async () => {
    const secure = await startMariadb({ tls: true, sql: ['CREATE DATABASE shop', "CREATE USER cdc IDENTIFIED BY 'cdc-secret' REQUIRE SSL", 'GRANT ALL ON *.* TO cdc'] })
    try {
      for (const ssl_mode of ['prefer', 'require']) assert.match((await attempt({ port: secure.port, ssl_mode })).by.tls.detail, /is encrypted/)
      assert.match((await attempt({ port: secure.port, ssl_mode: 'disable' })).by.login.detail, /1045/, 'this user must use TLS')
      assert.match((await attempt({ port: secure.port })).by.log_bin.detail, /set it to ON/)
      for (const ssl_mode of ['verify-ca', 'verify-full']) {
        assert.match((await attempt({ port: secure.port, ssl_mode, ssl_root_cert: secure.ca })).by.tls.detail, /certificate is/, ssl_mode)
        assert.match((await attempt({ port: secure.port, ssl_mode, ssl_root_cert: secure.otherCa })).by.tls.detail, /not in order/, ssl_mode)
        assert.match((await attempt({ port: secure.port, ssl_mode })).by.tls.detail, /needs ssl_root_cert/)
      }
      assert.equal((await attempt({ host: '127.0.0.1', port: secure.port, ssl_mode: 'verify-ca', ssl_root_cert: secure.ca })).success, false, 'its binary log is off')
      assert.match((await attempt({ host: '127.0.0.1', port: secure.port, ssl_mode: 'verify-ca', ssl_root_cert: secure.ca })).by.tls.detail, /in order/)
      assert.match((await attempt({ host: '127.0.0.1', port: secure.port, ssl_mode: 'verify-full', ssl_root_cert: secure.ca })).by.tls.detail, /not in order/, 'it is of another host')
    } finally {
      await secure.stop()
    }
  })

  it('and its catalogue are as they are in the server', async () => {
    const odd = 'Lager`~%ü'
    const shop = await startMariadb({
      sql: ['SET NAMES utf8mb4', 'CREATE DATABASE shop', `CREATE DATABASE \`${odd.replaceAll('`', '``')}\``, `CREATE TABLE \`${odd.replaceAll('`', '``')}\`.\`日本 "t" 'x'\` (x int)`,
        'CREATE TABLE shop.customers (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, born date, score decimal(10,2) DEFAULT 0, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, UNIQUE (name))',
        'CREATE TABLE shop.orders (tenant int, no int, customer bigint NOT NULL, note text, PRIMARY KEY (no, tenant), CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES shop.customers (id))',
        'CREATE TABLE shop.rows (id int, tenant int, no int, CONSTRAINT of_order FOREIGN KEY (no, tenant) REFERENCES shop.orders (no, tenant))',
        'CREATE VIEW shop.v AS SELECT 1 AS one', 'CREATE TABLE shop.parts (id int) PARTITION BY HASH (id) PARTITIONS 2',
        "CREATE USER cdc IDENTIFIED BY 'cdc-secret'", 'GRANT SELECT ON *.* TO cdc'],
    })
    try {
      const body = { name: 'catalogue', connection_type: 'source', database_type: 'mariadb', host: '127.0.0.1', port: shop.port, database: 'shop', username: 'cdc', password: 'cdc-secret' }
      const { body: saved } = await request(`${server.url}/api/v1/connections`, { method: 'POST', token, body })
      const get = (at) => request(`${server.url}/api/v1/connections/${saved.id}${at}`, { token })
      assert.deepEqual((await get('/schemas')).body, [{ name: odd, tables: 1, usable: true }, { name: 'shop', tables: 4, usable: true }])
      const all = await get('/tables')
      assert.equal(all.status, 200, all.text)
      assert.deepEqual(all.body.map((t) => [t.schema, t.name, t.type]), [[odd, `日本 "t" 'x'`, 'table'], ['shop', 'customers', 'table'], ['shop', 'orders', 'table'], ['shop', 'parts', 'partitioned_table'], ['shop', 'rows', 'table']])
      const of = (name) => all.body.find((t) => t.name === name)
      assert.deepEqual(of('customers').columns.map((c) => [c.name, c.type, c.nullable, c.generated, c.primary_key]),
        [['id', 'bigint(20)', false, true, true], ['name', 'varchar(80)', false, false, false], ['born', 'date', true, false, false], ['score', 'decimal(10,2)', true, false, false], ['twice', 'int(11)', true, true, false]])
      assert.deepEqual([of('customers').columns[2].default, of('customers').columns[3].default, of('customers').primary_key, of('customers').replica_identity], [null, '0.00', ['id'], null])
      assert.deepEqual([of('orders').primary_key, of('rows').primary_key], [['no', 'tenant'], []])
      assert.deepEqual(of('rows').foreign_keys, [{ name: 'of_order', columns: ['no', 'tenant'], references: { schema: 'shop', table: 'orders', columns: ['no', 'tenant'] } }])
      assert.deepEqual((await get(`/tables?schema=${encodeURIComponent(odd)}`)).body.length, 1)
      assert.deepEqual((await get("/tables?q=%25' OR '1")).body, [])
      assert.deepEqual((await get('/tables?q=ORD')).body.map((t) => t.name), ['orders'])
      const names = []
      for (let at = '/tables?limit=2'; at;) {
        const page = await get(at)
        names.push(...page.body.map((t) => t.name))
        at = /<\/api\/v1\/connections\/[^/]+([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      }
      assert.deepEqual(names, all.body.map((t) => t.name))
    } finally {
      await shop.stop()
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
