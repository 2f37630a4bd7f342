// programs.mjs - the processes of a bench: started, waited for, asked for their line of JSON, ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDir } from '../../support/services.mjs'
import { within } from '../../support/until.mjs'

export const here = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
export const program = (name) => {
  const file = path.join(buildDir(), 'bin', name)
  if (!fs.existsSync(file)) throw new Error(`${file} is not built (./dev bench builds it)`)
  return file
}

const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

/** Start; out collects stdout, and said(pattern) waits for it. */
export function start(file, args, { env = process.env } = {}) {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  child.out = ''
  child.err = ''
  child.stdout.on('data', (d) => (child.out += d))
  child.stderr.on('data', (d) => (child.err = (child.err + d).slice(-20000)))
  child.ended = once(child, 'close').then(([code, signal]) => {
    alive.delete(child)
    return code ?? signal
  })
  child.said = (pattern, timeout = 30000) =>
    within(`${path.basename(file)} says ${pattern}`, timeout, new Promise((resolve, reject) => {
      const look = () => {
        const m = pattern.exec(child.out) ?? pattern.exec(child.err)
        if (m) resolve(m)
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      child.ended.then((code) => reject(new Error(`${path.basename(file)} ended with ${code}: ${child.out}${child.err}`)))
      look()
    }))
  return child
}

export async function stop(child) {
  child.kill('SIGTERM')
  try {
    await within('it stops on SIGTERM', 10000, child.ended)
  } catch {
    child.kill('SIGKILL')
    await child.ended
  }
}

/** Run to the end and parse the last line as JSON. */
export async function json(file, args, { timeout = 300000, ...options } = {}) {
  return jsonOf(start(file, args, options), timeout)
}

export async function jsonOf(child, timeout = 300000) {
  const code = await within(`${child.spawnfile} ends`, timeout, child.ended)
  const line = child.out.trim().split('\n').at(-1)
  if (code !== 0 || !line.startsWith('{')) throw new Error(`${child.spawnargs.join(' ')}: exit ${code}\n${child.out}${child.err}`)
  return JSON.parse(line)
}

export async function freePort() {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

// ---- /proc

const TICK_US = 1e6 / 100 // USER_HZ is 100 on every Linux that Debian runs on
const PAGE_KB = 4

/** CPU (µs) and RSS (KB) of a process and its descendants; the root's dead children count, too. */
export function usage(root) {
  const all = new Map()
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const text = fs.readFileSync(`/proc/${name}/stat`, 'latin1')
      const f = text.slice(text.lastIndexOf(')') + 2).split(' ')
      all.set(Number(name), { parent: Number(f[1]), own: Number(f[11]) + Number(f[12]), dead: Number(f[13]) + Number(f[14]), pages: Number(f[21]) })
    } catch {
      // it ended while we looked
    }
  }
  const isIn = (pid) => {
    for (let p = pid; p > 1; p = all.get(p)?.parent ?? 0) if (p === root) return true
    return false
  }
  const sum = { cpu_us: 0, rss_kb: 0 }
  for (const [pid, p] of all) {
    if (!isIn(pid)) continue
    sum.cpu_us += (p.own + (pid === root ? p.dead : 0)) * TICK_US
    sum.rss_kb += p.pages * PAGE_KB
  }
  return sum
}

export const parentOf = (pid) => {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
}
