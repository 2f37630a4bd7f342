// bystander.mjs - "nothing else disturbed", as something a test can ask. A server with one healthy
// client on a pipeline whose topic gets a steady trickle of changes; undisturbed() proves that the
// same process still serves the same socket and that no event was lost, doubled or reordered.
import assert from 'node:assert/strict'
import { Collector, connect, login, subscribe } from './client.mjs'
import { change } from './debezium.mjs'
import { startMillrace } from './millrace.mjs'
import { createPipeline } from './pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from './services.mjs'

export class Bystander {
  static async start(name, { env = {}, partitions = 1 } = {}) {
    const b = new Bystander()
    b.db = await createDatabase(name)
    b.topic = uniqueName(`${name}.public.orders`)
    await createTopics([b.topic], partitions)
    b.server = await startMillrace({ databaseUrl: b.db.url, env })
    b.pid = b.server.pid
    b.pipeline = await createPipeline(b.db, { name, topics: [b.topic] })
    b.token = await login(b.server.url)
    b.socket = await connect(b.server.url, b.token)
    b.socket.on('disconnect', (why) => b.seen.problem(`the healthy client was disconnected: ${why}`))
    b.seen = new Collector(b.pipeline, { first: 1 }).on(b.socket)
    await subscribe(b.socket, { pipeline_id: b.pipeline })
    b.sent = 0 // events, not records
    b.trickle = setInterval(() => b.send(1).catch((e) => b.seen.problem(`producing: ${e.message}`)), 100)
    await b.undisturbed()
    return b
  }

  get url() {
    return this.server.url
  }

  /** Produce n well-formed changes in the stream. */
  send(n) {
    const records = Array.from({ length: n }, () => change('c', { id: ++this.sent }))
    return produce(this.topic, records)
  }

  /** Events that are produced now still arrive, and all before them did. */
  async undisturbed() {
    await this.send(1)
    const want = this.sent
    await this.seen.reaches(want, { detail: () => this.server.log(30) })
    assert.deepEqual(this.seen.problems, [])
    assert.ok(this.server.running && this.server.pid === this.pid, `the server ended:\n${this.server.log(60)}`)
    assert.ok(this.socket.connected)
  }

  async close() {
    clearInterval(this.trickle)
    this.socket?.close()
    try {
      await this.server?.stop()
    } finally {
      await this.db?.drop()
      if (this.topic) await deleteTopics([this.topic])
      await closeServices()
    }
  }
}
