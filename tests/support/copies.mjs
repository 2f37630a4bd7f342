// copies.mjs - a source and a target database, and a pipeline of millrace's own between them.
//
//   const pair = await createPair()                 source and target, empty
//   const flow = await createFlow(server, token, pair, { mode: 'full_load_and_cdc', source_tables: ['orders'] })
//   await flow.start(); await flow.caughtUp(); await flow.same(['orders'])
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { request } from './client.mjs'
import { createDatabase, required, uniqueName } from './services.mjs'
import { until } from './until.mjs'

/** Settings of a server that runs pipelines and is quick to notice. */
export const flowEnv = (more = {}) => ({
  MILLRACE_SECRET_KEY: randomBytes(32).toString('base64'),
  MILLRACE_HEARTBEAT_MS: '500',
  MILLRACE_HEARTBEAT_STALE_MS: '6000',
  MILLRACE_MONITOR_MS: '400',
  ...more,
})

export async function createPair() {
  const source = await createDatabase('copy_source', { url: required('DEMO_SOURCE_URL') })
  const target = await createDatabase('copy_target', { url: required('DEMO_TARGET_URL') })
  return { source, target, drop: async () => { await dropSlots(source); await source.drop(); await target.drop() } }
}

/** Whatever a test has left in a source, so that its database can be dropped. */
async function dropSlots(db) {
  await until('no slot is in use', () => db.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()'), Boolean, { timeout: 30000, every: 300 })
}

function endOf(db, type) {
  const u = new URL(db.url)
  return { name: uniqueName(type), connection_type: type, database_type: 'postgresql', host: u.hostname, port: Number(u.port), database: db.name, username: decodeURIComponent(u.username), password: decodeURIComponent(u.password) || 'none', ssl_mode: 'prefer' }
}

export async function createFlow(server, token, pair, fields = {}, { from = endOf(pair.source, 'source'), to = endOf(pair.target, 'target') } = {}) {
  const call = async (method, path, body, expect = 200) => {
    const res = await request(`${server.url}/api/v1${path}`, { method, token, body })
    assert.equal(res.status, expect, `${method} ${path}: ${res.text}`)
    return res.body
  }
  const source = await call('POST', '/connections', from, 201)
  const target = await call('POST', '/connections', to, 201)
  const pipeline = await call('POST', '/pipelines', { name: uniqueName('flow'), engine: 'connect', mode: 'full_load_and_cdc', source_schema: 'public', source_connection_id: source.id, target_connection_id: target.id, ...fields }, 201)
  const id = pipeline.id
  const flow = {
    id, call, source, target, pair,
    get: (path = '') => call('GET', `/pipelines/${id}${path}`),
    status: () => call('GET', `/pipelines/${id}/status`),
    post: (verb, expect = 200) => call('POST', `/pipelines/${id}/${verb}`, undefined, expect),
    /** Until it is in one of these states, with no job open. */
    async settled(states, timeout = 90000) {
      return until(`the pipeline is ${states}`, () => flow.status(), (s) => states.includes(s.state) && !s.jobs.some((j) => ['pending', 'running'].includes(j.state)), { timeout, detail: () => server.log(40) })
    },
    async start(timeout) {
      await flow.post('start')
      const s = await flow.settled(['RUNNING', 'STOPPED', 'ERROR'], timeout)
      assert.notEqual(s.state, 'ERROR', s.error_message)
      return s
    },
    /** Everything that is in the source by now is in the target. */
    async caughtUp(tables, timeout = 90000) {
      await until('source and target are the same', async () => {
        for (const t of tables) if ((await sum(pair.source, t)) !== (await sum(pair.target, fields.target_schema ? `${fields.target_schema}.${t}` : t))) return false
        return true
      }, Boolean, { timeout, every: 250, detail: async () => JSON.stringify(await flow.status(), null, 1) })
    },
    async delete(query = '') {
      await call('DELETE', `/pipelines/${id}?force=true&drop_topics=true${query}`, undefined, 204)
    },
    /** Deleted, and cleaned up after; whatever state the test has left it in. */
    async removed() {
      await flow.delete().catch(() => {})
      await until('it is cleaned up', () => call('GET', '/monitoring/orphans'), (o) => !o.pending_cleanup.some((p) => p.pipeline_id === id), { timeout: 60000, detail: () => server.log(20) }).catch(() => {})
    },
  }
  return flow
}

/** Count and checksum of a table, whatever the order of its columns and rows. */
export async function sum(db, table) {
  const { rows } = await db.query(`SELECT count(*) AS n, coalesce(sum(('x' || substr(md5((SELECT string_agg(e.key || e.value::text, ',' ORDER BY e.key) FROM jsonb_each(to_jsonb(t) - '_mr_op' - '_mr_lsn' - '_mr_ts') e)), 1, 15))::bit(60)::bigint), 0)::text AS sum FROM ${table} t`)
  return `${rows[0].n} ${rows[0].sum}`
}

/** Kafka Connect itself, past millrace. */
export async function connectors(path = '', options) {
  const res = await fetch(`${required('KAFKA_CONNECT_URL').split(',')[0]}/connectors${path}`, options)
  return { status: res.status, body: await res.json().catch(() => undefined) }
}
