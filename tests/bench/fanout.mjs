// fanout.mjs - Socket.IO under load: examples/fanout (libmillrace) beside a raw send(2) floor, Node's
// socket.io, Rust's socketioxide and python-socketio, in turn, round by round.
//
//   fan-out    one event to a room, 1,000 and 5,000 sockets
//   pressure   200,000 and 400,000 deliveries a second; the floor gathers a turn's frames into one send
//   echo       the round trip of an ack, alone and with 5,000 idle sockets beside
//   idle       10,000 sockets that only answer pings; what connecting costs at the start and at the end
//   stalled    a fifth of the room has stopped reading; what the others notice of it
//   reconnect  everybody loses the connection, misses five events and is back at once
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../support/services.mjs'
import { freePort, here, json, program, start, stop } from './lib/programs.mjs'
import { format, medians, ratio, table, verdicts } from './lib/report.mjs'

const peers = path.join(here, 'peers')
const cache = path.join(root, '.cache/bench')
const oxide = path.join(cache, 'socketioxide/release/socketioxide_server')
const python = path.join(cache, 'python/bin/python')
const names = {
  floor: 'floor: one send(2) a frame',
  turn: 'floor: one send(2) a turn',
  millrace: 'millrace (examples/fanout)',
  node: 'Node.js socket.io',
  oxide: 'Rust socketioxide',
  python: 'python-socketio + uvicorn',
  calm: 'millrace, everybody reads',
  stalled: 'millrace, some stalled',
  node_calm: 'Node.js, everybody reads',
  node_stalled: 'Node.js, some stalled',
}
const servers = {
  floor: (port) => start(program('bench_send_floor'), [String(port)]),
  turn: (port) => start(program('bench_send_floor'), [String(port), 'turn']),
  millrace: (port, recovery) => start(program('fanout'), ['--port', String(port), ...(recovery ? ['--recovery', '120'] : [])]),
  node: (port, recovery) => start(process.execPath, [path.join(peers, 'socketio_server.mjs'), String(port), ...(recovery ? ['recovery'] : [])]),
  oxide: (port) => start(oxide, [String(port)]),
  python: (port) => start(python, [path.join(peers, 'socketio_server.py'), String(port)]),
}
Object.assign(servers, { calm: servers.millrace, stalled: servers.millrace, node_calm: servers.node, node_stalled: servers.node })

function run(what, file, args, options = {}) {
  const done = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })
  if (done.status !== 0) throw new Error(`${what} could not be installed`)
}
const has = (file) => spawnSync('sh', ['-c', `command -v ${file}`]).status === 0

/** Which peers there are: Node's always, the others where their tools are installed. */
function installPeers(say) {
  const there = ['node']
  if (!fs.existsSync(path.join(peers, 'node_modules/socket.io'))) run("Node's socket.io", 'npm', ['ci', '--prefix', peers, '--no-audit', '--no-fund'])
  fs.mkdirSync(cache, { recursive: true })
  if (has('cargo')) {
    if (!fs.existsSync(oxide)) {
      const source = path.join(cache, 'socketioxide-source') // cargo writes its lock file beside the manifest
      fs.cpSync(path.join(peers, 'socketioxide'), source, { recursive: true })
      run('socketioxide', 'cargo', ['build', '--release', '--quiet'], { cwd: source, env: { ...process.env, CARGO_TARGET_DIR: path.join(cache, 'socketioxide') } })
    }
    there.push('oxide')
  } else say('no cargo: socketioxide is left out')
  if (has('python3')) {
    if (!fs.existsSync(path.join(cache, 'python/ready'))) {
      run('a Python environment', 'python3', ['-m', 'venv', path.join(cache, 'python')])
      run('python-socketio', python, ['-m', 'pip', 'install', '--quiet', '-r', path.join(peers, 'requirements.txt')])
      fs.writeFileSync(path.join(cache, 'python/ready'), '')
    }
    there.push('python')
  } else say('no python3: python-socketio is left out')
  return there
}

async function measure(name, args, recovery) {
  const port = await freePort()
  const server = servers[name](port, recovery)
  try {
    await server.said(/listening/)
    return await json(program('bench_sio_load'), ['--port', String(port), '--pid', String(server.pid), ...args])
  } finally {
    await stop(server)
  }
}

// Sockets that this machine has descriptors for, in one process.
const most = () => Math.min(20000, Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', '1000000')) - 1000)

function plansOf(quick, there) {
  const all = (...more) => [...more, 'millrace', ...there]
  const fanout = (n, rate, seconds) => ['--n', String(n), '--rate', String(rate), '--seconds', String(seconds), '--bytes', '500']
  const s = (n) => (quick ? 2 : n)
  const without = (...out) => all('floor').filter((name) => !out.includes(name))
  const big = quick ? 400 : 5000
  return {
    fanout_1000: { title: `Fan-out, ${quick ? 200 : '1,000'} sockets × 20 events/s × 500 bytes, ${s(10)} s`, servers: all('floor'), args: fanout(quick ? 200 : 1000, 20, s(10)) },
    fanout_5000: { title: `Fan-out, ${big} sockets × 20 events/s × 500 bytes, ${s(10)} s`, servers: without('python'), args: fanout(big, 20, s(10)) },
    pressure_200: { title: `Pressure: 1,000 sockets × 200 events/s, ${s(5)} s`, servers: without('python'), args: fanout(quick ? 200 : 1000, 200, s(5)) },
    pressure_400: { title: `Pressure: 1,000 sockets × 400 events/s, ${s(5)} s`, servers: ['turn', 'millrace', ...there.filter((n) => n === 'oxide')], args: fanout(quick ? 200 : 1000, 400, s(5)) },
    echo: { title: `Ack echo, 64 sockets, ${s(5)} s`, servers: all('floor'), args: ['--mode', 'echo', '--n', '64', '--seconds', String(s(5))] },
    echo_idle: { title: `Ack echo, 64 sockets beside ${big} idle ones, ${s(5)} s`, servers: without('python'), args: ['--mode', 'echo', '--n', '64', '--idle', String(big), '--seconds', String(s(5))] },
    idle: { title: `Idle: ${quick ? 500 : '10,000'} sockets, ${s(30)} s`, servers: without('python'), args: ['--mode', 'idle', '--n', String(quick ? 500 : 10000), '--seconds', String(s(30))] },
    stalled: {
      title: `${quick ? 400 : '4,000'} sockets × 20 events/s × 1,000 bytes, and ${quick ? 100 : '1,000'} more that read nothing, ${s(20)} s`,
      servers: ['calm', 'stalled', 'node_calm', 'node_stalled'],
      args: ['--n', String(quick ? 400 : 4000), '--rate', '20', '--seconds', String(s(20)), '--bytes', '1000'],
      more: (name) => (name.endsWith('stalled') ? ['--stalled', String(quick ? 100 : 1000)] : []),
    },
    reconnect: { title: `Reconnect: ${quick ? 500 : most().toLocaleString('en-US')} sockets at once, five events missed`, servers: ['millrace', 'node'], recovery: true, args: ['--mode', 'reconnect', '--n', String(quick ? 500 : most()), '--rate', '5'] },
  }
}

const columns = {
  fanout: [['CPU µs/delivery', (r) => format(r.cpu_us, 2)], ['÷ first', (r, first) => format(ratio(r.cpu_us, first.cpu_us), 2)], ['p50 ms', (r) => format(r.p50_ms, 2)], ['p99 ms', (r) => format(r.p99_ms, 2)],
    ['connect µs', (r) => format(r.connect_us, 0)], ['RSS KB/socket', (r) => format(r.rss_client_kb, 1)], ['lost', (r) => format(r.lost, 0)], ['disorder', (r) => format(r.disorder, 0)]],
  echo: [['CPU µs/round trip', (r) => format(r.cpu_us, 2)], ['÷ first', (r, first) => format(ratio(r.cpu_us, first.cpu_us), 2)], ['p50 ms', (r) => format(r.p50_ms, 2)], ['p99 ms', (r) => format(r.p99_ms, 2)]],
  idle: [['CPU %', (r) => format(r.cores * 100, 2)], ['connect µs, first 1,000', (r) => format(r.connect_first_us, 0)], ['last 1,000', (r) => format(r.connect_last_us, 0)], ['RSS KB/socket', (r) => format(r.rss_client_kb, 1)]],
  stalled: [['CPU µs/delivery', (r) => format(r.cpu_us, 2)], ['p50 ms', (r) => format(r.p50_ms, 2)], ['p99 ms', (r) => format(r.p99_ms, 2)], ['÷ first', (r, first) => format(ratio(r.p99_ms, first.p99_ms), 2)],
    ['RSS at the end MB', (r) => format(r.rss_end_kb / 1024, 1)], ['lost', (r) => format(r.lost, 0)]],
  reconnect: [['recovered', (r) => format(r.recovered, 0)], ['of', (r) => format(r.n, 0)], ['all back after ms', (r) => format(r.back_ms, 0)], ['events lost', (r) => format(r.lost, 0)], ['CPU s', (r) => format(r.cores * r.seconds, 2)], ['RSS KB/socket', (r) => format(r.rss_client_kb, 1)]],
}
const columnsOf = (plan) => columns[plan.startsWith('echo') ? 'echo' : plan.startsWith('idle') ? 'idle' : plan === 'stalled' || plan === 'reconnect' ? plan : 'fanout']

function targets(m) {
  const rows = []
  const over = (plan, what, other, target, field = 'cpu_us') => {
    if (m[plan]?.[other] && m[plan].millrace) rows.push([`${plan}: ${what} ÷ ${names[other]}`, ratio(m[plan].millrace[field], m[plan][other][field]), target])
  }
  for (const plan of ['fanout_1000', 'fanout_5000']) {
    over(plan, 'CPU', 'floor', 1.25)
    over(plan, 'CPU', 'node', 0.55)
    over(plan, 'CPU', 'oxide', 0.6)
    if (m[plan]) rows.push([`${plan}: lost + disorder`, m[plan].millrace.lost + m[plan].millrace.disorder, 0], [`${plan}: connect µs`, m[plan].millrace.connect_us, 120])
  }
  over('fanout_5000', 'p99', 'floor', 1.3, 'p99_ms')
  if (m.pressure_400) rows.push(['pressure_400: lost', m.pressure_400.millrace.lost, 0], ['pressure_400: p99 ms', m.pressure_400.millrace.p99_ms, 20])
  over('pressure_400', 'p99', 'oxide', 0.5, 'p99_ms')
  over('pressure_400', 'CPU', 'turn', 1.25)
  over('echo', 'CPU', 'floor', 1.35)
  over('echo_idle', 'CPU', 'floor', 1.35)
  if (m.idle) rows.push(['idle: CPU %', m.idle.millrace.cores * 100, 1], ['idle: RSS KB/socket', m.idle.millrace.rss_client_kb, 5], ['idle: connect µs, last 1,000', m.idle.millrace.connect_last_us, 120])
  if (m.stalled) rows.push(['stalled: p99 of the others ÷ with nobody stalled', ratio(m.stalled.stalled.p99_ms, m.stalled.calm.p99_ms), 1.5], ['stalled: lost', m.stalled.stalled.lost, 0])
  if (m.reconnect) rows.push(['reconnect: not recovered', m.reconnect.millrace.n - m.reconnect.millrace.recovered, 0], ['reconnect: events lost', m.reconnect.millrace.lost, 0])
  return rows
}

export default async function fanout({ rounds, quick, say, only }) {
  const plans = plansOf(quick, installPeers(say))
  const result = {}
  const sections = []
  for (const [plan, { title, servers: list, args, more = () => [], recovery }] of Object.entries(plans).filter(([plan]) => !only || only.includes(plan))) {
    const all = Object.fromEntries(list.map((name) => [name, []]))
    for (let i = 1; i <= rounds; i++) {
      for (const name of list) {
        try {
          const r = await measure(name, [...args, ...more(name)], recovery)
          all[name].push({ ...r, lost: r.expected - r.received })
          say(`${plan} round ${i} ${name}: ${format(r.cpu_us, 2)} µs, p99 ${format(r.p99_ms)} ms, lost ${r.expected - r.received}`)
        } catch (e) {
          if (!/node|oxide|python/.test(name)) throw e
          say(`${plan} round ${i} ${name}: did not make it: ${e.message.split('\n')[0]}`)
        }
      }
    }
    const m = Object.fromEntries(Object.entries(all).filter(([, r]) => r.length).map(([name, r]) => [name, medians(r)]))
    result[plan] = m
    const cols = columnsOf(plan)
    const first = Object.values(m)[0]
    const rows = list.map((name) => [names[name], ...(m[name] ? cols.map(([, f]) => f(m[name], first)) : cols.map(() => 'failed'))])
    sections.push(`${title} (median of ${rounds})\n\n${table(['server', ...cols.map(([head]) => head)], rows)}`)
  }
  return { result, text: [...sections, verdicts(targets(result)).map((l) => `- ${l}`).join('\n')].join('\n\n') }
}
