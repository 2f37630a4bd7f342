// main_docs.test.mjs - docs/operations.md lists the metrics that the server has, all of them and no
// others, with the server's own words.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { closeServices, createDatabase, root } from '../support/services.mjs'

describe('the documented metrics', () => {
  let db, server
  before(async () => {
    db = await createDatabase('docs')
    server = await startMillrace({ databaseUrl: db.url })
  })
  after(async () => {
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await closeServices()
    }
  })

  it('are those of GET /metrics', async () => {
    const { text } = await request(`${server.url}/metrics`, { token: await login(server.url) })
    const kinds = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((m) => [m[1], m[2]]))
    const served = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map((m) => `| \`${m[1]}\` | ${kinds.get(m[1])} | ${m[2]} |`)
    const page = await readFile(path.join(root, 'docs/operations.md'), 'utf8')
    const documented = page.split('\n').filter((l) => l.startsWith('| `millrace_'))
    assert.ok(served.length > 20)
    assert.deepEqual(documented.sort(), served.sort())
  })
})
