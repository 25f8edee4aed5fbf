#!/usr/bin/python3
"""A GStreamer text peer on aiortc: it waits for a call, answers it, and counts the frames it receives.

It sends pictures that change. What happens is told as JSON lines on stdout; SIGTERM ends it.
Debian: python3-aiortc python3-websockets
"""

import asyncio
import json
import sys

import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class Flicker(VideoStreamTrack):
    """Grey pictures, each brighter than the one before."""

    shade = 0

    async def recv(self):
        timestamp, base = await self.next_timestamp()
        frame = VideoFrame(width=160, height=120, format="yuv420p")
        self.shade = (self.shade + 5) % 256
        for plane in frame.planes:
            plane.update(bytes([self.shade]) * plane.buffer_size)
        frame.pts, frame.time_base = timestamp, base
        return frame


async def count(track):
    frames = 0
    while True:
        await track.recv()
        frames += 1
        if frames % 5 == 0:
            tell("frames", peer="caller", count=frames)


async def main(server, uid):
    connection = RTCPeerConnection()
    tasks = set()

    @connection.on("track")
    def on_track(track):
        if track.kind == "video":
            tasks.add(asyncio.create_task(count(track)))

    async with websockets.connect(server) as socket:
        await socket.send(f"HELLO {uid}")
        async for text in socket:
            if text == "HELLO":
                tell("hello")
                continue
            message = json.loads(text)
            if "sdp" in message:
                await connection.setRemoteDescription(RTCSessionDescription(**message["sdp"]))
                connection.addTrack(Flicker())
                await connection.setLocalDescription(await connection.createAnswer())
                # It knows all its candidates by now, and they are in the description.
                local = connection.localDescription
                await socket.send(json.dumps({"sdp": {"type": local.type, "sdp": local.sdp}}))
            elif message["ice"].get("candidate"):
                ice = message["ice"]
                candidate = candidate_from_sdp(ice["candidate"].removeprefix("candidate:"))
                candidate.sdpMid = ice.get("sdpMid")
                candidate.sdpMLineIndex = ice["sdpMLineIndex"]
                await connection.addIceCandidate(candidate)


asyncio.run(main(*sys.argv[1:]))
