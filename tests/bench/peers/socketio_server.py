"""socketio_server.py - python-socketio on uvicorn with the three events that examples/fanout.c has: a peer
of the fan-out bench, and what a FastAPI application runs today. WebSocket only, as its load generator is.

    python socketio_server.py PORT     prints "listening" when it does
"""

import sys

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], cors_allowed_origins=[])


def room_of(what):
    return f"pipeline_{what['pipeline_id'] if isinstance(what, dict) else what}"


@sio.event
async def subscribe_pipeline(sid, what):
    await sio.enter_room(sid, room_of(what))
    return {"ok": True}


@sio.event
async def publish(sid, what):
    await sio.emit("replication_event", what["event"], room=room_of(what))


@sio.event
async def echo(sid, *args):
    return args


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        print("listening", flush=True)


app = socketio.ASGIApp(sio)
Server(uvicorn.Config(app, port=int(sys.argv[1]), backlog=4096, log_level="warning", ws_per_message_deflate=False)).run()
