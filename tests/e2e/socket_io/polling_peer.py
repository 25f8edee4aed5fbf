"""An OWT peer on python-socketio, which polls where no WebSocket library is installed.

Reads commands from standard input, one JSON object a line: {"to": peer, "count": n} sends n messages
at once, each with an acknowledgement. Prints what happens in the same form.
"""

import json
import sys
import threading

import socketio

url, token = sys.argv[1:]
client = socketio.Client(reconnection=False)
printing = threading.Lock()


def report(what, value):
    with printing:
        print(json.dumps({what: value}), flush=True)


client.on("server-authenticated", lambda data: report("authenticated", data))
client.on("owt-message", lambda data: report("message", data))
client.on("disconnect", lambda: report("disconnected", None))
client.connect(f"{url}?clientVersion=4.2&clientType=Python&token={token}", transports=["polling"])

for line in sys.stdin:
    command = json.loads(line)
    for number in range(command["count"]):
        message = {"to": command["to"], "data": number}
        client.emit("owt-message", message, callback=lambda *answer: report("answered", answer))

client.disconnect()
