// The dashboard as its developers run it: Next.js' development server on port 3000, an origin that
// the server's CORS defaults let in, against a millrace elsewhere on localhost.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { root } from '../support/services.mjs'
import { until } from '../support/until.mjs'
import { expect, isLive, row, signIn, test } from './world.mjs'

const UI = path.join(root, 'ui')
const PAGE = 'http://localhost:3000'

/** `next dev` against that server. stop() ends it and what it started. */
async function nextDev(apiUrl) {
  const said = []
  const child = spawn(path.join(UI, 'node_modules/.bin/next'), ['dev', '--port', '3000'], {
    cwd: UI,
    detached: true, // a process group of its own: the compiler's workers end with it
    env: { ...process.env, NEXT_PUBLIC_API_URL: apiUrl, NEXT_TELEMETRY_DISABLED: '1', NEXT_IGNORE_INCORRECT_LOCKFILE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const end = () => process.kill(-child.pid, 'SIGKILL')
  process.on('exit', end)
  const exit = once(child, 'close')
  for (const out of [child.stdout, child.stderr]) out.on('data', (text) => said.push(String(text)))
  await until('the development server is ready', () => /Ready in/.test(said.join('')), Boolean, { timeout: 60_000 })
  return {
    said: () => said.join(''),
    stop: async () => {
      process.off('exit', end)
      end()
      await exit
    },
  }
}

// In development React's strict mode runs each effect twice, so the first socket is closed as it is made;
// and what Next.js compiles while a page loads, that page may ask for under a name that is gone (404).
test.use({ allowedErrors: /WebSocket is closed before the connection is established|status of 404/ })

test('next dev on port 3000 signs in, reads and watches live across origins', async ({ page, world }) => {
  test.setTimeout(240_000)
  const dev = await nextDev(world.url.replace('127.0.0.1', 'localhost'))
  const missing = []
  page.on('response', (r) => r.status() === 404 && !r.url().startsWith(`${PAGE}/_next/`) && missing.push(r.url()))
  try {
    // Compiled when it is first asked for, which takes a while: not what this waits for below.
    for (const at of ['/login', '/monitoring']) expect((await page.request.get(PAGE + at, { timeout: 120_000 })).ok(), dev.said()).toBe(true)
    await signIn(page, { url: PAGE })
    await world.emit([world.change('c'), world.change('c')])
    await expect(row(page, 2)).toBeVisible()
    await page.reload() // the cookie of the session comes along from the other port
    await isLive(page)
    await expect(row(page, 2)).toBeVisible()
    expect(missing).toEqual([])
  } finally {
    await dev.stop()
  }
})
