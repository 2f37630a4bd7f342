// pipelines_killed.test.mjs - the server dies (kill -9) at each step of a pipeline's jobs. The next one goes on with the
// job or undoes it: one slot, one source, one sink, every row once; and after a delete, nothing.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { login } from '../support/client.mjs'
import { connectors, createFlow, createPair, flowEnv, sum } from '../support/copies.mjs'
import { Millrace, startMillrace } from '../support/millrace.mjs'
import { createDatabase, topicsWith } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

// Each entry: where the start dies, and where the delete of the same pipeline does.
const DEATHS = [
  ['start.check', 'delete.stop_connectors'],
  ['start.names', 'delete.delete_offsets'],
  ['start.tables', 'delete.delete_connectors'],
  ['start.publication', 'delete.drop_slot'],
  ['start.snapshot', 'delete.drop_group'],
  ['load.snapshot', 'delete.drop_topics'],
  ['load.copy', 'delete.forget_load'],
  ['load.piece', 'delete.end'],
  ['start.keys', 'resync.stop_connectors'],
  ['load.completed', 'resync.drop_slot'],
  ['start.source', 'resync.truncate'],
  ['connect.put', 'resync.snapshot'],
  ['start.sink', 'stop.stop_connectors'],
  ['start.run', 'pause.pause_connectors'],
]

describe('killed at each step', { timeout: 400000 }, () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'killed-'))
  const trigger = path.join(dir, 'now')
  let db, server, token, pair, group
  const flows = []
  before(async () => {
    db = await createDatabase('killed')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    group = server.group
    token = await login(server.url)
    pair = await createPair()
    await pair.source.query(`CREATE TABLE goods (id int PRIMARY KEY, name text, price numeric); INSERT INTO goods SELECT i, 'n' || i, i * 1.5 FROM generate_series(1, 3000) i;
      CREATE TABLE more (id int PRIMARY KEY, name text UNIQUE); INSERT INTO more SELECT i, 'm' || i FROM generate_series(1, 1000) i; ANALYZE`)
  })
  after(async () => {
    for (const flow of flows) await flow.delete().catch(() => {})
    for (const flow of flows) await flow.removed()
    await server?.stop()
    await pair?.drop()
    await db?.drop()
    rmSync(dir, { recursive: true })
  })

  /** The server dies at this point once, while something is under way. */
  async function dieAt(point, act) {
    await server.stop()
    server.env.MILLRACE_FAULT_POINT = `${point}@${trigger}`
    await server.start()
    writeFileSync(trigger, '')
    await act()
    const { signal } = await within(`it dies at ${point}`, 30000, server.exit).catch((e) => { throw new Error(`${e.message}\n${server.log(30)}`) })
    assert.equal(signal, 'SIGKILL', point)
    delete server.env.MILLRACE_FAULT_POINT
    await server.start()
  }

  const slots = async () => (await pair.source.query('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()')).rows.map((r) => r.slot_name)
  const publications = async () => (await pair.source.query("SELECT count(*) AS n FROM pg_publication WHERE pubname LIKE 'mr\\_%'")).rows[0].n
  const mine = async (flow) => (await connectors()).body.filter((n) => n.includes(flow.id.slice(-12))).sort()

  async function isWhole(flow) {
    await pair.source.query(`INSERT INTO goods SELECT max(id) + 1, 'late', 7 FROM goods; UPDATE more SET name = name || 'x' WHERE id = (SELECT min(id) FROM more)`)
    await flow.caughtUp(['goods', 'more'])
    assert.deepEqual(await slots(), [`mr_${flow.id.slice(-12)}`])
    assert.equal(await publications(), 1)
    assert.deepEqual(await mine(flow), [`mr_${flow.id.slice(-12)}_sink`, `mr_${flow.id.slice(-12)}_source`])
    assert.equal((await pair.target.query("SELECT count(*) AS n FROM pg_class WHERE relname LIKE '\\_mr\\_load%'")).rows[0].n, 0, 'no table of pieces is left')
  }

  async function isGone(flow) {
    await until('its clean-up is done', () => flow.call('GET', '/monitoring/orphans'), (o) => !o.pending_cleanup.length, { timeout: 60000, detail: () => server.log(30) })
    assert.deepEqual(await slots(), [])
    assert.equal(await publications(), 0)
    assert.deepEqual(await mine(flow), [])
    assert.deepEqual(await topicsWith(`mr_${flow.id.slice(-12)}`), [])
    await pair.target.query('DROP TABLE goods, more')
  }

  for (const [first, then] of DEATHS) {
    it(`at ${first}, then at ${then}`, async () => {
      const flow = await createFlow(server, token, pair)
      flows.push(flow)
      await dieAt(first, () => flow.post('start'))
      const s = await flow.settled(['RUNNING', 'ERROR'])
      assert.equal(s.state, 'RUNNING', s.error_message)
      await isWhole(flow)
      const kind = then.split('.')[0]
      if (kind === 'delete') {
        await dieAt(then, () => flow.delete())
        return isGone(flow)
      }
      await dieAt(then, () => flow.post(kind))
      const rest = { resync: 'RUNNING', stop: 'STOPPED', pause: 'PAUSED' }[kind]
      assert.equal((await flow.settled([rest, 'ERROR'])).state, rest)
      if (kind === 'resync') await isWhole(flow)
      await flow.delete()
      return isGone(flow)
    })
  }

  it('another node goes on with the job of one that died', async () => {
    const other = new Millrace({ databaseUrl: db.url, env: { ...server.env }, group })
    try {
      await other.start()
      const flow = await createFlow(server, token, pair)
      flows.push(flow)
      await server.stop()
      server.env.MILLRACE_FAULT_POINT = `load.copy@${trigger}`
      await server.start()
      writeFileSync(trigger, '')
      // Both are told to start it, at once: one job.
      const both = await Promise.all([server, other].map((n) => fetch(`${n.url}/api/v1/pipelines/${flow.id}/start`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })))
      assert.ok(both.every((r) => [200, 409].includes(r.status)), both.map((r) => r.status).join())
      const left = await until('one has done it', async () => (await (await fetch(`${other.url}/api/v1/pipelines/${flow.id}/status`, { headers: { authorization: `Bearer ${token}` } })).json()), (s) => s.state === 'RUNNING', { timeout: 60000, detail: () => other.log(30) })
      assert.equal(left.jobs.filter((j) => j.kind === 'start').length, 1)
      delete server.env.MILLRACE_FAULT_POINT
      if (!server.running) await server.start()
      await isWhole(flow)
    } finally {
      await other.stop()
      rmSync(trigger, { force: true })
    }
  })
})
