"""python_client.py - the client of python-socketio against reference_app, over each transport.

    pip install "python-socketio[client]"
    reference_app --mode client-suite --port 3210 &
    python python_client.py 3210
"""

import sys
import threading

import socketio

url = f"http://localhost:{sys.argv[1]}"


def ask(sio, event, reply, *args):
    """Emit, and wait for the event that answers."""
    came, got = threading.Event(), []
    sio.on(reply, lambda *a: (got.extend(a), came.set()))
    sio.emit(event, *args)
    assert came.wait(5), f"{reply} did not come"
    return got


for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
    sio = socketio.Client(reconnection=False)
    sio.on("ack", lambda: (5, {"test": True}))
    sio.connect(url, transports=transports, auth={"token": "t"}, namespaces=["/", "/foo"])
    assert sio.call("echo", {"a": [1, "é", None]}) == {"a": [1, "é", None]}
    assert sio.call("getId", namespace="/foo") == sio.get_sid("/foo")
    assert sio.call("getHandshake")["auth"] == {"token": "t"}
    ask(sio, "hi", "hi")
    ask(sio, "ack", "got it")
    assert ask(sio, "doge", "doge")[0] == b"asdfasdf"  # the offset of recovery comes behind it
    ask(sio, "buffa", "buffack", b"abc")
    ask(sio, "jsonbuff", "jsonbuff-ack", {"hello": "lol", "message": b"x", "goodbye": "gotcha"})
    answers = []
    sio.on("hi", lambda *offset: answers.append(1))
    for _ in range(300):  # more than the client takes in one polling body
        sio.emit("hi")
    while len(answers) < 300:
        assert sio.call("echo", 1) == 1
    sio.disconnect()
    try:
        socketio.Client(reconnection=False).connect(url, namespaces=["/no"], transports=transports)
        raise AssertionError("/no lets nobody in")
    except socketio.exceptions.ConnectionError:
        pass
    print(" then ".join(transports), "ok")
