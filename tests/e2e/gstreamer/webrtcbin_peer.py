#!/usr/bin/python3
"""A small GStreamer application that calls others through signalbox.

It sends a test picture (VP8) and counts the frames it receives, over the text protocol of
GStreamer's examples: HELLO, SESSION, ROOM. Alice waits for a call, Bob calls her:

    ./webrtcbin_peer.py --server ws://127.0.0.1:8080/ --uid alice
    ./webrtcbin_peer.py --server ws://127.0.0.1:8080/ --uid bob --call alice --offer

Any number of peers meet in a room with `--room NAME`; who comes later offers to those inside.
What happens is told as JSON lines on stdout. The end of stdin (Ctrl-D) or SIGTERM ends it.

Debian: python3-gst-1.0 python3-websockets gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice
        gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
"""

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402
import websockets  # noqa: E402

SEND = (
    "webrtcbin name=webrtc bundle-policy=max-bundle latency=100 "
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1 "
    "! vp8enc deadline=1 keyframe-max-dist=10 ! rtpvp8pay picture-id-mode=15-bit "
    "! application/x-rtp,media=video,encoding-name=VP8,payload={payload} ! webrtc."
)
PAYLOAD = 96  # the number for VP8 where the choice is ours; browsers choose the same
RECEIVE = "rtpvp8depay ! vp8dec ! fakesink name=frames sync=false signal-handoffs=true"
IGNORE = "fakesink sync=false"


def tell(event, **details):
    """One line about an event, for the parent process."""
    print(json.dumps({"event": event, **details}), flush=True)


class Refused(Exception):
    """The server answered ERROR."""


class Call:
    """The media between us and one other peer: one pipeline around one webrtcbin."""

    def __init__(self, peer, send):
        self.peer = peer
        self._send = send  # puts one text on its way to the other peer
        self._loop = asyncio.get_running_loop()
        self._pipeline = None
        self._webrtc = None
        self._early = []  # candidates that came before the description they belong to
        self._frames = 0

    async def offer(self):
        """Starts the pipeline and offers as soon as webrtcbin knows what it sends."""
        ready = asyncio.Event()
        self._start(PAYLOAD, on_negotiation_needed=ready.set)
        await ready.wait()
        await self._describe("offer")

    async def receive(self, message):
        """Takes a JSON message of the other peer: a description or a candidate."""
        if "sdp" in message:
            await self._remote_description(message["sdp"]["type"], message["sdp"]["sdp"])
        elif "ice" in message:
            self._remote_candidate(message["ice"])

    def stop(self):
        if self._pipeline is not None:
            self._pipeline.set_state(Gst.State.NULL)
        self._pipeline = self._webrtc = None

    def _start(self, payload, on_negotiation_needed=None):
        self._pipeline = Gst.parse_launch(SEND.format(payload=payload))
        self._webrtc = self._pipeline.get_by_name("webrtc")
        self._webrtc.connect("on-ice-candidate", self._on_ice_candidate)
        self._webrtc.connect("pad-added", self._on_pad_added)
        if on_negotiation_needed is not None:
            self._webrtc.connect(
                "on-negotiation-needed", lambda _: self._from_gstreamer(on_negotiation_needed)
            )
        self._pipeline.set_state(Gst.State.PLAYING)

    async def _remote_description(self, kind, sdp):
        _, parsed = GstSdp.SDPMessage.new_from_text(sdp)
        if kind == "offer" and self._webrtc is None:
            # We must send with the number under which the offer announces VP8.
            self._start(payload_of_vp8(parsed))
        kinds = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}
        description = GstWebRTC.WebRTCSessionDescription.new(kinds[kind], parsed)
        await self._ask("set-remote-description", description)
        if kind == "offer":
            await self._describe("answer")
        early, self._early = self._early, []
        for ice in early:
            self._remote_candidate(ice)

    def _remote_candidate(self, ice):
        if self._webrtc is None:
            self._early.append(ice)
        elif ice.get("candidate"):  # an empty one only says that there are no more
            index, candidate = ice["sdpMLineIndex"], ice["candidate"]
            self._webrtc.emit("add-ice-candidate", index, candidate)

    async def _describe(self, kind):
        """Makes our offer or answer, and sends it."""
        description = await self._ask(f"create-{kind}", None, result=kind)
        # Sent before it is set, so that no candidate of ours overtakes it.
        self._send(json.dumps({"sdp": {"type": kind, "sdp": description.sdp.as_text()}}))
        await self._ask("set-local-description", description)

    async def _ask(self, action, argument, result=None):
        """Emits one of webrtcbin's actions and awaits its promise."""
        answered = self._loop.create_future()

        def on_change(promise, *_):
            reply = promise.get_reply()
            # The reply owns its values and ends with this function: hence a copy.
            value = reply.get_value(result).copy() if result else None
            self._from_gstreamer(answered.set_result, value)

        self._webrtc.emit(action, argument, Gst.Promise.new_with_change_func(on_change))
        return await answered

    def _on_ice_candidate(self, _, index, candidate):
        ice = json.dumps({"ice": {"candidate": candidate, "sdpMLineIndex": index}})
        self._from_gstreamer(self._send, ice)

    def _on_pad_added(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        is_vp8 = pad.get_current_caps().get_structure(0).get_string("encoding-name") == "VP8"
        receiver = Gst.parse_bin_from_description(RECEIVE if is_vp8 else IGNORE, True)
        if is_vp8:
            frames = receiver.get_by_name("frames")
            frames.connect("handoff", lambda *_: self._from_gstreamer(self._on_frame))
        self._pipeline.add(receiver)
        receiver.sync_state_with_parent()
        pad.link(receiver.get_static_pad("sink"))

    def _on_frame(self):
        self._frames += 1
        if self._frames % 5 == 0:
            tell("frames", peer=self.peer, count=self._frames)

    def _from_gstreamer(self, callback, *arguments):
        """GStreamer calls from its own threads; all our state belongs to the event loop's."""
        self._loop.call_soon_threadsafe(callback, *arguments)


class Application:
    """Our side of the signalling: one connection, and a call with each peer we talk to."""

    def __init__(self, options):
        self._options = options
        self._calls = {}
        self._outgoing = asyncio.Queue()
        self._stop = asyncio.Event()
        self._is_registered = False

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        threading.Thread(target=self._watch_stdin, args=(loop,), daemon=True).start()
        options = self._options
        async with websockets.connect(options.server, ssl=tls_of(options)) as socket:
            tasks = [
                asyncio.create_task(work)
                for work in (self._listen(socket), self._speak(socket), self._stop.wait())
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            for call in self._calls.values():
                call.stop()
        try:
            for task in done:
                task.result()  # raises what went wrong
        except Refused as refused:
            code, reason = socket.close_code, socket.close_reason
            tell("refused", text=str(refused), code=code, reason=reason)
            sys.exit(1)
        by = "us" if self._stop.is_set() else "server"
        tell("closed", code=socket.close_code, reason=socket.close_reason, by=by)

    def _watch_stdin(self, loop):
        while os.read(sys.stdin.fileno(), 4096):
            pass
        loop.call_soon_threadsafe(self._stop.set)

    async def _speak(self, socket):
        try:
            while True:
                await socket.send(await self._outgoing.get())
        except websockets.ConnectionClosed:
            pass

    async def _listen(self, socket):
        self._send(f"HELLO {self._options.uid}")
        try:
            while True:
                text = await socket.recv()
                if text.startswith("ERROR"):
                    if not self._is_registered:
                        await socket.wait_closed()  # the server ends what it refuses at HELLO
                    raise Refused(text)
                await self._on_text(text)
        except websockets.ConnectionClosed:
            pass

    def _send(self, text):
        self._outgoing.put_nowait(text)

    async def _on_text(self, text):
        command, _, rest = text.partition(" ")
        if text == "HELLO":
            self._is_registered = True
            tell("hello")
            if self._options.call:
                self._send(f"SESSION {self._options.call}")
            elif self._options.room:
                self._send(f"ROOM {self._options.room}")
        elif command == "ROOM_OK":
            inside = rest.split()
            tell("room_ok", peers=inside)
            for peer in inside:
                await self._call_in_room(peer).offer()
        elif command == "ROOM_PEER_JOINED":
            tell("peer_joined", peer=rest)
        elif command == "ROOM_PEER_LEFT":
            tell("peer_left", peer=rest)
            if rest in self._calls:
                self._calls.pop(rest).stop()
        elif command == "ROOM_PEER_MSG":
            peer, _, text = rest.partition(" ")
            await self._call_in_room(peer).receive(json.loads(text))
        else:
            await self._on_session_text(text)

    async def _on_session_text(self, text):
        call = self._call_in_session()
        if text == "SESSION_OK":
            tell("session_ok", peer=call.peer)
            if self._options.offer:
                await call.offer()
            else:
                self._send("OFFER_REQUEST")
        elif text == "OFFER_REQUEST":
            tell("offer_request")
            await call.offer()
        else:
            await call.receive(json.loads(text))

    def _call_in_session(self):
        """In a session the server tells only the caller who is on the other side."""
        peer = self._options.call or "caller"
        return self._calls.setdefault(peer, Call(peer, self._send))

    def _call_in_room(self, peer):
        def send(text):
            self._send(f"ROOM_PEER_MSG {peer} {text}")

        return self._calls.setdefault(peer, Call(peer, send))


def payload_of_vp8(sdp):
    """The RTP payload number that an offer gives to VP8."""
    for media in map(sdp.get_media, range(sdp.medias_len())):
        if media.get_media() != "video":
            continue
        for number in map(int, map(media.get_format, range(media.formats_len()))):
            caps = media.get_caps_from_media(number)
            if caps and caps.get_structure(0).get_string("encoding-name") == "VP8":
                return number
    return PAYLOAD  # no video yet: a later offer may add it


def tls_of(options):
    """How to judge the server's certificate; None leaves it to the library."""
    if not options.insecure:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def parse_options():
    parser = argparse.ArgumentParser(description="Calls and is called through signalbox.")
    parser.add_argument("--server", default="ws://127.0.0.1:8080/", help="default: %(default)s")
    parser.add_argument("--uid", required=True, help="our name")
    whom = parser.add_mutually_exclusive_group()
    whom.add_argument("--call", metavar="PEER", help="call this peer; otherwise wait for a call")
    whom.add_argument("--room", help="meet others in this room")
    parser.add_argument(
        "--offer", action="store_true", help="with --call: offer; otherwise ask for an offer"
    )
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    return parser.parse_args()


if __name__ == "__main__":
    Gst.init(None)
    asyncio.run(Application(parse_options()).run())
