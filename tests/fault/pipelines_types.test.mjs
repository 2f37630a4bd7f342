// pipelines_types.test.mjs - a value of every type that a pipeline takes, at its edges: the copy is exact, and so is a change that
// has gone through Debezium, Kafka's JSON and the JDBC sink. Types that do not survive that are refused by name.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login } from '../support/client.mjs'
import { createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const TAKEN = {
  smallint: "'-32768'", int: '2147483647', bigint: '9223372036854775807', numeric: "'123456789012345678901234567890.123456789'", 'numeric(10,2)': '12.30', real: "'3.4028235e38'", float8: "'0.1'", money: "'12.34'",
  boolean: 'true', text: "E'a\\tb\\\\c\\n''\"ü😀'", 'varchar(10)': "''", 'char(5)': "'ab'", bytea: "'\\x00ff10'", oid: '4294967295', feel: "'ok'",
  date: "'0044-03-15 BC'", time: "'23:59:59.123456'", timestamp: "'2024-02-29 12:34:56.123456'", 'timestamp(3)': "'2024-02-29 12:34:56.123'", timestamptz: "'1800-01-01 00:00:00Z'", interval: "'1 year 2 mons -3 days 04:05:06.7'",
  json: `'{"b": 1,  "a": [1, 2.50, null]}'`, jsonb: `'{"b":12345678901234567890.123,"a":"\\u00fc"}'`, xml: "'<a b=\"c\">d</a>'", uuid: "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", inet: "'::1/64'", cidr: "'10.0.0.0/8'", macaddr: "'08:00:2b:01:02:03'", macaddr8: "'08:00:2b:01:02:03:04:05'",
  int4range: "'[1,10)'", numrange: "'[1.5,2.5)'", daterange: "'[2024-01-01,2024-02-01)'", tsrange: "'[2024-01-01 00:00:00,)'", tstzrange: "'[2024-01-01 00:00:00+00,)'",
  'int[]': "'{1,NULL,3}'", 'smallint[]': "'{-5}'", 'bigint[]': "'{9223372036854775807}'", 'text[]': `'{"a,b","c\\"d",NULL}'`, 'varchar(5)[]': "'{abc}'", 'boolean[]': "'{t,f}'", 'uuid[]': "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'", 'jsonb[]': `'{"{\\"a\\": 1}"}'`,
}
const REFUSED = ['bit(8)', 'varbit(12)', 'point', 'box', 'circle', 'tsvector', 'name', 'pg_lsn', 'numeric[]', 'timestamptz[]', 'feel[]', 'int[][]']

describe('types', () => {
  let db, server, token, pair
  before(async () => {
    db = await createDatabase('types')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    token = await login(server.url)
    pair = await createPair()
    await pair.source.query("CREATE TYPE feel AS ENUM ('ok', 'bad')")
  })
  after(async () => {
    await server?.stop()
    await pair?.drop()
    await db?.drop()
  })

  it('what is taken is carried, by the copy and by changes', async () => {
    const types = Object.keys(TAKEN)
    const columns = types.map((_, i) => `c${i}`)
    const values = types.map((t) => TAKEN[t]).join(', ')
    await pair.source.query(`CREATE TABLE every (id int PRIMARY KEY, ${types.map((t, i) => `c${i} ${t}`).join(', ')});
      INSERT INTO every VALUES (1, ${values}); INSERT INTO every (id) VALUES (2), (3)`)
    const flow = await createFlow(server, token, pair, { source_tables: ['every'] })
    try {
      await flow.start()
      const row = async (d, id) => Object.values((await d.query(`SELECT ${columns.map((c) => `${c}::text`).join(', ')} FROM every WHERE id = ${id}`)).rows[0] ?? {})
      const same = async (id) => {
        const wanted = await row(pair.source, id)
        await until(`row ${id} is there`, () => row(pair.target, id), (r) => r.length > 0 && (r[1] === null) === (wanted[1] === null), { timeout: 30000, detail: () => server.log(10) })
        const got = await row(pair.target, id)
        assert.deepEqual(Object.fromEntries(types.map((t, i) => [t, got[i]])), Object.fromEntries(types.map((t, i) => [t, wanted[i]])), `row ${id}`)
      }
      for (const id of [1, 2, 3]) await same(id)
      await pair.source.query(`INSERT INTO every VALUES (4, ${values}); INSERT INTO every (id) VALUES (5); UPDATE every SET (${columns.join(', ')}) = (SELECT ${columns.join(', ')} FROM every WHERE id = 1) WHERE id = 2; UPDATE every SET c1 = NULL, c9 = NULL WHERE id = 1`)
      for (const id of [5, 4, 2, 1]) await same(id)
    } finally {
      await flow.removed()
    }
  })

  it('what is not is refused, unless it is only copied', async () => {
    for (const [i, t] of REFUSED.entries()) await pair.source.query(`CREATE TABLE refused_${i} (id int PRIMARY KEY, v ${t})`)
    const flow = await createFlow(server, token, pair, { source_tables: ['refused_*'] })
    const v = await flow.post('validate')
    assert.deepEqual(v.checks.filter((c) => c.scope === 'table' && c.ok && c.check.includes('refused')), [])
    await flow.removed()
    const copy = await createFlow(server, token, pair, { source_tables: ['refused_*'], mode: 'full_load_only' })
    assert.equal((await copy.post('validate')).valid, true)
    await copy.post('start?wait=30')
    assert.equal((await copy.get()).full_load_status, 'COMPLETED')
    await copy.removed()
  })
})
