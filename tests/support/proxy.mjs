// proxy.mjs - a TCP proxy in front of PostgreSQL that can lose a connection at the worst moment.
//
//   const proxy = await startProxy(db.url, { on: (text, connection) => 'before' | 'after' | undefined })
//   proxy.url
//
// on() sees each simple query ("COMMIT") of each connection with its application_name. 'before': the
// query never reaches the server; 'after': it does, but its answer never comes back.
import net from 'node:net'
import { once } from 'node:events'

export async function startProxy(url, { on }) {
  const target = new URL(url)
  const open = new Set()
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port || 5432), target.hostname)
    const connection = { application: undefined, lost: false }
    let rest = Buffer.alloc(0)
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const s of [client, upstream]) {
      open.add(s)
      s.on('error', end).on('close', () => (open.delete(s), end())).setNoDelay(true)
    }
    upstream.on('data', (d) => connection.lost || client.write(d))
    client.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      // Whole messages only: a start-up message has no type byte, every other has one.
      for (;;) {
        const typed = connection.application !== undefined
        const at = typed ? 1 : 0
        if (rest.length < at + 4) return
        const size = at + rest.readInt32BE(at)
        if (rest.length < size) return
        const message = rest.subarray(0, size)
        rest = rest.subarray(size)
        if (!typed) {
          const startup = message.subarray(4).toString('latin1')
          if (message.readInt32BE(4) === 196608) connection.application = /application_name\0([^\0]*)/.exec(startup)?.[1] ?? ''
        } else if (message[0] === 0x51) {
          const fate = on(message.subarray(5, size - 1).toString('utf8'), connection)
          if (fate === 'before') return end()
          if (fate === 'after') connection.lost = true
        }
        upstream.write(message)
        if (connection.lost) {
          // The server has the query; when it has answered, which nobody hears, the line goes dead.
          upstream.once('data', end)
          return
        }
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String(server.address().port)
  return {
    url: through.toString(),
    async close() {
      server.close()
      for (const s of open) s.destroy()
    },
  }
}
