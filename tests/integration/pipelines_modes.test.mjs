// pipelines_modes.test.mjs - the modes of a pipeline of our own, and what goes with its load: progress, cancelling, rate,
// resuming, resync, metadata columns, secrets, names.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import path from 'node:path'
import { login } from '../support/client.mjs'
import { connectors, createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase, required } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('modes', () => {
  let db, server, token, secrets
  before(async () => {
    secrets = mkdtempSync(path.join(required('RUN_DIR'), 'connect', 'secrets-')) // where Kafka Connect may read
    db = await createDatabase('modes')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv({ MILLRACE_LOAD_BYTES_PER_SECOND: '20000000' }) })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
    rmSync(secrets, { recursive: true })
  })

  /** A pair and a flow for the length of one test. */
  async function use(sql, fields, body) {
    const pair = await createPair()
    let flow
    try {
      await pair.source.query(sql)
      flow = await createFlow(server, token, pair, fields)
      await body(flow, pair)
    } finally {
      await flow?.removed()
      await pair.drop()
    }
  }
  const ITEMS = "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT i, 'n' || i FROM generate_series(1, 100) i"
  const count = async (d, t = 'items') => (await d.query(`SELECT count(*) AS n FROM ${t}`)).rows[0].n

  it('full_load_only ends STOPPED and COMPLETED, with nothing on Kafka Connect and no slot', () => use(`${ITEMS}; CREATE TABLE nokey (a int); INSERT INTO nokey VALUES (1), (1)`, { mode: 'full_load_only' }, async (flow, pair) => {
    const res = await flow.post('start?wait=30')
    assert.equal(res.status, 'STOPPED')
    const p = await flow.get()
    assert.deepEqual([p.full_load_status, p.cdc_status], ['COMPLETED', 'NOT_STARTED'])
    assert.equal(await count(pair.target), 100)
    assert.equal(await count(pair.target, 'nokey'), 2)
    assert.equal((await connectors()).body.filter((n) => n.includes(flow.id.slice(-12))).length, 0)
    assert.equal((await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n, 0)
    const progress = await flow.get('/progress')
    assert.equal(progress.percent, 100)
    assert.match(progress.lsn, /^[0-9A-F]+\/[0-9A-F]+$/)
    assert.deepEqual(progress.tables.map((t) => [t.table, t.rows_done, t.phase]), [['items', 100, 'done'], ['nokey', 2, 'done']])
    // It is loaded: a start does not do it twice.
    await pair.source.query("INSERT INTO items VALUES (101, 'later')")
    assert.equal((await flow.post('start?wait=30')).status, 'STOPPED')
    assert.equal(await count(pair.target), 100)
    // A resync does, from empty tables.
    await flow.post('resync?wait=30')
    assert.equal(await count(pair.target), 101)
  }))

  it('cdc_only copies nothing of the past, and every change from its start on', () => use(ITEMS, { mode: 'cdc_only' }, async (flow, pair) => {
    const s = await flow.start()
    assert.equal(s.full_load_status, 'NOT_STARTED')
    assert.equal(await count(pair.target), 0)
    await pair.source.query("INSERT INTO items VALUES (500, 'new'); UPDATE items SET name = 'changed' WHERE id = 7; DELETE FROM items WHERE id = 8")
    await until('the changes have come', async () => (await pair.target.query('SELECT id, name FROM items ORDER BY id')).rows, (r) => r.length === 2 && r[1].id === 500 && r[0].name === 'changed', { timeout: 30000 })
  }))

  it('with metadata columns each row says what was done to it, and where in the WAL', () => use(ITEMS, { cdc_metadata_columns: true }, async (flow, pair) => {
    await flow.start()
    await pair.source.query("UPDATE items SET name = 'changed' WHERE id = 1; DELETE FROM items WHERE id = 2; INSERT INTO items VALUES (200, 'x')")
    const rows = await until('changes have come', async () => (await pair.target.query('SELECT id, _mr_op, _mr_lsn, _mr_ts FROM items WHERE id IN (1, 2, 3, 200) ORDER BY id')).rows, (r) => r.length === 3 && r[2].id === 200 && r[0]._mr_op === 'u', { timeout: 30000, detail: () => server.log(10) })
    assert.deepEqual(rows.map((r) => r._mr_op), ['u', null, 'c'])
    assert.ok(Number(rows[0]._mr_lsn) > 0 && Number(rows[2]._mr_ts) > Date.now() - 600000)
  }))

  it('a load that is stopped leaves nothing behind, and the next start does it all', () => use("CREATE TABLE big (id serial PRIMARY KEY, pad text); INSERT INTO big (pad) SELECT repeat('x', 900) FROM generate_series(1, 100000); ANALYZE", {}, async (flow, pair) => {
    await flow.post('start')
    const p = await until('it copies', () => flow.get('/progress'), (x) => x.bytes_done > 0 && x.full_load_status === 'IN_PROGRESS', { timeout: 20000 })
    assert.equal(p.phase, 'copy')
    assert.ok(p.tables[0].rows_estimated > 90000)
    assert.equal((await flow.post('stop?wait=30')).status, 'STOPPED')
    assert.equal(await count(pair.target, 'big'), 0)
    assert.equal((await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n, 0)
    const from = Date.now()
    await flow.start(60000)
    assert.equal(await count(pair.target, 'big'), 100000)
    assert.ok(Date.now() - from > 3000, 'about 93 MB at 20 MB/s')
  }))

  it('a target that has rows already is left alone, and resync empties it', () => use(ITEMS, {}, async (flow, pair) => {
    await pair.target.query("CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (999, 'mine')")
    const v = await flow.post('validate')
    assert.equal(v.valid, false)
    assert.match(v.checks.find((c) => c.scope === 'table' && !c.ok).detail, /has rows already: empty it, or use resync/)
    await flow.post('start')
    const s = await flow.settled(['ERROR'])
    assert.match(s.error_message, /items of the target has rows already/)
    assert.deepEqual((await pair.target.query('SELECT * FROM items')).rows, [{ id: 999, name: 'mine' }])
    await flow.post('resync?wait=40')
    assert.equal((await flow.status()).state, 'RUNNING')
    assert.equal(await count(pair.target), 100)
  }))

  it('a resync of a running one starts again from nothing, under another name', () => use(ITEMS, {}, async (flow, pair) => {
    await flow.start()
    await pair.target.query('DELETE FROM items WHERE id < 50')
    const before = (await flow.get()).topic_prefix
    await flow.post('resync?wait=40')
    const p = await flow.get()
    assert.equal(p.status, 'RUNNING')
    assert.notEqual(p.topic_prefix, before)
    await flow.caughtUp(['items'])
    await pair.source.query("UPDATE items SET name = 'after' WHERE id = 3")
    await flow.caughtUp(['items'])
  }))

  it('tables by pattern, in another schema, under other names', () => use('CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, n int); CREATE TABLE shop.order_lines (id int PRIMARY KEY); CREATE TABLE shop.secret (id int PRIMARY KEY); INSERT INTO shop.orders VALUES (1, 1); INSERT INTO shop.order_lines VALUES (1)', { source_schema: 'shop', source_tables: ['order*'], target_schema: 'copy', table_mapping: { orders: 'Bestellungen' } }, async (flow, pair) => {
    await flow.start()
    await pair.source.query('UPDATE shop.orders SET n = 2; INSERT INTO shop.order_lines VALUES (2)')
    await until('both have come', async () => [(await pair.target.query('SELECT n FROM copy."Bestellungen"')).rows[0]?.n, await count(pair.target, 'copy.order_lines')], (x) => x[0] === 2 && x[1] === 2, { timeout: 30000 })
    assert.deepEqual((await pair.target.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'copy' ORDER BY 1")).rows.map((r) => r.table_name), ['Bestellungen', 'order_lines'])
  }))

  it('what cannot be taken is refused by name before anything is done', () => use('CREATE TABLE nokey (a int); CREATE TABLE good (id int PRIMARY KEY); CREATE TYPE pair AS (a int, b int); CREATE TABLE odd (id int PRIMARY KEY, p pair); CREATE TABLE bits (id int PRIMARY KEY, b bit(8)); CREATE TABLE lists (id int PRIMARY KEY, l numeric[]); CREATE TABLE floats (id int PRIMARY KEY, f float8)', {}, async (flow, pair) => {
    const v = await flow.post('validate')
    assert.equal(v.valid, false)
    const bad = Object.fromEntries(v.checks.filter((c) => c.scope === 'table' && !c.ok).map((c) => [c.check, c.detail]))
    assert.match(bad['public.nokey'], /no primary key/)
    assert.match(bad['public.odd'], /column p/)
    assert.match(bad['public.bits'], /column b is of type bit\(8\), whose changes .* do not carry/)
    assert.match(bad['public.lists'], /column l is of type numeric\[\]/)
    assert.match(v.checks.find((c) => c.check === 'public.floats').detail, /column f loses Infinity/)
    assert.equal(v.checks.find((c) => c.check === 'public.good').ok, true)
    await flow.post('start')
    const s = await flow.settled(['ERROR'])
    assert.match(s.error_message, /public\.(nokey|odd|bits|lists)/)
    assert.equal((await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n, 0)
    assert.equal((await pair.target.query("SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'public'")).rows[0].n, 0)
  }))

  it('passwords are references where the deployment allows it', async () => {
    await server.stop()
    Object.assign(server.env, { MILLRACE_CONNECT_SECRETS: 'file', MILLRACE_CONNECT_SECRETS_DIR: secrets })
    await server.start()
    await use(ITEMS, {}, async (flow) => {
      await flow.start()
      for (const end of ['source', 'sink']) {
        const { body } = await connectors(`/mr_${flow.id.slice(-12)}_${end}/config`)
        assert.match(body['database.password'] ?? body['connection.password'], /^\$\{file:.*:password\}$/)
      }
      await flow.caughtUp(['items'])
      const files = readdirSync(secrets)
      assert.equal(files.length, 2)
      for (const f of files) assert.equal(statSync(path.join(secrets, f)).mode & 0o007, 0, 'not for everybody')
      assert.match(readFileSync(path.join(secrets, files[0]), 'utf8'), /^password=/m)
    })
  })
})
