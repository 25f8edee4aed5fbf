import { assertEquals } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import { sdpOf } from "../helpers/session/legs.ts";

const text = (value: unknown): string => JSON.stringify(value);

/** The messages of a list, without the ids that the server makes. */
function withoutIds(messages: unknown[]): unknown[] {
  return messages.map((message) => ({ ...message as object, sessionId: "S" }));
}

Deno.test("a GStreamer client asks a producer, which offers; candidates follow", async () => {
  using bench = new BridgeBench();
  const w = await bench.webrtcsink("producer");
  const g = await bench.gstreamer("robot");
  await g.say(`SESSION ${w.id}`, "OFFER_REQUEST");
  const [start] = w.client.heardJson() as [{ sessionId: string }];
  const { sessionId } = start;
  assertEquals(start, { type: "startSession", peerId: "robot", sessionId, offer: null } as never);
  await w.client.say(text({ type: "peer", sessionId, sdp: { type: "offer", sdp: sdpOf("W") } }));
  await w.client.say(
    text({ type: "peer", sessionId, ice: { candidate: "c", sdpMLineIndex: 0 } }),
  );
  await g.say(text({ sdp: { type: "answer", sdp: sdpOf("G") } }));
  assertEquals(g.heard(), [
    "SESSION_OK",
    text({ sdp: { type: "offer", sdp: sdpOf("W") } }),
    text({ ice: { candidate: "c", sdpMLineIndex: 0, sdpMid: "0" } }),
  ]);
  assertEquals(w.client.heardJson(), [
    { type: "peer", sessionId, sdp: { type: "answer", sdp: sdpOf("G") } },
  ]);
  await g.leave();
  assertEquals(w.client.heardJson(), [{ type: "endSession", sessionId }]);
});

Deno.test("a page's call to a producer is a knock: the producer's offer calls it back", async () => {
  using bench = new BridgeBench();
  const w = await bench.webrtcsink("producer");
  const p = await bench.peerjs("page");
  const head = { type: "data", connectionId: "dc_1" };
  const offer = { sdp: { type: "offer", sdp: sdpOf("P") }, ...head };
  await p.say(text({ type: "OFFER", dst: w.id, payload: offer }));
  const candidate = { candidate: "c", sdpMid: "0" };
  await p.say(text({ type: "CANDIDATE", dst: w.id, payload: { candidate, ...head } }));
  const [{ sessionId }] = w.client.heardJson() as [{ sessionId: string }];
  await w.client.say(text({ type: "peer", sessionId, sdp: { type: "offer", sdp: sdpOf("W") } }));
  assertEquals(w.client.heardJson(), []);
  const types = p.heardJson().map((message) => (message as { type: string }).type);
  assertEquals(types, ["LEAVE", "OFFER"]);
});

Deno.test("an element that answers the offer gets the candidates that waited", async () => {
  using bench = new BridgeBench();
  const w = await bench.webrtcsink("producer");
  const g = await bench.gstreamer("robot");
  await g.say(`SESSION ${w.id}`, text({ sdp: { type: "offer", sdp: sdpOf("G") } }));
  await g.say(text({ ice: { candidate: "c", sdpMLineIndex: 0 } }));
  const started = w.client.heardJson() as [{ sessionId: string }];
  assertEquals(withoutIds(started), [
    { type: "startSession", peerId: "robot", sessionId: "S", offer: sdpOf("G") },
  ]);
  const [{ sessionId }] = started;
  await w.client.say(text({ type: "peer", sessionId, sdp: { type: "answer", sdp: sdpOf("W") } }));
  const ice = { candidate: "c", sdpMLineIndex: 0, sdpMid: "0" };
  assertEquals(w.client.heardJson(), [{ type: "peer", sessionId, ice }]);
});

Deno.test("both offers fail where neither can give way", async () => {
  using bench = new BridgeBench();
  const w = await bench.webrtcsink("producer");
  const g = await bench.gstreamer("robot");
  await g.say(`SESSION ${w.id}`, text({ sdp: { type: "offer", sdp: sdpOf("G") } }));
  const [{ sessionId }] = w.client.heardJson() as [{ sessionId: string }];
  await w.client.say(text({ type: "peer", sessionId, sdp: { type: "offer", sdp: sdpOf("W") } }));
  assertEquals(w.client.heardJson(), [{ type: "endSession", sessionId }]);
  assertEquals(g.heard(), [
    "SESSION_OK",
    "ERROR the call failed: both sides have made an offer",
  ]);
  assertEquals(g.closing?.[0], 1000);
});

Deno.test("a consumer asks a GStreamer client for its offer", async () => {
  using bench = new BridgeBench();
  const g = await bench.gstreamer("robot");
  const w = await bench.webrtcsink();
  await w.client.say(text({ type: "startSession", peerId: "robot" }));
  assertEquals(g.heard(), ["OFFER_REQUEST"]);
  await g.say(text({ sdp: { type: "offer", sdp: sdpOf("G") } }));
  assertEquals(withoutIds(w.client.heardJson()), [
    { type: "sessionStarted", peerId: "robot", sessionId: "S" },
    { type: "peer", sessionId: "S", sdp: { type: "offer", sdp: sdpOf("G") } },
  ]);
});

Deno.test("a consumer cannot ask PeerJS for an offer, but makes one", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const w = await bench.webrtcsink();
  await w.client.say(text({ type: "startSession", peerId: "page" }));
  assertEquals(w.client.heardJson(), [
    { type: "error", details: "Cannot ask the peer for an offer: make one" },
  ]);
  assertEquals(bench.calls.count, 0);
  await w.client.say(text({ type: "startSession", peerId: "page", offer: sdpOf("W") }));
  assertEquals(withoutIds(w.client.heardJson()), [
    { type: "sessionStarted", peerId: "page", sessionId: "S" },
  ]);
  const [offer] = p.heardJson() as [{ src: string }];
  assertEquals(offer.src, w.id);
  // A second session with the same peer replaces the first.
  await w.client.say(text({ type: "startSession", peerId: "page", offer: sdpOf("W2") }));
  const types = w.client.heardJson().map((message) => (message as { type: string }).type);
  assertEquals(types, ["endSession", "sessionStarted"]);
  assertEquals(bench.calls.count, 1);
});

Deno.test("idle GStreamer clients are shown as producers, until they are busy or gone", async () => {
  using bench = new BridgeBench();
  const w = await bench.webrtcsink("listener");
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  const meta = { name: "robot", dialect: "gstreamer" };
  const status = (roles: string[]) => ({
    type: "peerStatusChanged",
    roles,
    meta: roles.length > 0 ? meta : null,
    peerId: "robot",
  });
  assertEquals(w.client.heardJson(), [status(["producer"])]);
  await w.client.say(text({ type: "list" }));
  assertEquals(w.client.heardJson(), [{ type: "list", producers: [{ id: "robot", meta }] }]);
  await g.say("SESSION page");
  assertEquals(w.client.heardJson(), [status([])]);
  await w.client.say(text({ type: "list" }));
  assertEquals(w.client.heardJson(), [{ type: "list", producers: [] }]);
  await p.leave();
});

Deno.test("a peer without a role is called by nobody", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const w = await bench.webrtcsink();
  const g = await bench.gstreamer("robot");
  await g.say(`SESSION ${w.id}`, "OFFER_REQUEST");
  assertEquals(g.heard(), ["SESSION_OK", `ERROR peer '${w.id}' not found`]);
  const r = await bench.ssp("hall");
  assertEquals((r.client.heardJson() as [{ data: { peers: string[] } }])[0].data.peers, []);
  const listed = await bench.webrtcsink("producer");
  assertEquals(r.client.heardJson(), [{ type: "rtc:peer", data: { id: listed.id } }]);
});
