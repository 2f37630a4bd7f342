// client.mjs - millrace as its users see it: REST over fetch, and the unmodified socket.io-client.
// The collector is the witness: it takes every replication_event and knows at once of a gap, a
// duplicate or a disorder in pipeline_seq, over any number of reconnections.
//
//   const token = await login(server.url)
//   const socket = await connect(server.url, token)
//   const seen = new Collector(pipelineId).on(socket)
//   const ack = await subscribe(socket, { pipeline_id: pipelineId, after: seen.lastSeq })
//   await seen.reaches(1000)          // pipeline_seq; then seen.problems is [] or says what is wrong
import { io } from 'socket.io-client'
import { ADMIN } from './millrace.mjs'
import { until, within } from './until.mjs'

/** One HTTP exchange: {status, headers, text, body} (body: the parsed JSON, if it is JSON). */
export async function request(url, { token, method = 'GET', body, headers = {}, timeout = 10000 } = {}) {
  const res = await fetch(url, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body !== undefined && typeof body !== 'string' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
  })
  const text = await res.text()
  const isJson = /\bjson\b/.test(res.headers.get('content-type') ?? '')
  return { status: res.status, headers: res.headers, text, body: isJson ? JSON.parse(text) : undefined }
}

/** Sign in; returns the access token. */
export async function login(url, { username, password } = ADMIN) {
  const res = await request(`${url}/auth/login`, { method: 'POST', body: { username, password } })
  if (res.status !== 200) throw new Error(`login: ${res.status} ${res.text}`)
  return res.body.access_token
}

/** A socket that is connected. options go to io(); reconnection is off unless asked for. */
export async function connect(url, token, options = {}) {
  const socket = open(url, token, options)
  await within('socket.io-client connects', 10000, new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', (e) => reject(Object.assign(new Error(`connect_error: ${e.message}`), { data: e.data })))
  })).catch((e) => {
    socket.close()
    throw e
  })
  return socket
}

/**
 * The same without waiting. token may be a function, asked at every (re)connection; when it fails (the
 * server is away), the connection is given up and tried again as after any other break.
 */
export function open(url, token, options = {}) {
  const ask = (give) => Promise.resolve().then(token).then((t) => give({ token: t }), () => socket.io.engine.close())
  const socket = io(url, {
    auth: typeof token === 'function' ? ask : { token },
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    ...options,
  })
  return socket
}

/** Emit and wait for the ack's first argument. */
export async function ask(socket, event, ...args) {
  return socket.timeout(10000).emitWithAck(event, ...args)
}

/** subscribe_pipeline; throws unless the server says ok. */
export async function subscribe(socket, what) {
  const ack = await ask(socket, 'subscribe_pipeline', what)
  if (!ack?.ok) throw new Error(`subscribe_pipeline refused: ${JSON.stringify(ack)}`)
  return ack
}

const FRAME = /^2(?:\/[^,]*,)?\["replication_event",([^]*)\]$/ // a Socket.IO EVENT without its "4"

export class Collector {
  /** first: the pipeline_seq expected first (1: from the beginning; null: whichever comes). */
  constructor(pipelineId, { first = null, keepRaw = false } = {}) {
    Object.assign(this, { pipelineId, keepRaw })
    this.events = []
    this.raw = [] // with keepRaw: the event's bytes as they came over the wire
    this.problems = []
    this.next = first
    this.lastSeq = 0 // what to pass as `after`
  }

  /** Listen on a socket; call it again for each new socket. */
  on(socket) {
    socket.on('replication_event', (e) => this.add(e))
    socket.on('replay_gap', (gap) => this.problem(`replay_gap ${JSON.stringify(gap)}`))
    if (this.keepRaw) {
      const known = new WeakSet() // each connection has an engine of its own
      const listen = () => {
        const { engine } = socket.io
        if (!engine || known.has(engine)) return
        known.add(engine)
        engine.on('packet', ({ type, data }) => {
          const m = type === 'message' && typeof data === 'string' && FRAME.exec(data)
          if (m && JSON.parse(m[1]).pipeline_id === this.pipelineId) this.raw.push(m[1])
        })
      }
      listen()
      socket.io.on('open', listen)
    }
    return this
  }

  add(event) {
    if (event.pipeline_id !== this.pipelineId) return
    const { pipeline_seq: n, seq } = event
    if (!Number.isSafeInteger(n) || !Number.isSafeInteger(seq)) this.problem(`no seq in ${JSON.stringify(event).slice(0, 300)}`)
    else if (this.next !== null && n !== this.next) {
      this.problem(n < this.next ? `pipeline_seq ${n} again (expected ${this.next})` : `gap: ${this.next}..${n - 1} missing`)
    }
    if (seq <= this.lastSeq) this.problem(`seq ${seq} after ${this.lastSeq}`)
    this.next = Math.max(n + 1, this.next ?? 0)
    this.lastSeq = Math.max(seq, this.lastSeq)
    this.events.push(event)
  }

  problem(text) {
    if (this.problems.length < 100) this.problems.push(text)
  }

  /** Wait until the event with this pipeline_seq has come. */
  reaches(pipelineSeq, { timeout = 20000, detail } = {}) {
    return until(`pipeline_seq ${pipelineSeq} arrives`, () => (this.next ?? 1) - 1, (n) => n >= pipelineSeq, { timeout, every: 10, detail })
  }
}
