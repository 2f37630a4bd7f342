// api_connections_catalog.test.mjs - what is in a connection's database, as a real PostgreSQL has it.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase, required } from '../support/services.mjs'

describe('the catalogue', () => {
  let db
  let shop
  let server
  let token
  let id
  before(async () => {
    db = await createDatabase('api_catalog')
    shop = await createDatabase('api_catalog_shop')
    await shop.query(`
      CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(80) NOT NULL, born date, score numeric(10,2) DEFAULT 0);
      CREATE TABLE orders (tenant int, no int, customer bigint NOT NULL REFERENCES customers, note text, PRIMARY KEY (no, tenant));
      CREATE TABLE lines (id int, tenant int, no int, CONSTRAINT of_order FOREIGN KEY (no, tenant) REFERENCES orders (no, tenant));
      CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
      CREATE VIEW v AS SELECT 1 AS one;
      ALTER TABLE lines REPLICA IDENTITY FULL;
      CREATE SCHEMA "Lager~%ü";
      CREATE TABLE "Lager~%ü"."日本 ""t""" (x int);
      CREATE PUBLICATION pub_a FOR TABLE orders, lines;
      INSERT INTO customers (name) SELECT g FROM generate_series(1, 1000) g;
      ANALYZE customers`)
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_SECRET_KEY: randomBytes(32).toString('base64'), MILLRACE_CONNECTION_TEST_TIMEOUT_MS: '3000' } })
    token = await login(server.url)
    id = await save({})
  })
  after(async () => {
    await server?.stop()
    await shop?.drop()
    await db?.drop()
  })
  const save = async (more) => {
    const url = new URL(required('DATABASE_URL'))
    const body = { name: `c${randomBytes(4).toString('hex')}`, connection_type: 'source', database_type: 'postgresql', host: url.hostname, port: Number(url.port), database: shop.name, username: url.username, password: decodeURIComponent(url.password), ...more }
    const res = await request(`${server.url}/api/v1/connections`, { method: 'POST', token, body })
    assert.equal(res.status, 201, res.text)
    return res.body.id
  }
  const get = (path, of = id) => request(`${server.url}/api/v1/connections/${of}${path}`, { token })
  const table = async (name) => (await get(`/tables?q=${name}&schema=public`)).body.find((t) => t.name === name)

  it('lists the schemas', async () => {
    const res = await get('/schemas')
    assert.equal(res.status, 200, res.text)
    assert.deepEqual(res.body, [{ name: 'Lager~%ü', tables: 1, usable: true }, { name: 'public', tables: 5, usable: true }])
  })

  it('knows all of a table that a pipeline needs', async () => {
    const customers = await table('customers')
    assert.deepEqual([customers.type, customers.estimated_rows, customers.replica_identity, customers.readable, customers.primary_key, customers.publications], ['table', 1000, 'default', true, ['id'], []])
    assert.ok(customers.size_bytes > 0)
    assert.deepEqual(customers.columns, [
      { name: 'id', type: 'bigint', nullable: false, default: null, generated: true, primary_key: true },
      { name: 'name', type: 'character varying(80)', nullable: false, default: null, generated: false, primary_key: false },
      { name: 'born', type: 'date', nullable: true, default: null, generated: false, primary_key: false },
      { name: 'score', type: 'numeric(10,2)', nullable: true, default: '0', generated: false, primary_key: false },
    ])
    const orders = await table('orders')
    assert.deepEqual([orders.primary_key, orders.publications, orders.estimated_rows], [['no', 'tenant'], ['pub_a'], null])
    const lines = await table('lines')
    assert.deepEqual([lines.replica_identity, lines.primary_key], ['full', []])
    assert.deepEqual(lines.foreign_keys, [{ name: 'of_order', columns: ['no', 'tenant'], references: { schema: 'public', table: 'orders', columns: ['no', 'tenant'] } }])
    assert.equal((await table('events')).type, 'partitioned_table')
    assert.equal(await table('events_1'), undefined, 'a partition is part of its table')
  })

  it('pages by schema and name, whatever they are called', async () => {
    const seen = []
    for (let next = `/api/v1/connections/${id}/tables?limit=1`; next;) {
      const res = await request(`${server.url}${next}`, { token })
      assert.equal(res.status, 200, res.text)
      assert.equal(res.body.length, 1)
      seen.push(`${res.body[0].schema}.${res.body[0].name}`)
      next = /<([^>]+)>; rel="next"/.exec(res.headers.get('link') ?? '')?.[1]
    }
    assert.deepEqual(seen, ['Lager~%ü.日本 "t"', 'public.customers', 'public.events', 'public.lines', 'public.orders'])
    for (const q of ['cursor=zz', 'cursor=257a7e61', 'limit=0']) assert.equal((await get(`/tables?${q}`)).status, 422, q)
    assert.deepEqual((await get(`/tables?q=${encodeURIComponent("' OR 1=1 --")}`)).body, [])
  })

  it('says which step failed, or that it cannot be done', async () => {
    const wrong = await get('/schemas', await save({ password: 'wrong-secret' }))
    assert.equal(wrong.status, 424, wrong.text)
    assert.match(wrong.body.detail, /28P01/)
    assert.equal((await get('/tables', await save({ port: 1 }))).status, 424)
    const other = await get('/tables', await save({ database_type: 'oracle' }))
    assert.equal(other.status, 422)
    assert.match(other.body.detail, /oracle/)
    assert.equal((await get('/tables', '00000000-0000-0000-0000-000000000000')).status, 404)
  })
})
