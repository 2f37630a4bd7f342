// pipelines_copy.test.mjs - pipelines that millrace runs itself, from PostgreSQL to PostgreSQL through Kafka Connect.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login } from '../support/client.mjs'
import { connectors, createFlow, createPair, flowEnv, sum } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
  CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL DEFAULT 'nobody',
    contact email, feels mood DEFAULT 'ok', tags text[] DEFAULT '{}', born date, weight numeric(12,4), data jsonb, raw bytea,
    seen timestamptz NOT NULL DEFAULT now(), local timestamp, span interval, ref uuid, net inet, big bigint, ratio float8, yes boolean,
    shout text GENERATED ALWAYS AS (upper(name)) STORED);
  COMMENT ON TABLE customers IS 'who buys';
  COMMENT ON COLUMN customers.name IS 'as they''re called';
  CREATE INDEX customers_name ON customers (lower(name));
  CREATE UNIQUE INDEX customers_ref ON customers (ref) WHERE ref IS NOT NULL;
  CREATE TABLE "Order Lines" (order_id int, line smallint, sku varchar(20) NOT NULL, price numeric, PRIMARY KEY (order_id, line));
  CREATE TABLE parts (id int, day date NOT NULL, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2030-01-01');
  INSERT INTO customers (name, contact, feels, tags, born, weight, data, raw, local, span, ref, net, big, ratio, yes)
    SELECT 'n' || i, i || '@x', (ARRAY['sad','ok','happy']::mood[])[1 + i % 3], ARRAY['a' || i, 'b,"{}'], date '2000-01-01' + i, i / 7.0,
      jsonb_build_object('i', i, 'q', '"\\'), decode(md5(i::text), 'hex'), timestamp '2020-02-03 04:05:06.789012', '1 mon 2 days 03:04:05.6', gen_random_uuid(), '10.0.0.1', 9007199254740993 + i, i / 3.0, i % 2 = 0
    FROM generate_series(1, 500) i;
  INSERT INTO "Order Lines" SELECT i, 1, E'tab\\there\\nline \\\\N', i * 1.5 FROM generate_series(1, 300) i;
  INSERT INTO parts SELECT i, date '2020-06-01' + i, repeat('x', 10) FROM generate_series(1, 400) i;`
const TABLES = ['customers', '"Order Lines"', 'parts']

describe('a pipeline of our own', () => {
  let db, server, token, pair, flow
  before(async () => {
    db = await createDatabase('copy')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    token = await login(server.url)
    pair = await createPair()
    await pair.source.query(SHOP)
    flow = await createFlow(server, token, pair, { mode: 'full_load_and_cdc' })
  })
  after(async () => {
    await flow?.delete().catch(() => {})
    if (flow) await until('it is cleaned up', async () => (await connectors()).body.filter((n) => n.includes(flow.id.slice(-12))).length, (n) => n === 0, { timeout: 60000 }).catch(() => {})
    await server?.stop()
    await pair?.drop()
    await db?.drop()
  })

  it('is found fit by its checks', async () => {
    const res = await flow.post('validate')
    assert.equal(res.valid, true, JSON.stringify(res.checks.filter((c) => !c.ok)))
    for (const scope of ['pipeline', 'source', 'target', 'table', 'connect']) assert.ok(res.checks.some((c) => c.scope === scope), scope)
  })

  it('copies schema and rows, then follows every change', async () => {
    const s = await flow.start()
    assert.equal(s.state, 'RUNNING')
    assert.equal(s.full_load_status, 'COMPLETED')
    await flow.caughtUp(TABLES)
    await pair.source.query(`
      INSERT INTO customers (name, contact, feels, tags, weight, data, raw, span, ref, net, big) SELECT 'late ' || i, 'l@x', 'happy', '{q,"r s"}', 1.2500, '{"a":[1,null]}', '\\x00ff', '2 years', gen_random_uuid(), '::1', 9223372036854775807 FROM generate_series(1, 20) i;
      UPDATE customers SET name = 'changed', feels = 'sad', weight = 3.3333, seen = now() WHERE id % 10 = 0;
      DELETE FROM customers WHERE id % 50 = 1;
      INSERT INTO "Order Lines" VALUES (7000, 1, 'again', 1); DELETE FROM "Order Lines" WHERE order_id = 7000; INSERT INTO "Order Lines" VALUES (7000, 1, 'and again', 2);
      UPDATE parts SET note = 'once' WHERE id BETWEEN 20 AND 30; UPDATE parts SET note = 'twice' WHERE id BETWEEN 20 AND 30; DELETE FROM parts WHERE id = 25;
      UPDATE "Order Lines" SET sku = 'moved', order_id = order_id + 1000 WHERE order_id < 20;
      DELETE FROM parts WHERE id < 10;
      INSERT INTO parts VALUES (9999, '2025-05-05', NULL)`)
    await flow.caughtUp(TABLES)
  })

  it('made the target like the source', async () => {
    const { rows } = await pair.target.query(`SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, a.attidentity <> '' AS identity, a.attgenerated <> '' AS generated, pg_get_expr(d.adbin, d.adrelid) AS def
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = 'customers'::regclass AND a.attnum > 0 ORDER BY a.attnum`)
    const of = Object.fromEntries(rows.map((r) => [r.attname, r]))
    assert.equal(of.feels.type, 'mood')
    assert.equal(of.contact.type, 'text', 'a domain is its base type')
    assert.equal(of.tags.type, 'text[]')
    assert.equal(of.weight.type, 'numeric(12,4)')
    assert.equal(of.name.def, "'nobody'::text")
    assert.ok(of.name.attnotnull && of.id.identity && of.shout.generated)
    const indexes = (await pair.target.query("SELECT indexname FROM pg_indexes WHERE tablename = 'customers' ORDER BY 1")).rows.map((r) => r.indexname)
    assert.deepEqual(indexes, ['customers_name', 'customers_pkey', 'customers_ref'])
    assert.equal((await pair.target.query("SELECT obj_description('customers'::regclass) AS c")).rows[0].c, 'who buys')
    assert.ok(Number((await pair.target.query("SELECT nextval(pg_get_serial_sequence('customers', 'id')) AS n")).rows[0].n) > 500)
  })

  it('says RUNNING when a heartbeat has come through, with the ladder', async () => {
    const s = await until('it is well', () => flow.status(), (x) => x.status === 'RUNNING', { timeout: 30000 })
    assert.equal(s.health, 'HEALTHY')
    assert.deepEqual(s.lag.ladder.map((r) => r.rung), ['wal', 'slot', 'kafka', 'logger', 'sink'])
    assert.ok(s.evidence.heartbeat_age_seconds < 10)
    const lag = await flow.call('GET', `/monitoring/pipelines/${flow.id}/lsn-latency`)
    assert.equal(lag.slot_active, true)
    assert.match(lag.confirmed_lsn, /^[0-9A-F]+\/[0-9A-F]+$/)
    await until('the log has the changes', () => flow.get(), (p) => p.stats.delete_count >= 10 && p.stats.update_count >= 50)
  })

  it('pauses, and resumes where it was', async () => {
    await flow.post('pause?wait=30')
    assert.equal((await flow.status()).state, 'PAUSED')
    await pair.source.query("INSERT INTO parts VALUES (10000, '2025-05-05', 'while paused')")
    await flow.post('resume?wait=30')
    assert.equal((await flow.status()).state, 'RUNNING')
    await flow.caughtUp(TABLES)
  })

  it('stops and starts without a second copy', async () => {
    await flow.post('stop?wait=30')
    assert.equal((await flow.status()).state, 'STOPPED')
    await pair.source.query("INSERT INTO parts VALUES (10001, '2025-05-05', 'while stopped')")
    await flow.start()
    await flow.caughtUp(TABLES)
    assert.equal((await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n, 1)
  })

  it('is gone without a trace when it is deleted', async () => {
    await flow.call('DELETE', `/pipelines/${flow.id}`, undefined, 409)
    await flow.call('DELETE', `/pipelines/${flow.id}?force=true`, undefined, 204)
    await until('slot, publication and connectors are gone', async () => {
      const slots = (await pair.source.query('SELECT count(*) AS n FROM pg_replication_slots WHERE database = current_database()')).rows[0].n
      const pubs = (await pair.source.query("SELECT count(*) AS n FROM pg_publication WHERE pubname LIKE 'mr_%'")).rows[0].n
      const left = (await connectors()).body.filter((n) => n.includes(flow.id.slice(-12))).length
      return slots + pubs + left
    }, (n) => n === 0, { timeout: 60000 })
    assert.equal(await sum(pair.source, 'parts'), await sum(pair.target, 'parts'))
  })
})
