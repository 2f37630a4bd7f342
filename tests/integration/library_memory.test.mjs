// library_memory.test.mjs - memory comes back: after crowds have come and gone the process is as small as it was.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { startExample } from '../support/examples.mjs'
import { buildDir, sanitized } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

const clients = sanitized() ? 500 : 5000

describe('memory', () => {
  let server
  before(async () => { server = await startExample('fanout') })
  after(async () => assert.equal(await server.stop(), 0))
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1])
  const sockets = () => fs.readdirSync(`/proc/${server.pid}/fd`).length

  async function crowd() {
    const load = spawn(path.join(buildDir(), 'bin/bench_sio_load'),
      ['--port', String(server.port), '--pid', String(server.pid), '--mode', 'idle', '--n', String(clients), '--seconds', '1', '--warm', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    load.stdout.on('data', (d) => (out += d))
    const [code] = await within(`${clients} clients come and go`, 60000, once(load, 'close'))
    assert.equal(code, 0)
    return JSON.parse(out)
  }

  it(`is given back after ${4 * clients} connections, ${clients} at a time`, async () => {
    const few = sockets()
    const start = rss()
    let most = 0
    for (let i = 0; i < 4; i++) {
      most = Math.max(most, (await crowd()).rss_end_kb)
      await until('all connections are gone', () => sockets() <= few, Boolean, { timeout: 10000 })
    }
    if (sanitized()) return // its allocator gives nothing back; that nothing leaks is told at the end
    assert.ok(most > 2 * start, `${clients} clients show: ${start} -> ${most} KB`)
    await until('memory is back', () => rss() <= 1.1 * start, Boolean, { timeout: 10000, detail: () => `${start} KB at the start, ${most} with the crowd, ${rss()} now` })
  })
})
