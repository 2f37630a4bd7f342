// events_export.test.mjs - the log as a file: lines of JSON or CSV, whatever there is of them, as fast as the client
// reads and in memory that does not grow with it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import { connect, login, request, subscribe } from '../support/client.mjs'
import { change } from '../support/debezium.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, sanitized, uniqueName } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'

const ROWS = 200000

describe('the log as a file', { timeout: 180000 }, () => {
  const prefix = uniqueName('export')
  const topic = `${prefix}.public.orders`
  let db, server, token, id, big
  before(async () => {
    db = await createDatabase('export')
    await createTopics([topic])
    server = await startMillrace({ databaseUrl: db.url })
    token = await login(server.url)
    id = await createPipeline(db, { name: 'shop', prefix })
    const row = (n) => ({ id: n, note: n === 2 ? '=SUM(A1), "quoted"\nand a line' : 'plain', amount: 1234567890123456789n.toString() })
    const inTransaction = (record, order) => ({ ...record, value: record.value.replace('"transaction":null', `"transaction":{"id":"571:53195829","total_order":${order},"data_collection_order":${order}}`) })
    await produce(topic, [
      ...[1, 2, 3].map((n) => inTransaction(change('c', { prefix, id: n, row: row(n) }), n)),
      { ...change('d', { prefix, id: 1 }), headers: { '__debezium.newkey': '{"id":9}' } },
      { ...change('c', { prefix, id: 9 }), headers: { '__debezium.oldkey': '{"schema":{},"payload":{"id":1}}' } },
      change('u', { prefix, id: 9, txId: 4242 }),
    ])
    await until('all is logged', () => db.one('SELECT last_seq AS n FROM event_log_head'), (r) => r.n === 6, { timeout: 30000 })
  })
  after(async () => {
    try {
      await server?.stop()
    } finally {
      await deleteTopics([topic])
      await db?.drop()
      await closeServices()
    }
  })
  const events = (query, accept, options = {}) => request(`${server.url}/api/v1/monitoring/events?${query}`, { token, headers: accept ? { accept } : {}, timeout: 60000, ...options })

  it('is lines of JSON, the bytes that the rooms got', async () => {
    const res = await events(`pipeline_id=${id}`, 'application/x-ndjson')
    assert.equal(res.status, 200, res.text)
    assert.match(res.headers.get('content-type'), /^application\/x-ndjson/)
    assert.match(res.headers.get('content-disposition'), /attachment; filename="events.ndjson"/)
    const stored = await db.rows('SELECT event FROM pipeline_runs ORDER BY seq DESC')
    assert.equal(res.text, stored.map((r) => `${r.event}\n`).join(''))
    assert.equal((await events('limit=2&event_type=insert', 'application/x-ndjson')).text.split('\n').length, 3)
    assert.equal((await events('table=nothing', 'application/x-ndjson')).text, '')
    const head = await events('', 'application/x-ndjson', { method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
    assert.equal((await events('limit=0', 'text/csv')).status, 422)
    assert.equal((await request(`${server.url}/api/v1/monitoring/events`, { headers: { accept: 'text/csv' } })).status, 401)
  })

  it('is CSV that a spreadsheet opens and does not calculate', async () => {
    const res = await events('event_type=insert', 'text/csv')
    assert.match(res.headers.get('content-type'), /^text\/csv/)
    const lines = res.text.trimEnd().split('\r\n').map((line) => [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map((m) => (m[1] ?? m[2]).replaceAll('""', '"')))
    const columns = lines[0].slice(0, 17)
    const second = Object.fromEntries(columns.map((c, i) => [c, lines[3][i]]))
    assert.deepEqual([columns[0], columns[16], lines.length], ['seq', 'after', 5])
    assert.deepEqual([second.seq, second.event_type, second.table_name, second.topic, second.offset, second.tx_id], ['2', 'insert', 'orders', topic, '1', '734'])
    assert.deepEqual(JSON.parse(second.after), { id: 2, note: '=SUM(A1), "quoted"\nand a line', amount: '1234567890123456789' })
  })

  it('finds whole transactions, and links the halves of a change of key', async () => {
    const whole = (await events('tx_id=571:53195829')).body
    assert.deepEqual(whole.map((e) => [e.seq, e.tx_id, e.total_order, e.transaction.data_collection_order]), [3, 2, 1].map((n) => [n, '571:53195829', n, n]))
    assert.deepEqual((await events(`tx_id=4242&pipeline_id=${id}`)).body.map((e) => e.seq), [6])
    const [second, first] = (await events('limit=3')).body.slice(1)
    assert.deepEqual([first.event_type, first.key, first.new_key, first.old_key], ['delete', { id: 1 }, { id: 9 }, undefined])
    assert.deepEqual([second.event_type, second.key, second.old_key, second.new_key], ['insert', { id: 9 }, { id: 1 }, undefined])
  })

  it('is written while it is read: a slow client holds little, and gets everything', async () => {
    big = await createPipeline(db, { name: 'big', topics: ['none.at.all'] })
    await db.query(`INSERT INTO pipeline_runs (id, pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, table_name, status, started_at, run_metadata, event)
      SELECT gen_random_uuid(), $1, 1000 + i, i, 'CDC', 'insert', 'public', 'big', 'COMPLETED', now(), '{}', '{"n":' || i || ',"filler":"' || repeat('x', 300) || '"}'
      FROM generate_series(1, ${ROWS}) i`, [big])
    await db.query('ANALYZE pipeline_runs')
    const rss = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1])
    const idle = rss()
    let highest = 0
    let next = ROWS
    let rest = ''
    const res = await new Promise((resolve, reject) => http.get(`${server.url}/api/v1/monitoring/events?pipeline_id=${big}`,
      { headers: { authorization: `Bearer ${token}`, accept: 'application/x-ndjson' } }, resolve).on('error', reject))
    assert.equal(res.statusCode, 200)
    for await (const piece of res) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()
      for (const line of lines) assert.equal(JSON.parse(line).n, next--)
      if (next % 50 === 0) await pause(1) // slower than the server could be
      highest = Math.max(highest, rss())
    }
    assert.deepEqual([next, rest], [0, ''], 'every row, in order')
    if (!sanitized()) assert.ok(highest - idle < 24 << 10, `${((highest - idle) / 1024).toFixed(1)} MiB for ${((ROWS * 330) / 2 ** 20).toFixed(0)} MiB of events`)
  })

  it('is found by its indexes, whatever is asked', async () => {
    const large = "FROM pg_stat_user_tables WHERE relname ~ '^pipeline_runs_' AND n_live_tup > 100000"
    const scans = () => db.one(`SELECT sum(seq_scan)::int AS seq, sum(idx_scan)::int AS idx, count(*)::int AS n ${large}`)
    const before = await until('the statistics know the rows', scans, (s) => s.n === 1, { timeout: 20000 })
    const socket = await connect(server.url, token)
    const [{ id: event }] = await db.rows("SELECT id FROM pipeline_runs WHERE run_type = 'CDC' AND seq = 3000")
    const paths = [
      `events?pipeline_id=${big}`, `events?pipeline_id=${big}&event_type=insert&table=big&limit=100`, 'events?limit=100', `events?after_seq=${ROWS}&limit=10`,
      `events?pipeline_id=${big}&limit=10&cursor=${Buffer.from('90000~').toString('hex')}`, `events/${event}`, 'dashboard', `dashboard?pipeline_id=${big}`, 'top-keys', 'analytics', 'reconcile',
    ]
    for (const path of paths) {
      const res = await request(`${server.url}/api/v1/monitoring/${path}`, { token, timeout: 30000 })
      if (!path.includes(event)) assert.equal(res.status, 200, `${path}: ${res.text}`)
    }
    for (const start of [{ after: ROWS + 900 }, { last: 50 }, { since: Date.now() }, { last: 5, event_types: ['insert'], tables: ['big'] }]) await subscribe(socket, { pipeline_id: big, ...start })
    socket.close()
    const now = await until('the statistics know the reads', scans, (s) => s.idx >= before.idx + paths.length, { timeout: 20000 })
    assert.equal(now.seq, before.seq, 'no table of the log was read from end to end')
  })

  it('ends when the client goes, or the server does', async () => {
    const open = () => new Promise((resolve, reject) => http.get(`${server.url}/api/v1/monitoring/events?pipeline_id=${big}`,
      { headers: { authorization: `Bearer ${token}`, accept: 'application/x-ndjson' } }, resolve).on('error', reject))
    const left = await open()
    await new Promise((resolve) => left.once('data', resolve))
    left.destroy()
    assert.equal((await events('limit=1')).status, 200, 'the server goes on')
    const cut = await open()
    cut.pause()
    const broken = new Promise((resolve) => cut.once('error', resolve))
    await server.stop()
    cut.resume()
    assert.ok(await broken, 'what is cut off cannot be taken for the whole')
  })
})
