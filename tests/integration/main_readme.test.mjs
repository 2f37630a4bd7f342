// main_readme.test.mjs - the client in README.md, taken from the page as it stands, works.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { mixed } from '../support/debezium.mjs'
import { ADMIN, startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, root, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe("the README's client", () => {
  const topic = uniqueName('readme')
  // Inside node_modules, from where the packages of tests/ are found.
  const file = path.join(root, 'tests/node_modules/.cache', `${topic}.mjs`)
  let db, server, client

  before(async () => {
    const blocks = [...(await readFile(path.join(root, 'README.md'), 'utf8')).matchAll(/```js\n([^]*?)```/g)]
    assert.equal(blocks.length, 1)
    assert.ok(blocks[0][1].trim().split('\n').length <= 10, 'ten lines')
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, blocks[0][1])
    db = await createDatabase('readme')
    await createTopics([topic])
    server = await startMillrace({ databaseUrl: db.url })
    await createPipeline(db, { name: 'shop', topics: [topic] })
  })
  after(async () => {
    client?.kill('SIGKILL')
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics([topic])
      await rm(file, { force: true })
      await closeServices()
    }
  })

  it('prints every event once, from the beginning, and goes on after a restart', async () => {
    const { byTable } = mixed(40)
    const records = byTable.get('orders')
    await produce(topic, records.slice(0, 22)) // 20 events and their tombstones, or thereabouts
    client = spawn(process.execPath, [file], {
      env: { ...process.env, MILLRACE_URL: server.url, MILLRACE_ADMIN_USER: ADMIN.username, MILLRACE_ADMIN_PASSWORD: ADMIN.password },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    client.stdout.on('data', (d) => (out += d))
    client.stderr.on('data', (d) => (err += d))
    const seqs = () => [...out.matchAll(/^(\d+) (insert|update|delete) orders /gm)].map((m) => Number(m[1]))
    const some = records.slice(0, 22).filter((r) => r.value !== null).length
    await until('the first events are printed', seqs, (s) => s.length >= some, { detail: () => `${out}\n${err}\n${server.log(30)}` })
    await server.kill9()
    await produce(topic, records.slice(22))
    await server.start()
    await until('the rest is printed', seqs, (s) => s.length >= 40, { timeout: 30000, detail: () => `${out}\n${err}\n${server.log(30)}` })
    assert.deepEqual(seqs(), Array.from({ length: 40 }, (_, i) => i + 1))
  })
})
