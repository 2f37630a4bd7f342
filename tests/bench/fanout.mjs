// fanout.mjs - one event to a thousand sockets, and the round trip of an ack: examples/fanout (libmillrace)
// beside a raw send(2) floor and Node's socket.io, in turn, round by round.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { freePort, here, json, program, start, stop } from './lib/programs.mjs'
import { format, medians, ratio, table, verdicts } from './lib/report.mjs'

const servers = {
  floor: (port) => start(program('bench_send_floor'), [String(port)]),
  millrace: (port) => start(program('fanout'), ['--port', String(port)]),
  node: (port) => start(process.execPath, [path.join(here, 'peers/socketio_server.mjs'), String(port)]),
}

function installPeers() {
  const dir = path.join(here, 'peers')
  if (fs.existsSync(path.join(dir, 'node_modules/socket.io'))) return
  const npm = spawnSync('npm', ['ci', '--prefix', dir, '--no-audit', '--no-fund'], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (npm.status !== 0) throw new Error('the peers could not be installed')
}

async function measure(name, args) {
  const port = await freePort()
  const server = servers[name](port)
  try {
    await server.said(/listening/)
    return await json(program('bench_sio_load'), ['--port', String(port), '--pid', String(server.pid), ...args])
  } finally {
    await stop(server)
  }
}

export default async function fanout({ rounds, quick, say }) {
  installPeers()
  const sizes = quick ? [200] : [1000, 5000]
  const seconds = quick ? 2 : 10
  const plans = [
    ...sizes.map((n) => [`fanout_${n}`, ['--n', String(n), '--rate', '20', '--seconds', String(seconds), '--bytes', '500']]),
    ['echo', ['--mode', 'echo', '--n', '64', '--seconds', String(quick ? 2 : 5)]],
  ]
  const all = {}
  for (const [plan, args] of plans) {
    all[plan] = { floor: [], millrace: [], node: [] }
    for (let i = 1; i <= rounds; i++) {
      for (const name of Object.keys(servers)) {
        const r = await measure(name, args)
        all[plan][name].push({ ...r, lost: r.expected - r.received })
        say(`${plan} round ${i} ${name}: ${format(r.cpu_us, 2)} µs, p99 ${format(r.p99_ms)} ms, lost ${r.expected - r.received}`)
      }
    }
  }
  const result = {}
  const sections = []
  for (const [plan] of plans) {
    const m = Object.fromEntries(Object.entries(all[plan]).map(([name, r]) => [name, medians(r)]))
    result[plan] = m
    const rows = Object.entries(m).map(([name, r]) => [
      { floor: 'floor: one send(2) a socket', millrace: 'millrace (examples/fanout)', node: 'Node.js socket.io' }[name],
      format(r.cpu_us, 2), format(ratio(r.cpu_us, m.floor.cpu_us), 2), format(r.p50_ms, 2), format(r.p99_ms, 2),
      ...(plan === 'echo' ? [] : [format(r.connect_us, 0), format(r.rss_idle_kb / 1024, 1), format(r.rss_client_kb, 1), format(r.lost, 0), format(r.disorder, 0)]),
    ])
    const title = plan === 'echo'
      ? `Ack echo, 64 sockets, ${quick ? 2 : 5} s`
      : `Fan-out, ${plan.slice(7)} sockets × 20 events/s × 500 bytes, ${seconds} s`
    sections.push(`${title} (median of ${rounds})\n\n${table(['server', plan === 'echo' ? 'CPU µs/round trip' : 'CPU µs/delivery', '÷ floor', 'p50 ms', 'p99 ms', ...(plan === 'echo' ? [] : ['connect µs', 'RSS idle MB', 'RSS KB/socket', 'lost', 'disorder'])], rows)}`)
  }
  const checks = []
  for (const n of sizes) {
    const m = result[`fanout_${n}`]
    checks.push(
      [`fan-out ${n}: CPU ÷ floor`, ratio(m.millrace.cpu_us, m.floor.cpu_us), 1.25],
      [`fan-out ${n}: CPU ÷ Node`, ratio(m.millrace.cpu_us, m.node.cpu_us), 0.55],
      [`fan-out ${n}: lost + disorder`, m.millrace.lost + m.millrace.disorder, 0],
      [`fan-out ${n}: connect µs`, m.millrace.connect_us, 120],
      [`fan-out ${n}: RSS KB/socket`, m.millrace.rss_client_kb, 5],
    )
  }
  if (result.fanout_5000) checks.push(['fan-out 5000: p99 ÷ floor', ratio(result.fanout_5000.millrace.p99_ms, result.fanout_5000.floor.p99_ms), 1.3])
  checks.push(['ack echo: CPU ÷ floor', ratio(result.echo.millrace.cpu_us, result.echo.floor.cpu_us), 1.35])
  return { result, text: [...sections, verdicts(checks).map((l) => `- ${l}`).join('\n')].join('\n\n') }
}
