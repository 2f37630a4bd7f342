// The message bus without a framework: connects by itself, comes back by itself (0.5, 1, 2, 4 s), and
// measures the latency with the difference of the clocks taken out. The token is the dashboard's
// session, if somebody is signed in there.
'use strict'
const $ = (id) => document.getElementById(id)
const SHOWN = 100
const latencies = []
const times = []
let socket = null
let timer
let tries = 0
let wanted = true
let offset = null
let heard = 0
const lastIds = {}

const say = (id, state, text) => {
  $(id).dataset.state = state
  $(id).textContent = text
}
const sessionToken = () => {
  try {
    return JSON.parse(localStorage.getItem('millrace.session') ?? 'null')?.accessToken ?? ''
  } catch {
    return ''
  }
}

async function askBackend() {
  try {
    const { status } = await (await fetch('/health')).json()
    say('backend', status === 'ok' ? 'up' : 'down', `Backend: ${status === 'ok' ? 'connected' : status}`)
  } catch {
    say('backend', 'down', 'Backend: away')
  }
}

function connect() {
  wanted = true
  clearTimeout(timer)
  if (socket) return
  const token = $('token').value.trim() || sessionToken()
  const query = new URLSearchParams(token ? { token } : {})
  const after = Object.entries(lastIds).slice(-32)
  if (after.length) query.set('after', after.map(([stream, id]) => `${stream}:${id}`).join(','))
  replaying = new Set(after.map(([stream]) => stream))
  const mine = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws?${query}`)
  socket = mine
  say('socket', 'unknown', 'WebSocket: connecting')
  mine.onopen = () => {
    tries = 0
    say('socket', 'up', 'WebSocket: connected')
    ping()
  }
  mine.onmessage = (m) => take(JSON.parse(m.data))
  mine.onclose = (e) => {
    if (socket !== mine) return
    socket = null
    if (!wanted) return say('socket', 'down', 'WebSocket: disconnected')
    const wait = Math.min(4000, 500 * 2 ** tries++)
    say('socket', 'down', `WebSocket: ${e.reason || 'lost or refused'}; again in ${(wait / 1000).toFixed(1)} s`)
    timer = setTimeout(connect, wait)
  }
}

function disconnect() {
  wanted = false
  clearTimeout(timer)
  socket?.close(1000)
  socket = null
  say('socket', 'down', 'WebSocket: disconnected')
}

const send = (m) => {
  if (socket?.readyState !== WebSocket.OPEN) return false
  socket.send(typeof m === 'string' ? m : JSON.stringify(m))
  return true
}
const ping = () => send({ type: 'ping', data: { sent: Date.now() } })

let replaying = new Set()

function take(m) {
  const now = Date.now()
  if (m.type === 'replayed') replaying.delete(m.data.stream)
  if (m.type === 'pong') offset = Date.parse(m.timestamp) - (m.data.sent + now) / 2
  if (m.type === 'test') show(`echo: ${JSON.stringify(m.data)}`)
  if (m.type === 'coalesced') show(`${m.data.count} messages were left out: this page did not keep up`)
  if (!m.stream || !m.id) return
  lastIds[m.stream] = m.id
  heard++
  times.push(now)
  if (offset !== null && !replaying.has(m.stream)) latencies.push(Math.max(0, now + offset - Date.parse(m.timestamp)))
  latencies.splice(0, latencies.length - 100)
  show(`${m.stream} ${m.id} ${JSON.stringify(m.data)}`)
}

function show(text) {
  const li = document.createElement('li')
  li.textContent = text
  $('messages').prepend(li)
  while ($('messages').childElementCount > SHOWN) $('messages').lastElementChild.remove()
}

const performanceMetrics = () => ({
  average: latencies.length ? latencies.reduce((a, b) => a + b, 0) / latencies.length : null,
  min: latencies.length ? Math.min(...latencies) : null,
  max: latencies.length ? Math.max(...latencies) : null,
  samples: latencies.length,
  messagesPerSecond: times.length / 5,
})

function draw() {
  while (times.length && times[0] < Date.now() - 5000) times.shift()
  const p = performanceMetrics()
  const ms = (n) => (n === null ? '–' : `${n.toFixed(1)} ms`)
  $('heard').textContent = String(heard)
  $('rate').textContent = p.messagesPerSecond.toFixed(1)
  $('average').textContent = ms(p.average)
  $('min').textContent = ms(p.min)
  $('max').textContent = ms(p.max)
}

window.webSocketService = {
  connect,
  disconnect,
  send,
  getConnectionStatus: () => ({ state: socket?.readyState === WebSocket.OPEN ? 'open' : wanted ? 'waiting' : 'idle', attempt: tries }),
  getPerformanceMetrics: performanceMetrics,
}
$('controls').addEventListener('submit', (e) => {
  e.preventDefault()
  connect()
})
$('disconnect').addEventListener('click', disconnect)
$('test').addEventListener('click', () => send({ type: 'test', data: 'hello' }))
setInterval(draw, 250)
setInterval(ping, 5000)
setInterval(askBackend, 5000)
void askBackend()
connect()
