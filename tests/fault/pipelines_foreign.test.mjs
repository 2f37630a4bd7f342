// pipelines_foreign.test.mjs - where not both ends are PostgreSQL, the load is Debezium's own snapshot: from PostgreSQL
// to MariaDB.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { login } from '../support/client.mjs'
import { createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMariadb } from '../support/mariadb.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('a target that is no PostgreSQL', () => {
  let db, server, token, pair, maria
  before(async () => {
    db = await createDatabase('foreign')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    token = await login(server.url)
    pair = await createPair()
    maria = await startMariadb({ sql: ['CREATE DATABASE copy', "CREATE USER sink IDENTIFIED BY 'sink-secret'", 'GRANT ALL ON copy.* TO sink'] })
    await pair.source.query("CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, n numeric(10,2)); INSERT INTO items SELECT i, 'n' || i, i * 1.5 FROM generate_series(1, 500) i")
  })
  after(async () => {
    await server?.stop()
    await maria?.stop()
    await pair?.drop()
    await db?.drop()
  })

  const sql = (text) => execFileSync('mariadb', ['--no-defaults', '-h127.0.0.1', `-P${maria.port}`, '-usink', '-psink-secret', '-N', '-B', 'copy', '-e', text], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  const target = () => ({ name: uniqueName('maria'), connection_type: 'target', database_type: 'mariadb', host: '127.0.0.1', port: maria.port, database: 'copy', username: 'sink', password: 'sink-secret', ssl_mode: 'disable' })

  it('is loaded by the snapshot, which is noticed, and follows', async () => {
    const flow = await createFlow(server, token, pair, {}, { to: target() })
    try {
      const v = await flow.post('validate')
      assert.equal(v.valid, true, v.message)
      await flow.start(60000)
      await until('the load is over', () => flow.get(), (p) => p.full_load_status === 'COMPLETED', { timeout: 40000, detail: () => server.log(20) })
      await until('all rows are there', () => { try { return sql('SELECT count(*) FROM items') } catch { return '' } }, (n) => n === '500', { timeout: 40000 })
      await pair.source.query("UPDATE items SET name = 'changed' WHERE id = 3; DELETE FROM items WHERE id = 4; INSERT INTO items VALUES (1000, 'ü', 0.25)")
      await until('the changes have come', () => sql('SELECT group_concat(name ORDER BY id) FROM items WHERE id IN (3, 4, 1000)'), (t) => t === 'changed,ü', { timeout: 30000 })
      await until('it is well', () => flow.status(), (s) => s.status === 'RUNNING', { timeout: 30000 })
      assert.equal((await db.query("SELECT count(*) AS n FROM pipeline_runs WHERE run_type = 'FULL_LOAD'")).rows[0].n, 1)
    } finally {
      await flow.removed()
    }
    assert.equal((await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n, 0)
  })

  it('full_load_only ends when the sink has it all', async () => {
    sql('DROP TABLE items')
    const flow = await createFlow(server, token, pair, { mode: 'full_load_only' }, { to: target() })
    try {
      await flow.post('start')
      const s = await flow.settled(['STOPPED', 'ERROR'], 60000)
      assert.equal(s.state, 'STOPPED', s.error_message)
      assert.equal(s.full_load_status, 'COMPLETED')
      assert.equal(sql('SELECT count(*) FROM items'), '500')
    } finally {
      await flow.removed()
    }
  })
})
