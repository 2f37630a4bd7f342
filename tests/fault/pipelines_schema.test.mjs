// pipelines_schema.test.mjs - tables of the source change their shape under a running pipeline.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login } from '../support/client.mjs'
import { createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('a schema that changes', () => {
  let db, server, token
  before(async () => {
    db = await createDatabase('schema')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })

  const policies = (name, policy, body) => describe(name, () => {
    const at = {}
    before(async () => {
      at.pair = await createPair()
      await at.pair.source.query("CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, n int, code text NOT NULL DEFAULT 'c'); INSERT INTO items SELECT i, 'n' || i, i FROM generate_series(1, 10) i")
      at.flow = await createFlow(server, token, at.pair, { schema_change_policy: policy })
      await at.flow.start()
      await until('its tables are known', () => db.query('SELECT catalog FROM pipeline_evidence WHERE pipeline_id = $1', [at.flow.id]), (r) => r.rows[0]?.catalog)
      at.row = (id) => until(`row ${id} has come`, async () => (await at.pair.target.query('SELECT * FROM items WHERE id = $1', [id])).rows[0], Boolean, { timeout: 30000, detail: () => server.log(20) })
      at.noticed = (change, column) => until(`${column} is noticed as ${change}`, () => at.flow.status(), (s) => s.schema_changes.some((c) => c.change === change && c.column === column && c.table === 'public.items'), { timeout: 20000 })
    })
    after(async () => {
      await at.flow?.removed()
      await at.pair?.drop()
    })
    body(at)
  })

  policies('evolve', 'evolve', (at) => {
    it('an added column flows through', async () => {
      await at.pair.source.query("ALTER TABLE items ADD COLUMN colour text; INSERT INTO items (id, name, colour) VALUES (11, 'new', 'red')")
      assert.equal((await at.row(11)).colour, 'red')
      await at.noticed('added', 'colour')
    })
    it('a dropped one stays in the target, and holds nothing up', async () => {
      await at.pair.source.query("ALTER TABLE items DROP COLUMN code; INSERT INTO items (id, name) VALUES (12, 'no code')")
      assert.ok('code' in (await at.row(12)))
      const s = await at.noticed('dropped', 'code')
      assert.match(s.schema_changes[0].done, /may be NULL/)
      assert.equal((await at.row(1)).code, 'c')
    })
    it('a retyped one is retyped', async () => {
      await at.pair.source.query('ALTER TABLE items ALTER COLUMN n TYPE bigint')
      await at.noticed('retyped', 'n')
      await at.pair.source.query("INSERT INTO items (id, name, n) VALUES (13, 'big', 9007199254740993)")
      assert.equal(String((await at.pair.target.query('SELECT n::text FROM items WHERE id = 13')).rows[0]?.n ?? (await at.row(13), (await at.pair.target.query('SELECT n::text FROM items WHERE id = 13')).rows[0].n)), '9007199254740993')
    })
    it('a renamed one comes under its new name', async () => {
      await at.pair.source.query("ALTER TABLE items RENAME COLUMN name TO title; INSERT INTO items (id, title) VALUES (14, 'titled')")
      const s = await at.noticed('renamed', 'name')
      assert.equal(s.schema_changes[0].new_name, 'title')
      assert.equal((await at.row(14)).title, 'titled')
      await until('it is well', () => at.flow.status(), (x) => x.status === 'RUNNING', { timeout: 30000 })
    })
  })

  policies('pause', 'pause', (at) => {
    it('an added column flows through', async () => {
      await at.pair.source.query("ALTER TABLE items ADD COLUMN colour text; INSERT INTO items (id, name, colour) VALUES (11, 'new', 'red')")
      assert.equal((await at.row(11)).colour, 'red')
    })
    it('a renamed one pauses it, and a resume goes on', async () => {
      await at.pair.source.query('ALTER TABLE items RENAME COLUMN name TO title')
      const s = await until('it is paused', () => at.flow.status(), (x) => x.state === 'PAUSED', { timeout: 20000 })
      assert.match(s.error_message, /column name of public\.items was renamed/)
      await at.pair.target.query('ALTER TABLE items RENAME COLUMN name TO title')
      await at.flow.post('resume?wait=30')
      await at.pair.source.query("INSERT INTO items (id, title) VALUES (12, 'titled')")
      assert.equal((await at.row(12)).title, 'titled')
      assert.equal((await at.flow.status()).state, 'RUNNING')
    })
  })

  policies('ignore', 'ignore', (at) => {
    it('a dropped one is shown, and nothing else is done', async () => {
      await at.pair.source.query('ALTER TABLE items DROP COLUMN n')
      const s = await at.noticed('dropped', 'n')
      assert.equal(s.schema_changes[0].done, null)
      await at.pair.source.query("INSERT INTO items (id, name) VALUES (12, 'without')")
      assert.equal((await at.row(12)).n, null)
      assert.equal((await at.flow.status()).state, 'RUNNING')
    })
  })
})
