// millrace.mjs - a real millrace process under test: migrate, serve on a free port, stop in order,
// kill -9, start again on the same port. What it logged is kept and goes into every failure.
//
//   const server = await startMillrace({ databaseUrl: db.url })
//   server.url  server.pid  server.log()  await server.stop()  await server.kill9()  await server.start()
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stablePort } from './ports.mjs'
import { uniqueName, millraceBin } from './services.mjs'
import { until, within } from './until.mjs'

const LOG_LINES_MAX = 20000
const LISTENING = /listening on http:\/\/[^\s"]*?:(\d+)/
export const ADMIN = { username: 'admin', password: 'correct horse battery' }

// A test that dies must not leave servers behind.
const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** Settings of a test server: everything explicit, nothing inherited but the sanitizers' options. */
function environment({ databaseUrl, group, env }) {
  const kept = Object.entries(process.env).filter(([k]) => /^(PATH|HOME|LANG|MILLRACE_UI_DIR|TMPDIR|LD_LIBRARY_PATH|[A-Z]*SAN_OPTIONS|GCOV_PREFIX.*)$/.test(k))
  return {
    ...Object.fromEntries(kept),
    TZ: 'UTC',
    MILLRACE_HOST: '127.0.0.1',
    MILLRACE_PORT: '0',
    DATABASE_URL: databaseUrl,
    KAFKA_BOOTSTRAP_SERVERS: process.env.KAFKA_BOOTSTRAP_SERVERS ?? '',
    REDIS_URL: process.env.REDIS_URL ?? '',
    KAFKA_CONNECT_URL: process.env.KAFKA_CONNECT_URL ?? '',
    MILLRACE_KAFKA_GROUP: group,
    MILLRACE_ADMIN_USER: ADMIN.username,
    MILLRACE_ADMIN_PASSWORD: ADMIN.password,
    JWT_SECRET: 'a test key of more than thirty-two characters',
    MILLRACE_BCRYPT_COST: '4', // tests sign in often; the default is meant to be slow
    ...env,
  }
}

/** Run a subcommand to its end. Returns {code, signal, stdout, stderr}. */
export async function runMillrace(args, { databaseUrl = '', env = {}, bin = millraceBin(), timeout = 30000 } = {}) {
  const child = spawn(bin, args, { env: environment({ databaseUrl, group: 'none', env }), stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (d) => (out.stdout += d))
  child.stderr.on('data', (d) => (out.stderr += d))
  try {
    const [code, signal] = await within(`millrace ${args.join(' ')} ends`, timeout, once(child, 'close'))
    return { code, signal, ...out }
  } catch (e) {
    child.kill('SIGKILL')
    throw new Error(`${e.message}\n${out.stdout}${out.stderr}`)
  } finally {
    alive.delete(child)
  }
}

export class Millrace {
  /** options: databaseUrl; env: settings to add or replace; args: after "serve"; group; bin. */
  constructor({ databaseUrl, env = {}, args = [], group = uniqueName('millrace-test'), bin = millraceBin() }) {
    Object.assign(this, { databaseUrl, env, args, group, bin })
    this.lines = []
    this.port = 0
    this.child = undefined
  }

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  get pid() {
    return this.child?.pid
  }

  get running() {
    return Boolean(this.child) && this.child.exitCode === null && this.child.signalCode === null
  }

  async migrate() {
    const { code, stdout, stderr } = await runMillrace(['migrate'], this)
    if (code !== 0) throw new Error(`millrace migrate: exit ${code}\n${stdout}${stderr}`)
  }

  /** Start, or start again on the port that it had; resolves when it listens. */
  async start({ timeout = 20000 } = {}) {
    if (!this.port && !this.env.MILLRACE_PORT) this.port = await stablePort()
    const env = environment(this)
    if (this.port) env.MILLRACE_PORT = String(this.port)
    const child = spawn(this.bin, ['serve', ...this.args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    this.exit = once(child, 'close').then(([code, signal]) => {
      alive.delete(child)
      return { code, signal }
    })
    alive.add(child)
    let listening
    const ready = new Promise((resolve) => (listening = resolve))
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop()
        for (const line of lines) {
          this.lines.push(line)
          const m = LISTENING.exec(line)
          if (m) listening(Number(m[1]))
        }
        if (this.lines.length > LOG_LINES_MAX) this.lines.splice(0, this.lines.length - LOG_LINES_MAX)
      })
    }
    const gone = this.exit.then(({ code, signal }) => {
      throw new Error(`millrace ended before it listened: exit ${code ?? signal}\n${this.log(60)}`)
    })
    gone.catch(() => {})
    try {
      this.port = await within('millrace listens', timeout, Promise.race([ready, gone]))
    } catch (e) {
      child.kill('SIGKILL')
      throw e.message.includes('ended before') ? e : new Error(`${e.message}\n${this.log(60)}`)
    }
    return this
  }

  /** SIGTERM and a clean exit; anything else (a sanitizer's complaint, too) is a failure. */
  async stop({ timeout = 20000 } = {}) {
    if (!this.child) return
    const { child } = this
    if (this.running) child.kill('SIGTERM')
    let end
    try {
      end = await within('millrace stops on SIGTERM', timeout, this.exit)
    } catch (e) {
      child.kill('SIGKILL')
      throw new Error(`${e.message}\n${this.log(60)}`)
    }
    this.child = undefined
    if (end.code !== 0) throw new Error(`millrace ended with ${end.code ?? end.signal}\n${this.log(120)}`)
  }

  /** SIGKILL, and wait until it is gone. Fails if it had ended by itself before. */
  async kill9() {
    const { child } = this
    if (!this.running) throw new Error(`millrace was not running any more\n${this.log(120)}`)
    child.kill('SIGKILL')
    await within('the killed process is gone', 10000, this.exit)
    this.child = undefined
  }

  async restart(options) {
    await this.stop()
    return this.start(options)
  }

  /** The last lines of its log, of all its lives. */
  log(n = LOG_LINES_MAX) {
    return this.lines.slice(-n).join('\n')
  }

  /** Wait for a line that matches, from now on or (all: true) ever. */
  line(pattern, { timeout = 10000, all = false } = {}) {
    const from = all ? 0 : this.lines.length
    return until(`the log has ${pattern}`, () => this.lines.slice(from).find((l) => pattern.test(l)), Boolean, { timeout, detail: () => this.log(40) })
  }
}

/** Migrate (unless migrate: false) and serve. */
export async function startMillrace({ migrate = true, ...options }) {
  const server = new Millrace(options)
  if (migrate) await server.migrate()
  return server.start()
}

/** `millrace ingest`, a process that only works on the queue. stop(): its exit code. */
export function ingest(databaseUrl, redisUrl, env = {}) {
  const child = spawn(millraceBin(), ['ingest'], { env: environment({ databaseUrl, group: '', env: { REDIS_URL: redisUrl, KAFKA_BOOTSTRAP_SERVERS: '', ...env } }), stdio: ['ignore', 'ignore', 'pipe'] })
  const exit = once(child, 'close').then(([code, signal]) => {
    alive.delete(child)
    return code ?? signal
  })
  alive.add(child)
  child.stderr.resume()
  return {
    kill9: () => (child.kill('SIGKILL'), exit),
    stop: () => (child.kill('SIGTERM'), within('millrace ingest stops on SIGTERM', 15000, exit)),
  }
}
