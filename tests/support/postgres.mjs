// postgres.mjs - a PostgreSQL cluster of a test's own, with TLS from an authority that the test made:
// for what cannot be tried on the shared one (its TLS, its wal_level, its certificates).
//
//   const pg = await startPostgres({ hosts: ['localhost'], settings: { wal_level: 'logical' } })
//   pg.port  pg.password  pg.ca (PEM)  pg.otherCa (PEM)  await pg.query(sql)  await pg.stop()
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { stablePort } from './ports.mjs'
import { until } from './until.mjs'

const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

function binaries() {
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
  return path.join('/usr/lib/postgresql', versions[0], 'bin')
}

/** An authority (and another that signed nothing) and a certificate for these names. */
export function certificates(dir, hosts) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  for (const ca of ['ca', 'other']) openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=test ${ca}`, '-keyout', `${ca}.key`, '-out', `${ca}.crt`)
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${hosts[0]}`, '-keyout', 'server.key', '-out', 'server.csr')
  writeFileSync(path.join(dir, 'ext'), `subjectAltName=${hosts.map((h) => `DNS:${h}`).join(',')}\n`)
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext', '-out', 'server.crt')
}

export async function startPostgres({ hosts = ['localhost'], settings = {} } = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-pg-'))
  const bin = binaries()
  // PostgreSQL refuses to run as root; its package's user does it then.
  const as = process.getuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--'] : []
  const run = (...args) => execFileSync([...as, ...args][0], [...as, ...args].slice(1), { cwd: dir, stdio: 'pipe' })
  const password = 'superuser'
  certificates(dir, hosts)
  writeFileSync(path.join(dir, 'pw'), password)
  if (as.length) execFileSync('chown', ['-R', 'postgres:', dir])
  const data = path.join(dir, 'data')
  run(path.join(bin, 'initdb'), '-D', data, '-U', 'postgres', '--pwfile', path.join(dir, 'pw'), '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync')
  const port = await stablePort()
  const all = {
    port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', ssl: 'on', ssl_cert_file: path.join(dir, 'server.crt'), ssl_key_file: path.join(dir, 'server.key'), ...settings,
  }
  const flags = Object.entries(all).flatMap(([k, v]) => ['-c', `${k}=${v}`])
  const command = [...as, path.join(bin, 'postgres'), '-D', data, ...flags]
  const child = spawn(command[0], command.slice(1), { cwd: dir, stdio: 'ignore' })
  alive.add(child)
  const gone = once(child, 'exit')
  const query = async (sql, database = 'postgres') => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  await until('PostgreSQL answers', () => query('SELECT 1').catch(() => null), Boolean, { timeout: 20000 })
  return {
    port, password, query, child, ca: readFileSync(path.join(dir, 'ca.crt'), 'utf8'), otherCa: readFileSync(path.join(dir, 'other.crt'), 'utf8'),
    async stop() {
      child.kill('SIGINT')
      await gone
      alive.delete(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
