import { assertEquals } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";

const text = (value: unknown): string => JSON.stringify(value);

/** A P2P message as an OWT client sends it, with an acknowledgement wanted. */
function p2p(to: string, type: string, data?: unknown): string {
  return `27["owt-message",${text({ to, data: text({ type, data }) })}]`;
}

/** The P2P messages that a client was sent, and the acknowledgements. */
function heard(client: TestClient): unknown[] {
  return client.heard().map((frame) => {
    const packet = String(frame);
    if (!packet.startsWith("2[")) return packet;
    const [, { from, data }] = JSON.parse(packet.slice(1));
    return { from, ...JSON.parse(data) };
  });
}

const UA = {
  from: "robot",
  type: "chat-ua",
  data: {
    sdk: { type: "signalbox", version: "1" },
    capabilities: {
      continualIceGathering: true,
      streamRemovable: true,
      ignoreDataChannelAcks: true,
      unifiedPlan: true,
    },
  },
};
const MEDIA = "v=0\r\no=- M 1 IN IP4 0.0.0.0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n" +
  "a=msid:stream track\r\n";

Deno.test("GStreamer calls OWT: the streams are announced before the offer", async () => {
  using bench = new BridgeBench();
  const o = await bench.owt("alice");
  const g = await bench.gstreamer("robot");
  await g.say("SESSION alice", text({ sdp: { type: "offer", sdp: MEDIA } }));
  assertEquals(heard(o), [
    UA,
    { from: "robot", type: "chat-track-sources", data: [{ id: "track", source: "camera" }] },
    {
      from: "robot",
      type: "chat-stream-info",
      data: { id: "stream", tracks: ["track"], source: { video: "camera" } },
    },
    { from: "robot", type: "chat-signal", data: { type: "offer", sdp: MEDIA } },
  ]);
  await o.say(p2p("robot", "chat-ua", { sdk: {} }));
  await o.say(p2p("robot", "chat-signal", { type: "answer", sdp: sdpOf("O") }));
  await o.say(
    p2p("robot", "chat-signal", {
      type: "candidates",
      candidate: "c",
      sdpMid: "0",
      sdpMLineIndex: 0,
    }),
  );
  assertEquals(g.heard(), [
    "SESSION_OK",
    text({ sdp: { type: "answer", sdp: sdpOf("O") } }),
    text({ ice: { candidate: "c", sdpMLineIndex: 0, sdpMid: "0" } }),
  ]);
  assertEquals(heard(o), ["37[]", "37[]", "37[]"]);
  await o.say(p2p("robot", "chat-closed"));
  assertEquals(g.closing?.[0], 1000);
});

Deno.test("OWT publishes to a pool: its tracks are confirmed with the answer", async () => {
  using bench = new BridgeBench();
  const o = await bench.owt("alice");
  const r = await bench.ssp("pool");
  r.client.heard();
  await o.say(
    p2p(r.id, "chat-stream-info", { id: "s", tracks: ["a", "v"], source: {} }),
    p2p(r.id, "chat-signal", { type: "offer", sdp: sdpOf("O") }),
  );
  assertEquals(r.client.heardJson(), [
    { type: "rtc:peer", data: { id: "alice" } },
    {
      type: "rtc:sdp",
      data: { peer: "alice", description: { type: "offer", sdp: sdpOf("O") } },
    },
  ]);
  heard(o);
  const description = { type: "answer", sdp: sdpOf("R") };
  await r.client.say(text({ type: "rtc:sdp", data: { to: "alice", description } }));
  assertEquals(heard(o).slice(1), [
    { from: r.id, type: "chat-signal", data: description },
    { from: r.id, type: "chat-tracks-added", data: ["a", "v"] },
  ]);
  await r.client.leave();
  assertEquals(heard(o), [{ from: r.id, type: "chat-closed" }]);
});

Deno.test("OWT learns by number that nobody is there, or that a peer cannot renegotiate", async () => {
  using bench = new BridgeBench();
  const o = await bench.owt("alice");
  const p = await bench.peerjs("page");
  await o.say(p2p("nobody", "chat-signal", { type: "offer", sdp: sdpOf("O") }));
  await o.say(p2p("page", "chat-signal", { type: "offer", sdp: sdpOf("O") }));
  assertEquals(heard(o), ["37[2201]", "37[]"]);
  const [{ payload: { connectionId } }] = p.heardJson() as [{ payload: { connectionId: string } }];
  await p.say(
    text({
      type: "ANSWER",
      dst: "alice",
      payload: { sdp: { type: "answer", sdp: sdpOf("P") }, type: "data", connectionId },
    }),
  );
  heard(o);
  await o.say(p2p("page", "chat-signal", { type: "offer", sdp: sdpOf("O") }));
  assertEquals(heard(o), ["37[2401]"]);
  // Calls of these two outlive the connection to the server.
  await p.leave();
  assertEquals(heard(o), []);
});

Deno.test("a user that is denied is refused", async () => {
  using bench = new BridgeBench();
  const o = await bench.owt("alice");
  const p = await bench.peerjs("page");
  const payload = {
    sdp: { type: "offer", sdp: sdpOf("P") },
    type: "data",
    connectionId: "dc_1",
  };
  await p.say(text({ type: "OFFER", dst: "alice", payload }));
  await o.say(p2p("page", "chat-closed", { code: 2202, message: "User is denied." }));
  assertEquals(p.heardJson(), [
    { type: "EXPIRE", src: "alice", dst: "page" },
    { type: "LEAVE", src: "alice", dst: "page" },
  ]);
});
