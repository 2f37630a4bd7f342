// redis.mjs - one of the numbered databases of the real Redis, for a test alone; commands by redis-cli, as people give them.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { required } from './services.mjs'

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
