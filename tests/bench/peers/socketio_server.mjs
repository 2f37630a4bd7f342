// socketio_server.mjs - Node's own Socket.IO server with the three events that examples/fanout.c has:
// the peer of the fan-out bench. WebSocket only and without compression, as its load generator is.
//
//   node socketio_server.mjs PORT [recovery]     prints "listening" when it does
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false, connectionStateRecovery: process.argv[3] && { maxDisconnectionDuration: 120000 } })

io.on('connection', (socket) => {
  socket.on('subscribe_pipeline', ({ pipeline_id: id }) => socket.join(`pipeline_${id}`))
  socket.on('publish', ({ pipeline_id: id, event }) => io.to(`pipeline_${id}`).emit('replication_event', event))
  socket.on('echo', (...args) => args.pop()(...args))
})

http.listen(Number(process.argv[2]), '127.0.0.1', 4096, () => console.log('listening'))
