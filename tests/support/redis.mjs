// redis.mjs - one of the numbered databases of the real Redis, for a test alone; commands by redis-cli, as people give them.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { stablePort } from './ports.mjs'
import { certificates } from './postgres.mjs'
import { required } from './services.mjs'
import { until } from './until.mjs'

const run = promisify(execFile)

/** db: its number; every test file has one of its own. */
export function redisDatabase(db) {
  const u = new URL(required('REDIS_URL'))
  u.pathname = `/${db}`
  return {
    url: u.toString(),
    async cli(...args) {
      const { stdout } = await run('redis-cli', ['-u', u.toString(), '--raw', ...args], { maxBuffer: 64 << 20 })
      return stdout.replace(/\n$/, '')
    },
    clear() {
      return this.cli('FLUSHDB')
    },
  }
}

const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** A Redis of a test's own: settings of redis.conf; sentinel: it is one. Stopped and killed by what is returned. */
export async function startRedis({ settings = {}, sentinel = '', tls = false } = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-redis-'))
  const port = await stablePort()
  if (tls) certificates(dir, ['localhost'])
  const secure = tls ? { port: 0, 'tls-port': port, 'tls-cert-file': 'server.crt', 'tls-key-file': 'server.key', 'tls-ca-cert-file': 'ca.crt', 'tls-auth-clients': 'no' } : { port }
  const lines = Object.entries({ dir, bind: '127.0.0.1', ...(sentinel ? {} : { appendonly: 'yes', appendfsync: 'everysec' }), ...secure, ...settings }).map(([k, v]) => `${k} ${v}\n`)
  const file = path.join(dir, 'redis.conf')
  writeFileSync(file, lines.join('') + sentinel)
  const one = { port, dir, ca: path.join(dir, 'ca.crt') }
  one.cli = async (...args) => {
    const { stdout } = await run('redis-cli', ['-h', 'localhost', '-p', String(port), ...(tls ? ['--tls', '--cacert', one.ca] : []), ...(settings.requirepass ? ['--no-auth-warning', '-a', settings.requirepass] : []), '--raw', ...args])
    return stdout.replace(/\n$/, '')
  }
  one.start = async () => {
    one.child = spawn('redis-server', [file, ...(sentinel ? ['--sentinel'] : [])], { stdio: 'ignore', cwd: dir })
    alive.add(one.child)
    one.gone = once(one.child, 'exit')
    await until('Redis answers', () => one.cli('PING'), (answer) => answer === 'PONG')
  }
  one.kill = async (signal = 'SIGKILL') => {
    one.child.kill(signal)
    await one.gone
    alive.delete(one.child)
  }
  one.stop = async () => {
    if (one.child.exitCode === null && one.child.signalCode === null) await one.kill()
    rmSync(dir, { recursive: true, force: true })
  }
  await one.start()
  return one
}
