// pipelines_stuck.test.mjs - each stage of a running pipeline is stopped in turn, behind its back. The status says
// DEGRADED, names the rung of the ladder and the reason, and says RUNNING again when the stage is back.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { login } from '../support/client.mjs'
import { connectors, createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase } from '../support/services.mjs'
import { stack } from '../support/stack.mjs'
import { until } from '../support/until.mjs'

describe('a stage that stands still', { timeout: 300000 }, () => {
  let db, server, token, pair, flow
  before(async () => {
    db = await createDatabase('stuck')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv({ MILLRACE_HEARTBEAT_MS: '300', MILLRACE_HEARTBEAT_STALE_MS: '4000', MILLRACE_MONITOR_MS: '300', MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '6000' }) })
    token = await login(server.url)
    pair = await createPair()
    await pair.source.query("CREATE TABLE items (id serial PRIMARY KEY, name text); INSERT INTO items (name) VALUES ('first')")
    flow = await createFlow(server, token, pair)
    await flow.start()
    await well()
  })
  after(async () => {
    await flow?.removed()
    await server?.stop()
    await pair?.drop()
    await db?.drop()
  })

  const write = () => pair.source.query("INSERT INTO items (name) SELECT 'x' FROM generate_series(1, 20)")
  const well = () => until('it is well', () => flow.status(), (s) => s.status === 'RUNNING' && s.health === 'HEALTHY' && s.stuck === null, { timeout: 60000, detail: async () => `${JSON.stringify((await flow.status().catch(() => ({}))), null, 1)}\n${server.log(15)}` })
  async function stuck(rung, reason) {
    const s = await until(`${rung} is stuck`, () => flow.status(), (x) => x.status === 'DEGRADED' && x.stuck === rung && reason.test(x.health_reason), { timeout: 40000, detail: async () => JSON.stringify(await flow.status().catch((e) => e.message), null, 1) })
    assert.equal(s.state, 'RUNNING', 'what was asked for stays')
    assert.deepEqual(s.lag.ladder.filter((r) => r.stuck).map((r) => [r.rung, r.reason]), [[rung, s.health_reason]])
    assert.equal((await flow.get()).health, 'DEGRADED')
    return s
  }
  /** Held by a session of its own until the function that comes back is called. */
  async function hold(url, sql) {
    const c = new pg.Client(url)
    c.on('error', () => {})
    await c.connect()
    await c.query(`BEGIN; ${sql}`)
    return () => c.end()
  }

  it('the source: wal', async () => {
    const name = pair.source.name
    const owner = new pg.Client(pair.source.serverUrl)
    await owner.connect()
    await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await pair.source.pool.end()
    await owner.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
    try {
      await stuck('wal', /source does not answer/)
    } finally {
      await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      await owner.end()
      pair.source.open()
    }
    await well()
  })

  it('the source connector: slot', async () => {
    const name = `${flow.id.slice(-12)}_source`
    await connectors(`/mr_${name}/pause`, { method: 'PUT' })
    await stuck('slot', /mr_\w+_source is PAUSED/)
    await connectors(`/mr_${name}/resume`, { method: 'PUT' })
    await well()
  })

  it('Kafka: kafka', async () => {
    await stack('stop', 'kafka')
    try {
      await stuck('kafka', /Kafka does not answer/)
    } finally {
      await stack('start', 'kafka')
    }
    await write()
    await flow.caughtUp(['items'])
    await well()
  })

  it('the event logger: logger', async () => {
    const release = await hold(db.url, 'SELECT * FROM event_log_head FOR UPDATE')
    try {
      await write()
      const s = await stuck('logger', /logger does not move|heartbeat/)
      assert.ok(s.lag.ladder.find((r) => r.rung === 'logger').lag_records > 0)
    } finally {
      await release()
    }
    await well()
  })

  it('the sink: sink', async () => {
    const release = await hold(pair.target.url, 'LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
    try {
      await write()
      const s = await stuck('sink', /sink does not move: \d+ records wait/)
      assert.equal(s.lag.ladder.find((r) => r.rung === 'sink').lag_records, 20)
      assert.ok(s.lag.ladder.find((r) => r.rung === 'sink').lag_seconds > 1)
    } finally {
      await release()
    }
    await flow.caughtUp(['items'])
    await well()
  })

  it('Kafka Connect: said, nothing forgotten, recovered', async () => {
    await stack('stop', 'connect')
    try {
      const s = await stuck('slot', /Connect/)
      await write()
      assert.equal(s.jobs.filter((j) => j.state === 'pending').length, 0)
      // What is asked for meanwhile is done when it is back.
      const res = await flow.post('pause')
      assert.ok(res.job_id)
      const job = await until('the job waits', () => flow.status(), (x) => x.jobs.some((j) => j.kind === 'pause' && j.attempts > 1 && /Connect/.test(j.error ?? '')), { timeout: 30000 })
      assert.equal(job.state, 'RUNNING')
      assert.match(job.error_message, /Connect/)
    } finally {
      await stack('start', 'connect')
    }
    await flow.settled(['PAUSED'], 60000)
    await flow.post('resume?wait=30')
    await flow.caughtUp(['items'])
    await well()
  })

  it('a failed task is started again, later each time, and is well when its cause has gone', async () => {
    await pair.target.query("ALTER TABLE items ADD CONSTRAINT no_more CHECK (name <> 'bad')")
    await pair.source.query("INSERT INTO items (name) VALUES ('bad')")
    const s = await stuck('sink', /mr_\w+_sink has failed: .*no_more/)
    assert.match(s.connectors.sink.trace, /ConnectException/)
    assert.equal(s.connectors.sink.health, 'FAILED')
    await until('it was started again', () => flow.status(), (x) => x.restarts >= 2, { timeout: 30000 })
    await pair.target.query('ALTER TABLE items DROP CONSTRAINT no_more')
    await flow.caughtUp(['items'])
    await well()
  })

  it('past the ceiling it is an ERROR with the cause, and a start mends it', async () => {
    await server.stop()
    server.env.MILLRACE_TASK_RESTARTS = '1'
    server.env.MILLRACE_MONITOR_MS = '3000' // a start may be over between two looks
    await server.start()
    await well()
    await pair.target.query("ALTER TABLE items ADD CONSTRAINT no_more CHECK (name <> 'worse')")
    await pair.source.query("INSERT INTO items (name) VALUES ('worse')")
    const s = await until('it is given up', () => flow.status(), (x) => x.state === 'ERROR', { timeout: 40000 })
    assert.match(s.error_message, /has failed 2 times: .*no_more/)
    await pair.target.query('ALTER TABLE items DROP CONSTRAINT no_more')
    await flow.start()
    await flow.caughtUp(['items'])
    await well()
  })
})
