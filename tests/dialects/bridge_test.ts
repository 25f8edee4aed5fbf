import { assert, assertEquals, assertMatch } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";

// Each test is one pair or one rule, in the clients' own messages.

const text = (value: unknown): string => JSON.stringify(value);

const MEDIA = "v=0\r\no=- M 1 IN IP4 0.0.0.0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n";

/** PeerJS messages. */
const P = {
  offer: (dst: string, session = "P", connectionId = "dc_1") =>
    text({
      type: "OFFER",
      dst,
      payload: { sdp: { type: "offer", sdp: sdpOf(session) }, type: "data", connectionId },
    }),
  answer: (dst: string, connectionId: string, session = "P") =>
    text({
      type: "ANSWER",
      dst,
      payload: { sdp: { type: "answer", sdp: sdpOf(session) }, type: "data", connectionId },
    }),
  candidate: (dst: string, connectionId: string, candidate: unknown) =>
    text({ type: "CANDIDATE", dst, payload: { candidate, type: "data", connectionId } }),
};

/** GStreamer messages. */
const G = {
  sdp: (type: string, session: string) => text({ sdp: { type, sdp: sdpOf(session) } }),
  ice: (candidate: string) => text({ ice: { candidate, sdpMLineIndex: 0 } }),
};

/** RTCPool messages. */
const R = {
  sdp: (to: string, type: string, session: string) =>
    text({ type: "rtc:sdp", data: { to, description: { type, sdp: sdpOf(session) } } }),
  event: (type: string, data: unknown) => ({ type, data }),
};

/** Messages of Simple. */
const S = {
  signal: (peer_id: string, type: string, more: Record<string, unknown>) =>
    text({ event: "signal", peer_id, type, ...more }),
};

/** The last message of a type that a client was sent. */
function last(client: TestClient, key: string, value: string): Record<string, unknown> {
  const found = client.sent.filter((frame) => typeof frame === "string" && frame.startsWith("{"))
    .map((frame) => JSON.parse(String(frame))).findLast((message) => message[key] === value);
  assert(found !== undefined, `no ${value}`);
  return found;
}

Deno.test("PeerJS calls GStreamer: offer, early candidate, answer and the end", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  await p.say(P.offer("robot"));
  assertEquals(g.heard(), [G.sdp("offer", "P")]);
  await g.say(G.ice("early"));
  assertEquals(p.heard(), []);
  await g.say(G.sdp("answer", "G"));
  const head = { type: "data", connectionId: "dc_1" };
  const candidate = { candidate: "early", sdpMid: "0", sdpMLineIndex: 0 };
  assertEquals(p.heardJson(), [
    {
      type: "ANSWER",
      src: "robot",
      dst: "page",
      payload: { sdp: { sdp: sdpOf("G"), type: "answer" }, ...head },
    },
    { type: "CANDIDATE", src: "robot", dst: "page", payload: { candidate, ...head } },
  ]);
  await p.say(P.candidate("robot", "dc_1", { candidate: "late", sdpMid: "0" }));
  assertEquals(g.heard(), [
    text({ ice: { candidate: "late", sdpMLineIndex: 0, sdpMid: "0" } }),
  ]);
  await g.leave();
  assertEquals(p.heardJson(), [{ type: "LEAVE", src: "robot", dst: "page" }]);
});

Deno.test("GStreamer calls PeerJS with media; the page answers and leaves", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  await g.say("SESSION page");
  assertEquals(g.heard(), ["SESSION_OK"]);
  assertEquals(p.heard(), []);
  await g.say(text({ sdp: { type: "offer", sdp: MEDIA } }));
  const [offer] = p.heardJson() as [{ src: string; payload: { [key: string]: unknown } }];
  const { connectionId, ...payload } = offer.payload;
  assertMatch(String(connectionId), /^mc_[\da-f]{32}$/);
  assertEquals(payload, {
    sdp: { sdp: MEDIA, type: "offer" },
    type: "media",
    metadata: { dialect: "gstreamer" },
  });
  await p.say(P.answer("robot", String(connectionId)));
  await p.say(P.answer("robot", "dc_of_another_call"));
  assertEquals(g.heard(), [G.sdp("answer", "P")]);
  await p.say(text({ type: "LEAVE", dst: "robot" }));
  assertEquals(g.closing?.[0], 1000);
});

Deno.test("a GStreamer client in a call with a page is busy for everybody", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const other = await bench.peerjs("other");
  const g = await bench.gstreamer("robot");
  const caller = await bench.gstreamer("caller");
  await p.say(P.offer("robot"));
  g.heard();
  await other.say(P.offer("robot"));
  assertEquals(other.heardJson(), [{ type: "EXPIRE", src: "robot", dst: "other" }]);
  await caller.say("SESSION robot");
  assertEquals(caller.heard(), ["ERROR peer 'robot' busy"]);
  assertEquals(g.heard(), []);
});

Deno.test("PeerJS cannot be asked for an offer, nor take a second one", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  await g.say("SESSION page", "OFFER_REQUEST");
  assertEquals(g.heard(), ["SESSION_OK", "ERROR peer 'page' cannot be asked for an offer"]);
  await g.say(G.sdp("offer", "G"));
  const { connectionId } = last(p, "type", "OFFER")["payload"] as { connectionId: string };
  await p.say(P.answer("robot", connectionId));
  g.heard();
  await g.say(G.sdp("offer", "G"));
  assertEquals(g.heard(), ["ERROR peer 'page' takes no further offers"]);
});

Deno.test("a page that is being called cannot call back before it answers", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  await g.say("SESSION page");
  await p.say(P.offer("robot"));
  assertEquals(p.heardJson(), [{ type: "EXPIRE", src: "robot", dst: "page" }]);
  await g.say(G.sdp("offer", "G"));
  p.heard();
  await p.say(P.offer("robot"));
  assertEquals(p.heardJson(), [{ type: "EXPIRE", src: "robot", dst: "page" }]);
});

Deno.test("an id is one peer's, whatever it speaks", async () => {
  using bench = new BridgeBench();
  await bench.gstreamer("x");
  const p = await bench.peerjs("x");
  assertEquals(last(p, "type", "ID-TAKEN")["payload"], { msg: "ID is taken" });
  await bench.peerjs("y");
  const g = await bench.gstreamer("y");
  assertEquals(g.closing, [1002, "invalid peer uid"]);
});

Deno.test("a GStreamer client that takes an absent id gets the messages that PeerJS sent to it", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  await p.say(
    P.offer("robot"),
    P.candidate("robot", "dc_1", { candidate: "c", sdpMLineIndex: 0 }),
  );
  bench.clock.advance(3_000);
  const g = await bench.gstreamer("robot");
  assertEquals(g.sent, [
    "HELLO",
    G.sdp("offer", "P"),
    text({ ice: { candidate: "c", sdpMLineIndex: 0, sdpMid: "0" } }),
  ]);
  bench.clock.advance(10_000);
  assertEquals(p.heard(), []);
});

Deno.test("a page that comes back by another connection continues its call", async () => {
  using bench = new BridgeBench();
  await bench.peerjs("page", "token");
  const old = await bench.peerjs("page", "token");
  const g = await bench.gstreamer("robot");
  await old.say(P.offer("robot"));
  const p = await bench.peerjs("page", "token");
  await g.say(G.sdp("answer", "G"));
  assertEquals(last(p, "type", "ANSWER")["src"], "robot");
  await p.say(P.candidate("robot", "dc_1", { candidate: "c", sdpMid: "0" }));
  assertEquals(g.heard().length, 2);
});

Deno.test("a room has members of three dialects, each in its own words", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  const g = await bench.gstreamer("robot");
  r.client.heard();
  await g.say("ROOM room");
  assertEquals(g.heard(), [`ROOM_OK ${r.id} ${s.id}`]);
  assertEquals(r.client.heardJson(), [R.event("rtc:peer", { id: "robot" })]);
  const peer = {
    peer_id: "robot",
    peer_dialect: "gstreamer",
    peer_instances: [{ sdp: "" }],
    peer_ice: [],
  };
  assertEquals(s.client.heardJson(), [{ event: "join", peer, peer_instance: 0 }]);
  const other = await bench.ssp("room");
  const [joined] = other.client.heardJson() as [{ data: Record<string, unknown> }];
  assertEquals(joined.data["peers"], [r.id, s.id, "robot"]);
  assertEquals(Object.values(joined.data["descriptions"] as object), [null, null, null, null]);
  assertEquals(g.heard(), [`ROOM_PEER_JOINED ${other.id}`]);
  s.client.heard();
  r.client.heard();
  await g.leave();
  assertEquals(
    r.client.heardJson(),
    [
      R.event("rtc:peer", { id: other.id }),
      R.event("rtc:close", { uid: "robot", id: "robot" }),
    ].slice(1),
  );
  const left = { peer_id: "robot", peer_instance: 0, peer_instances: [], reason: "left" };
  assertEquals(s.client.heardJson(), [{ event: "leave", ...left }]);
});

Deno.test("server-made ids: those of Simple begin low, those of ssp high", async () => {
  using bench = new BridgeBench();
  for (let n = 0; n < 20; n++) {
    const [r, s] = [await bench.ssp("room"), await bench.simple("room")];
    assertMatch(r.id, /^[89a-f].{7}-.{4}-4/);
    assertMatch(s.id, /^[0-7].{7}-.{4}-4/);
  }
});

Deno.test("RTCPool and Simple call each other in a room, candidates one by one", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  r.client.heard();
  await s.client.say(S.signal(r.id, "offer", { sdp: sdpOf("S"), call: "c1" }));
  await s.client.say(
    S.signal(r.id, "candidate", {
      peer_ice: [{ candidate: "one", sdpMid: "0" }, { candidate: "" }],
    }),
  );
  const candidate = { candidate: "one", sdpMid: "0", sdpMLineIndex: 0 };
  assertEquals(r.client.heardJson(), [
    R.event("rtc:sdp", { peer: s.id, description: { type: "offer", sdp: sdpOf("S") } }),
    R.event("rtc:candidate", { candidate, from: s.id }),
    R.event("rtc:candidate", { candidate: null, from: s.id }),
  ]);
  await r.client.say(R.sdp(s.id, "answer", "R"));
  await r.client.say(text({ type: "rtc:candidate", data: { for: s.id, candidate: null } }));
  const head = { event: "signal", peer_id: r.id, peer_instance: 0 };
  assertEquals(s.client.heardJson(), [
    { ...head, seq: 1, type: "answer", sdp: sdpOf("R"), call: "c1" },
    { ...head, seq: 2, type: "candidate", peer_ice: [{ candidate: "" }], call: "c1" },
  ]);
});

Deno.test("Simple's bye makes the pool announce the peer anew", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  await s.client.say(S.signal(r.id, "offer", { sdp: sdpOf("S") }));
  r.client.heard();
  await s.client.say(S.signal(r.id, "bye", { reason: "enough" }));
  assertEquals(r.client.heardJson(), [
    R.event("rtc:close", { uid: s.id, id: s.id }),
    R.event("rtc:peer", { id: s.id }),
  ]);
});

Deno.test("Simple's data and a rollback have no form in the other dialect", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  await s.client.say(S.signal(r.id, "data", { data: 1, ref: 7 }));
  assertEquals(last(s.client, "event", "error")["code"], "unsupported");
  await r.client.say(R.sdp(s.id, "rollback", "R"));
  assertEquals(
    (last(r.client, "type", "rtc:error")["data"] as { reason: string }).reason,
    "invalid-description",
  );
});

Deno.test("a page that calls a member of a room is introduced to it alone", async () => {
  using bench = new BridgeBench();
  const s = await bench.simple("room");
  const r = await bench.ssp("room");
  const p = await bench.peerjs("page");
  s.client.heard();
  r.client.heard();
  await p.say(P.offer(s.id));
  const [join, signal] = s.client.heardJson() as [Record<string, unknown>, unknown];
  assertEquals((join["peer"] as Record<string, unknown>)["peer_dialect"], "peerjs");
  const head = { event: "signal", seq: 1, peer_id: "page", peer_instance: 0 };
  assertEquals(signal, { ...head, type: "offer", sdp: sdpOf("P") });
  assertEquals(r.client.heard(), []);
  await s.client.say(S.signal("page", "answer", { sdp: sdpOf("S") }));
  assertEquals(last(p, "type", "ANSWER")["src"], s.id);
  // The other member does not know the caller.
  await r.client.say(R.sdp("page", "offer", "R"));
  assertEquals(
    (last(r.client, "type", "rtc:error")["data"] as { reason: string }).reason,
    "unknown-peer",
  );
  s.client.heard();
  await p.say(text({ type: "LEAVE", dst: s.id }));
  assertEquals(s.client.heardJson().map((frame) => (frame as { event: string }).event), [
    "signal",
    "leave",
  ]);
});

Deno.test("GStreamer asks a member of a pool for its offer by introducing itself", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("pool");
  const g = await bench.gstreamer("robot");
  r.client.heard();
  await g.say(`SESSION ${r.id}`, "OFFER_REQUEST");
  assertEquals(r.client.heardJson(), [R.event("rtc:peer", { id: "robot" })]);
  await r.client.say(R.sdp("robot", "offer", "R"));
  assertEquals(g.heard(), ["SESSION_OK", G.sdp("offer", "R")]);

  const silent = await bench.gstreamer("second");
  await silent.say(`SESSION ${r.id}`, "OFFER_REQUEST");
  r.client.heard();
  bench.clock.advance(5_000);
  assertEquals(silent.closing?.[0], 1000);
  assertEquals(r.client.heardJson(), [R.event("rtc:close", { uid: "second", id: "second" })]);
});

Deno.test("an elder of a pool that calls a GStreamer newcomer has the newcomer start again", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const g = await bench.gstreamer("robot");
  await g.say("ROOM room");
  g.heard();
  await r.client.say(R.sdp("robot", "offer", "R"));
  assertEquals(g.heard(), []);
  await g.say(`ROOM_PEER_MSG ${r.id} ${G.sdp("offer", "G")}`);
  assertEquals(g.heard(), [
    `ROOM_PEER_LEFT ${r.id}`,
    `ROOM_PEER_JOINED ${r.id}`,
    `ROOM_PEER_MSG ${r.id} ${G.sdp("offer", "R")}`,
  ]);
  r.client.heard();
  await g.say(`ROOM_PEER_MSG ${r.id} ${G.sdp("answer", "G2")}`);
  assertEquals(r.client.heardJson(), [
    R.event("rtc:sdp", { peer: "robot", description: { type: "answer", sdp: sdpOf("G2") } }),
  ]);
});

Deno.test("a GStreamer client outside a room and one inside do not reach each other's way", async () => {
  using bench = new BridgeBench();
  const p = await bench.peerjs("page");
  const g = await bench.gstreamer("robot");
  await g.say("ROOM room");
  g.heard();
  await p.say(P.offer("robot"));
  assertEquals(p.heardJson(), [{ type: "EXPIRE", src: "robot", dst: "page" }]);
  await g.say(`ROOM_PEER_MSG page ${G.sdp("offer", "G")}`);
  assertEquals(g.heard(), ["ERROR peer 'page' is not in the room"]);
});

Deno.test("an id with blanks is not shown to GStreamer, nor can its peer call there", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const p = await bench.peerjs("a%20page");
  const g = await bench.gstreamer("robot");
  await p.say(P.offer("robot"));
  bench.clock.advance(10_000);
  assertEquals(p.heardJson(), [{ type: "EXPIRE", src: "robot", dst: "a page" }]);
  await g.say("ROOM hall");
  assertEquals(g.heard(), ["ROOM_OK "]);
});

Deno.test("the lobby shows peers without rooms to its members, who call them", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const p = await bench.peerjs("page");
  const r = await bench.ssp("hall");
  const [joined] = r.client.heardJson() as [{ data: Record<string, unknown> }];
  assertEquals(joined.data["peers"], ["page"]);
  await r.client.say(R.sdp("page", "offer", "R"));
  assertEquals(last(p, "type", "OFFER")["src"], r.id);
  const g = await bench.gstreamer("robot");
  assertEquals(r.client.heardJson(), [R.event("rtc:peer", { id: "robot" })]);
  await g.say("ROOM elsewhere");
  assertEquals(r.client.heardJson(), [R.event("rtc:close", { uid: "robot", id: "robot" })]);
  await p.leave();
  assertEquals(r.client.heardJson(), [R.event("rtc:close", { uid: "page", id: "page" })]);
});

Deno.test("a room behind a token of one dialect is shut to the others", async () => {
  using bench = new BridgeBench({
    options: { ssp: { tokens: ["a-token-long-enough@vault"] } },
  });
  const g = await bench.gstreamer("robot");
  await g.say("ROOM vault");
  assertEquals(g.heard(), ["ERROR room 'vault' needs a token"]);
  // Tokens guard every room, also the one that has none of its own.
  await g.say("ROOM open");
  assertEquals(g.heard(), ["ERROR room 'open' needs a token"]);
  const { client } = await bench.simple("vault");
  assertEquals(client.refusals, ["credentials_missing"]);
});

Deno.test("hanging up on both sides leaves no call behind", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  const p = await bench.peerjs("page");
  await s.client.say(S.signal(r.id, "offer", { sdp: sdpOf("S") }));
  await p.say(P.offer(r.id));
  assertEquals(bench.calls.count, 2);
  for (const client of [r.client, s.client, p]) await client.leave();
  assertEquals(bench.calls.count, 0);
  const ended = bench.events.filter(({ type }) => type === "ended");
  assertEquals(ended.length, 2);
});

Deno.test("a Simple newcomer calls a GStreamer client in its room", async () => {
  using bench = new BridgeBench();
  const g = await bench.gstreamer("robot");
  await g.say("ROOM room");
  const s = await bench.simple("room");
  g.heard();
  await s.client.say(S.signal("robot", "offer", { sdp: sdpOf("S"), ref: 1 }));
  assertEquals(g.heard(), [`ROOM_PEER_MSG ${s.id} ${G.sdp("offer", "S")}`]);
  assertEquals(s.client.heardJson(), [{ event: "ok", delivered: 1, queued: 0, ref: 1 }]);
});
