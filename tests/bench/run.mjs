// run.mjs - `./dev bench [name…]`: each bench starts the floor and the peer beside ours on the same
// input, and gives one table and one line of JSON.
//
//   node run.mjs [--quick] [--rounds N] [--only PLAN,PLAN] [fanout] [eventlog] [rest] [ingest] [load]
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../support/services.mjs'

const benches = { fanout: () => import('./fanout.mjs'), eventlog: () => import('./eventlog.mjs'), rest: () => import('./rest.mjs'), ingest: () => import('./ingest.mjs'), load: () => import('./load.mjs') }

const names = []
const options = { rounds: 3, quick: false, say: (line) => console.error(`  ${line}`) }
for (let i = 2; i < process.argv.length; i++) {
  const arg = process.argv[i]
  if (arg === '--quick') Object.assign(options, { quick: true, rounds: 1 })
  else if (arg === '--rounds') options.rounds = Number(process.argv[++i])
  else if (arg === '--only') options.only = process.argv[++i].split(',')
  else if (arg === '--events') options.events = Number(process.argv[++i])
  else if (benches[arg]) names.push(arg)
  else {
    console.error(`unknown bench: ${arg} (there are ${Object.keys(benches).join(', ')})`)
    process.exit(2)
  }
}

function version(file, args, pattern = /\d+(\.\d+)+/) {
  try {
    return pattern.exec(execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))?.[0] ?? '?'
  } catch {
    return '?'
  }
}

function machine() {
  const cpu = os.cpus()
  return {
    when: new Date().toISOString().slice(0, 10),
    commit: version('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], /\w+/),
    cpu: `${cpu.length} × ${cpu[0]?.model.trim() ?? '?'}`,
    kernel: os.release(),
    node: process.versions.node,
    'socket.io': '–',
    gcc: version('gcc', ['-dumpfullversion']),
    postgresql: version('psql', ['--version']),
    librdkafka: version('pkg-config', ['--modversion', 'rdkafka']),
    libwebsockets: version('pkg-config', ['--modversion', 'libwebsockets']),
    libuv: version('pkg-config', ['--modversion', 'libuv']),
  }
}

// The peer is fetched by the first bench that needs it.
function peerVersion() {
  const file = path.join(root, 'tests/bench/peers/node_modules/socket.io/package.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : '–'
}

// What else the machine did: with a load well over the number of CPUs only CPU times mean something.
const load = () => os.loadavg()[0].toFixed(1)
const on = machine()
for (const name of names.length ? names : Object.keys(benches)) {
  console.error(`${name}:`)
  on['load before'] = load()
  const { default: bench } = await benches[name]()
  const { result, text } = await bench(options)
  on['and after'] = load()
  on['socket.io'] = peerVersion()
  console.log(`\n## ${name}\n\n${Object.entries(on).map(([k, v]) => `${k} ${v}`).join(', ')}\n\n${text}\n`)
  console.log(JSON.stringify({ bench: name, rounds: options.rounds, quick: options.quick, on, result }))
}
process.exit(0)
