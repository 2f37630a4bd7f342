// mariadb.mjs - a MariaDB of a test's own, on a free port; its root has the password that is given.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stablePort } from './ports.mjs'
import { certificates } from './postgres.mjs'
import { until } from './until.mjs'

const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** sql: run at the start, one statement a line. settings: of mariadbd. tls: offer it. */
export async function startMariadb({ sql = [], settings = {}, tls = false } = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-my-'))
  const data = path.join(dir, 'data')
  const user = process.getuid() === 0 ? ['--user=root'] : []
  execFileSync('mariadb-install-db', ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...user], { stdio: 'pipe' })
  const port = await stablePort()
  writeFileSync(path.join(dir, 'init.sql'), sql.map((line) => `${line};\n`).join(''))
  if (tls) certificates(dir, ['localhost'])
  const secure = tls ? { 'ssl-cert': path.join(dir, 'server.crt'), 'ssl-key': path.join(dir, 'server.key') } : {}
  const flags = Object.entries({ port, datadir: data, socket: path.join(dir, 'sock'), 'bind-address': '127.0.0.1', 'init-file': path.join(dir, 'init.sql'), ...secure, ...settings }).map(([k, v]) => `--${k}=${v}`)
  const child = spawn('mariadbd', ['--no-defaults', ...user, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
  alive.add(child)
  let log = ''
  child.stderr.on('data', (d) => (log += d))
  const gone = once(child, 'exit')
  await until('MariaDB answers', () => /ready for connections/.test(log), Boolean, { timeout: 30000, detail: () => log.slice(-2000) })
  return {
    port,
    ca: tls ? readFileSync(path.join(dir, 'ca.crt'), 'utf8') : '',
    otherCa: tls ? readFileSync(path.join(dir, 'other.crt'), 'utf8') : '',
    async stop() {
      child.kill('SIGTERM')
      await gone
      alive.delete(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
