// stream_rooms.test.mjs - a room is its log: whoever subscribes, whenever and however slowly, sees
// every event once and in order; what a subscription asks for is what it gets.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { ask, Collector, connect, login, request, subscribe } from '../support/client.mjs'
import { change, mixed } from '../support/debezium.mjs'
import { metrics, sum } from '../support/metrics.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, millraceBin, produce, sanitized, uniqueName } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'

describe('log-backed rooms', () => {
  const prefix = uniqueName('rooms')
  const topics = ['orders', 'items', 'big', 'quiet', 'few'].map((t) => `${prefix}.public.${t}`)
  const [orders, items, big, quiet, few] = topics
  let db, server, token, mixedPipeline, bigPipeline, quietPipeline, fewPipeline
  const sockets = []

  before(async () => {
    db = await createDatabase('rooms')
    await createTopics(topics)
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_SOCKET_HIGH_WATER_BYTES: '262144' } })
    token = await login(server.url)
    mixedPipeline = await createPipeline(db, { name: 'mixed', topics: [orders, items] })
    bigPipeline = await createPipeline(db, { name: 'big', topics: [big] })
    quietPipeline = await createPipeline(db, { name: 'quiet', topics: [quiet] })
    fewPipeline = await createPipeline(db, { name: 'few', topics: [few] })
  })
  after(async () => {
    sockets.forEach((s) => s.close())
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics(topics)
      await closeServices()
    }
  })
  const detail = () => server.log(30)
  const join = async (options) => {
    const socket = await connect(server.url, token, options)
    sockets.push(socket)
    return socket
  }
  const logged = async (pipeline) => (await db.one('SELECT coalesce(max(pipeline_seq), 0) AS n FROM pipeline_runs WHERE pipeline_id = $1', [pipeline])).n

  it('closes the seam between the past and the present while events pour in', async () => {
    const n = 12000
    const { byTable } = mixed(n, { prefix, tables: ['orders', 'items'] })
    const pour = async (topic, records) => {
      for (let i = 0; i < records.length; i += 250) {
        await produce(topic, records.slice(i, i + 250))
        await pause(80) // some 5,000 a second
      }
    }
    const pouring = Promise.all([pour(orders, byTable.get('orders')), pour(items, byTable.get('items'))])
    const clients = []
    for (let i = 0; i < (sanitized() ? 12 : 100); i++) {
      const socket = await join({ transports: i % 3 === 2 ? ['polling'] : ['websocket'] })
      const seen = new Collector(mixedPipeline, { first: 1 }).on(socket)
      const ack = await subscribe(socket, { pipeline_id: mixedPipeline, after: 0 })
      assert.equal(ack.room, `pipeline_${mixedPipeline}`)
      if (ack.live) assert.ok(seen.lastSeq >= ack.last_seq || ack.replayed === 0, 'the ack comes after what was replayed')
      clients.push(seen)
      await pause(Math.random() * (sanitized() ? 80 : 10)) // spread over the load
    }
    await pouring
    for (const seen of clients) {
      await seen.reaches(n, { timeout: 60000, detail })
      assert.deepEqual(seen.problems, [])
    }
    assert.equal(await logged(mixedPipeline), n)
  })

  it('begins where the log stands when no position is named', async () => {
    const socket = await join()
    const seen = new Collector(mixedPipeline).on(socket)
    const ack = await subscribe(socket, mixedPipeline)
    assert.deepEqual([ack.replayed, ack.live, ack.last_seq], [0, true, 12000])
    await produce(orders, [change('c', { id: 90001, prefix, table: 'orders' })])
    await seen.reaches(12001, { detail })
    assert.equal(seen.events.length, 1)
  })

  it('replays exactly what comes after the position that is named', async () => {
    for (const after of [11999, 12000, 12001]) {
      const socket = await join()
      const seen = new Collector(mixedPipeline).on(socket)
      const ack = await subscribe(socket, { pipeline_id: mixedPipeline, after })
      assert.deepEqual([ack.replayed, ack.last_seq, ack.live], [12001 - after, 12001, true])
      assert.deepEqual(seen.events.map((e) => e.seq), Array.from({ length: 12001 - after }, (_, i) => after + 1 + i))
    }
  })

  it('begins at a time, or with the newest so many, and goes on live without a seam', async () => {
    const all = await db.rows('SELECT seq, op_kind, table_name, started_at FROM pipeline_runs WHERE pipeline_id = $1 ORDER BY seq', [mixedPipeline])
    const middle = all[Math.floor(all.length / 2)].started_at
    const deletes = all.filter((r) => r.op_kind === 'delete' && r.table_name === 'items')
    const from = (time) => all.filter((r) => r.started_at >= time).map((r) => r.seq)
    const rows = [
      [{ since: middle.getTime() }, from(new Date(middle.getTime()))],
      [{ since: new Date(middle.getTime() + 1).toISOString() }, from(new Date(middle.getTime() + 1))],
      [{ since: '2001-01-01T00:00:00Z' }, all.map((r) => r.seq)],
      [{ since: Date.now() + 3600000 }, []],
      [{ last: 1 }, all.slice(-1).map((r) => r.seq)],
      [{ last: 700 }, all.slice(-700).map((r) => r.seq)],
      [{ last: 100000 }, all.map((r) => r.seq)],
      [{ last: 5, event_types: ['delete'], tables: ['public.items'] }, deletes.slice(-5).map((r) => r.seq)],
    ]
    const joined = []
    for (const [start, want] of rows) {
      const socket = await join()
      const got = []
      const gaps = []
      socket.on('replication_event', (e) => got.push(e.seq))
      socket.on('replay_gap', (g) => gaps.push(g))
      await subscribe(socket, { pipeline_id: mixedPipeline, ...start })
      await until('the replay is complete', () => got.length, (n) => n >= want.length, { timeout: 20000 })
      assert.deepEqual(got, want, JSON.stringify(start))
      assert.deepEqual(gaps, [])
      joined.push([start, got, want])
    }
    await produce(items, [change('d', { id: 90002, prefix, table: 'items' })])
    for (const [start, got, want] of joined) {
      await until(`what comes next comes to ${JSON.stringify(start)}`, () => got.length, (n) => n > want.length, { detail })
      assert.equal(got.at(-1), 12002)
    }
    for (const bad of [{ since: 'yesterday' }, { since: true }, { last: 0 }, { last: 1.5 }, { last: 5, after: 1 }, { since: 1, after: 1 }]) {
      assert.equal((await ask(await join(), 'subscribe_pipeline', { pipeline_id: mixedPipeline, ...bad })).ok, false, JSON.stringify(bad))
    }
  })

  it('tells a client that knew another log', async () => {
    const socket = await join()
    const gaps = []
    socket.on('replay_gap', (g) => gaps.push(g))
    const ack = await subscribe(socket, { pipeline_id: mixedPipeline, after: 5000000 })
    assert.equal(ack.last_seq, 12002)
    assert.equal(gaps.length, 1)
    assert.deepEqual([gaps[0].pipeline_id, gaps[0].to], [mixedPipeline, 5000000])
    assert.ok(gaps[0].reason)
  })

  it('filters by kind and by table', async () => {
    const rows = [
      [{ event_types: ['delete'] }, (e) => e.event_type === 'delete'],
      [{ event_types: ['INSERT', 'update'] }, (e) => ['insert', 'update'].includes(e.event_type)],
      [{ tables: ['items'] }, (e) => e.table_name === 'items'],
      [{ tables: ['public.orders'], event_types: ['update'] }, (e) => e.table_name === 'orders' && e.event_type === 'update'],
      [{ tables: ['no such table'] }, () => false],
    ]
    const all = (await db.rows('SELECT event FROM pipeline_runs WHERE pipeline_id = $1 ORDER BY seq', [mixedPipeline])).map((r) => JSON.parse(r.event))
    for (const [filter, passes] of rows) {
      const socket = await join()
      const got = []
      socket.on('replication_event', (e) => got.push(e.seq))
      const want = all.filter(passes).map((e) => e.seq)
      const ack = await subscribe(socket, { pipeline_id: mixedPipeline, after: 0, ...filter })
      await until('the replay is complete', () => got.length, (n) => n >= want.length, { timeout: 20000 })
      assert.deepEqual(got, want, JSON.stringify(filter))
      if (ack.live) assert.equal(ack.replayed, want.length)
      await ask(socket, 'unsubscribe_pipeline', mixedPipeline)
    }
    for (const bad of [{ event_types: ['explode'] }, { event_types: 'insert' }, { tables: 'orders' }, { tables: [1] }, { batch_ms: 10 }, { batch_ms: 5000 }, { batch_ms: 'x' }]) {
      const socket = await join()
      assert.equal((await ask(socket, 'subscribe_pipeline', { pipeline_id: mixedPipeline, ...bad })).ok, false, JSON.stringify(bad))
    }
  })

  it('delivers arrays at the pace that batch_ms asks for', async () => {
    const socket = await join()
    const arrays = []
    let singles = 0
    socket.on('replication_events', (a) => arrays.push(a))
    socket.on('replication_event', () => singles++)
    await subscribe(socket, { pipeline_id: quietPipeline, batch_ms: 200 })
    for (let i = 0; i < 20; i++) await produce(quiet, [change('c', { id: i, prefix, table: 'quiet' })])
    await until('all have come', () => arrays.flat().length, (n) => n === 20, { detail })
    assert.deepEqual(arrays.flat().map((e) => e.pipeline_seq), Array.from({ length: 20 }, (_, i) => i + 1))
    assert.ok(arrays.length < 20, `${arrays.length} arrays`)
    assert.equal(singles, 0)
    const again = await join()
    const replayed = []
    again.on('replication_events', (a) => replayed.push(...a))
    await subscribe(again, { pipeline_id: quietPipeline, after: 0, batch_ms: 50 })
    await until('the past has come', () => replayed.length, (n) => n === 20)
  })

  it('replaces a subscription by a later one, and takes at most 256', async () => {
    const socket = await join()
    const got = []
    socket.on('replication_event', (e) => got.push(e.pipeline_seq))
    await subscribe(socket, { pipeline_id: quietPipeline, event_types: ['delete'] })
    const ack = await subscribe(socket, { pipeline_id: quietPipeline, after: 0, tables: ['quiet'] })
    assert.equal(ack.replayed, 20)
    assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => i + 1))
    for (let i = 1; i < 256; i++) await createPipeline(db, { name: `many ${i}`, status: 'STOPPED' })
    const ids = (await db.rows("SELECT id FROM pipelines WHERE name LIKE 'many %'")).map((r) => r.id)
    for (const id of ids) assert.equal((await ask(socket, 'subscribe_pipeline', id)).ok, true)
    const refused = await ask(socket, 'subscribe_pipeline', mixedPipeline)
    assert.equal(refused.ok, false)
    assert.match(refused.error.message, /256/)
    assert.equal((await ask(socket, 'unsubscribe_pipeline', ids[0])).was_subscribed, true)
    assert.equal((await ask(socket, 'subscribe_pipeline', mixedPipeline)).ok, true)
  })

  it('says who asks without an ack what is wrong, too', async () => {
    const socket = await join()
    const errors = []
    socket.on('subscribe_error', (e) => errors.push(e))
    socket.emit('subscribe_pipeline', 'nonsense')
    socket.emit('subscribe_pipeline', '00000000-0000-0000-0000-000000000000')
    await until('both are told', () => errors.map((e) => e.code), (c) => c.length === 2)
    assert.deepEqual(errors.map((e) => e.code), ['invalid_request', 'unknown_pipeline'])
  })

  it('sends pipeline_stats once a second while anything changes, and then rests', async () => {
    const socket = await join()
    const stats = []
    socket.on('pipeline_stats', (s) => stats.push({ at: Date.now(), ...s }))
    await subscribe(socket, fewPipeline)
    for (let i = 0; i < 30; i++) {
      await produce(few, [change(i % 2 ? 'u' : 'c', { id: i, prefix, table: 'few' })])
      await pause(100) // a load that lasts some seconds
    }
    const last = await until('the counts are there and the rate is 0 again', () => stats.at(-1), (s) => s?.total_events === 30 && s.events_per_second === 0, { detail })
    assert.deepEqual([last.insert_count, last.update_count, last.delete_count, last.pipeline_seq, last.pipeline_id], [15, 15, 0, 30, fewPipeline])
    assert.ok(stats.some((s) => s.events_per_second > 1))
    for (let i = 1; i < stats.length; i++) assert.ok(stats[i].at - stats[i - 1].at > 700, 'about once a second')
    const shown = (await request(`${server.url}/api/v1/monitoring/dashboard?pipeline_id=${fewPipeline}`, { token })).body
    assert.equal(shown.total_events, 30)
    const n = stats.length
    await pause(2500) // silence is what is looked for
    assert.equal(stats.length, n)
  })

  it('holds little for a client that does not read, disturbs nobody, and then gives it everything', async () => {
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024
    const quick = await join()
    const slow = await join()
    const quickly = new Collector(bigPipeline, { first: 1 }).on(quick)
    const slowly = new Collector(bigPipeline, { first: 1 }).on(slow)
    await subscribe(quick, bigPipeline)
    await subscribe(slow, bigPipeline)
    const tcp = slow.io.engine.transport.ws._socket
    tcp.pause()
    const before = rss()
    const n = 1500
    const note = 'x'.repeat(40000)
    for (let i = 0; i < n; i += 20) {
      await produce(big, Array.from({ length: 20 }, (_, k) => change('c', { id: i + k, prefix, table: 'big', row: { id: i + k, note } })))
    }
    await quickly.reaches(n, { timeout: 60000, detail })
    const m = await metrics(server.url, token)
    assert.equal(sum(m, /^millrace_subscribers_behind/), 1, 'it is behind')
    assert.ok(sum(m, /^millrace_queued_bytes/) < 2 << 20, `${sum(m, /^millrace_queued_bytes/)} bytes are queued`)
    const sanitized = /asan|tsan/.test(millraceBin()) // a sanitizer keeps what was freed
    assert.ok(sanitized || rss() - before < 120, `grew by ${rss() - before} MiB over ${(n * note.length) >> 20} MiB of events`)
    assert.ok(slowly.events.length < n / 2, 'it did not read')
    tcp.resume()
    await slowly.reaches(n, { timeout: 60000, detail })
    assert.deepEqual(slowly.problems, [])
    assert.deepEqual(quickly.problems, [])
    assert.equal(slow.connected, true)
    await produce(big, [change('c', { id: 99999, prefix, table: 'big' })])
    await slowly.reaches(n + 1, { detail })
  })

  it('says so when the log does not reach back any more', async () => {
    const first = (await db.one('SELECT min(seq) AS n FROM pipeline_runs')).n
    await db.query('DELETE FROM pipeline_runs WHERE seq <= 500') // as retention drops whole partitions
    const socket = await join()
    const gaps = []
    socket.on('replay_gap', (g) => gaps.push(g))
    const seen = new Collector(mixedPipeline, { first: 501 }).on(socket)
    seen.problem = (text) => /replay_gap/.test(text) || seen.problems.push(text)
    await subscribe(socket, { pipeline_id: mixedPipeline, after: 100 })
    await seen.reaches(12001, { timeout: 30000, detail })
    assert.equal(first, 1)
    assert.deepEqual(gaps.map((g) => [g.from, g.to]), [[101, 500]])
    assert.deepEqual(seen.problems, [])
  })
})
