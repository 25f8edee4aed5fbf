"""A GStreamer peer on libsoup, as the C demos are. Prints the length of each message and the end."""

import sys

import gi

gi.require_version("Soup", "3.0")
from gi.repository import GLib, Soup

url, uid, *limit = sys.argv[1:]
loop = GLib.MainLoop()
session = Soup.Session()


def report(*words):
    print(*words, flush=True)


def ended(_):
    report("closed")
    loop.quit()


def opened(_, result):
    global connection  # it ends with its last reference
    connection = session.websocket_connect_finish(result)
    for size in limit:
        connection.set_max_incoming_payload_size(int(size))
    connection.connect("message", lambda _, kind, data: report("message", len(data.get_data())))
    connection.connect("error", lambda _, error: report("error", error.message))
    connection.connect("closed", ended)
    connection.send_text(f"HELLO {uid}")


message = Soup.Message.new("GET", url)
session.websocket_connect_async(message, None, None, GLib.PRIORITY_DEFAULT, None, opened)
loop.run()
