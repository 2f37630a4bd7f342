// stack.mjs - the services' own faults: stop, start, restart or kill -9 one of those that the tests
// run against, through the same command that started them.
//
//   await stack('restart', 'kafka')
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { required, root } from './services.mjs'

const run = promisify(execFile)

/** action: start, stop, restart or kill. service: postgres, redis, kafka or connect. */
export async function stack(action, service) {
  required('RUN_DIR') // another instance's services must not be touched
  try {
    await run(path.join(root, 'dev'), ['stack', action, service], { timeout: 120000 })
  } catch (e) {
    throw new Error(`./dev stack ${action} ${service}: ${e.message}\n${e.stdout ?? ''}${e.stderr ?? ''}`)
  }
}
