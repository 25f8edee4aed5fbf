import { assert, assertEquals } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";
import { until } from "../helpers/wire/waiting.ts";

// Directories, the lobby and introductions; operators and reservations of one protocol among others.

const text = (value: unknown): string => JSON.stringify(value);

function offer(dst: string): string {
  const payload = { sdp: { type: "offer", sdp: sdpOf("P") }, type: "data", connectionId: "dc_1" };
  return text({ type: "OFFER", dst, payload });
}

/** The ids that a client of ssp saw come and go, as `+id` and `-id`. */
function seenBy(client: TestClient): string[] {
  return (client.heardJson() as { type: string; data: { id: string } }[]).flatMap(
    ({ type, data }) =>
      type === "rtc:peer" ? [`+${data.id}`] : type === "rtc:close" ? [`-${data.id}`] : [],
  );
}

async function membersOf(bench: BridgeBench, pool: string): Promise<string[]> {
  const { client } = await bench.ssp(pool);
  const [joined] = client.heardJson() as [{ data: { peers: string[] } }];
  await client.leave();
  return joined.data.peers;
}

Deno.test("PeerJS's directory lists everybody who can be called outside of rooms", async () => {
  using bench = new BridgeBench({ options: { peerjs: { allowDiscovery: true } } });
  await bench.peerjs("page");
  const robot = await bench.gstreamer("robot");
  await bench.gstreamer("idle");
  await bench.owt("alice");
  const producer = await bench.webrtcsink("producer");
  await bench.webrtcsink("listener");
  await bench.ssp("room");
  await bench.simple("room");
  await robot.say("ROOM room");
  const listed = await bench.get("/peerjs/peers")?.json();
  assertEquals(listed, ["page", "idle", "alice", producer.id]);
});

Deno.test("a GStreamer client that is called leaves the lobby for all but its caller", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const caller = await bench.ssp("hall");
  const other = await bench.ssp("hall");
  const g = await bench.gstreamer("robot");
  for (const { client } of [caller, other]) client.heard();
  const description = { type: "offer", sdp: sdpOf("R") };
  await caller.client.say(text({ type: "rtc:sdp", data: { to: "robot", description } }));
  assertEquals(seenBy(other.client), ["-robot"]);
  assertEquals(seenBy(caller.client), []);
  assertEquals(await membersOf(bench, "hall"), [caller.id, other.id]);
  // It answers, and the call goes on as before.
  seenBy(caller.client);
  await g.say(text({ sdp: { type: "answer", sdp: sdpOf("G") } }));
  const [answer] = caller.client.heardJson() as [{ type: string }];
  assertEquals(answer.type, "rtc:sdp");
  seenBy(other.client);
  await g.leave();
  assertEquals(seenBy(caller.client), ["-robot"]);
  assertEquals(seenBy(other.client), []);
});

Deno.test("a GStreamer client that calls, or is called by its like, leaves the lobby for all", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const r = await bench.ssp("hall");
  await bench.peerjs("page");
  const calling = await bench.gstreamer("calling");
  await bench.gstreamer("called");
  const third = await bench.gstreamer("third");
  r.client.heard();
  await calling.say("SESSION page");
  await third.say("SESSION called");
  assertEquals(seenBy(r.client).toSorted(), ["-called", "-calling", "-third"]);
  for (const client of [calling, third]) await client.leave();
  assertEquals(seenBy(r.client), []);
  assertEquals(await membersOf(bench, "hall"), [r.id, "page"]);
});

Deno.test("webrtcsink's peers are in the lobby while they have a role that others can call", async () => {
  using bench = new BridgeBench({ lobby: "hall" });
  const r = await bench.ssp("hall");
  const listener = await bench.webrtcsink("listener");
  const { client, id } = await bench.webrtcsink("producer", "listener");
  assertEquals(seenBy(r.client), [`+${id}`]);
  await client.say(text({ type: "setPeerStatus", roles: ["listener"], meta: null, peerId: id }));
  assertEquals(seenBy(r.client), [`-${id}`]);
  await client.say(text({ type: "setPeerStatus", roles: ["consumer"], meta: null, peerId: id }));
  assertEquals(seenBy(r.client), [`+${id}`]);
  await listener.client.leave();
  await client.leave();
  assertEquals(seenBy(r.client), [`-${id}`]);
});

Deno.test("a Simple client that comes back finds the peer that is calling it", async () => {
  using bench = new BridgeBench({ options: { simple: { secret: "the same on all nodes" } } });
  const s = await bench.simple("room");
  const p = await bench.peerjs("page");
  const [, ready] = s.client.sent.map((frame) => JSON.parse(String(frame)));
  await p.say(offer(s.id));
  await s.client.lose();
  await p.say(
    text({
      type: "CANDIDATE",
      dst: s.id,
      payload: {
        candidate: { candidate: "c", sdpMid: "0" },
        type: "data",
        connectionId: "dc_1",
      },
    }),
  );
  const proof = { p_id: s.id, p_secret: ready.p_secret, p_instance: ready.p_instance };
  const back = await bench.simple("room", { ...proof, seq: 1 });
  const [handshake, , ...missed] = back.client.sent.map((frame) => JSON.parse(String(frame)));
  assertEquals(handshake.peers.map(({ peer_id }: { peer_id: string }) => peer_id), ["page"]);
  assertEquals(missed.map(({ type }) => type), ["candidate"]);
  // A second instance finds it, too, and loses it with the call.
  const added = await bench.simple("room", { p_id: s.id, p_secret: ready.p_secret });
  const [introduced] = added.client.sent.map((frame) => JSON.parse(String(frame)));
  assertEquals(introduced.peers.length, 1);
  await p.say(text({ type: "LEAVE", dst: s.id }));
  const events = added.client.heardJson() as { event: string; peer_id?: string }[];
  assert(events.some(({ event, peer_id }) => event === "leave" && peer_id === "page"));
  assertEquals(bench.calls.count, 0);
});

Deno.test("an id that is reserved in PeerJS is taken for GStreamer and OWT, until it is free", async () => {
  using bench = new BridgeBench({ options: { peerjs: { reserveIds: "1h" } } });
  // The store hashes tokens, which takes a while.
  const admission = (client: TestClient) =>
    until("an admission", () => client.sent.length > 0 || !client.isOpen);
  const p = await bench.peerjs("mine", "token");
  await admission(p);
  await p.leave();
  const g = await bench.gstreamer("mine");
  const o = await bench.owt("mine");
  for (const client of [g, o]) await admission(client);
  assertEquals(g.closing, [1002, "invalid peer uid"]);
  assertEquals(o.isOpen, false);
  const back = await bench.peerjs("mine", "token");
  await admission(back);
  assertEquals(back.isOpen, true);
  await bench.idsOf("peerjs")?.reserve("board", { token: "t" });
  const refused = await bench.gstreamer("board");
  await admission(refused);
  assertEquals(refused.closing, [1002, "invalid peer uid"]);
  await bench.idsOf("peerjs")?.forget("board");
  const admitted = await bench.gstreamer("board");
  await admission(admitted);
  assertEquals(admitted.sent, ["HELLO"]);
});

Deno.test("an operator sees all members of a room, but describes none of another protocol", async () => {
  using bench = new BridgeBench();
  const r = await bench.ssp("room");
  const s = await bench.simple("room");
  const g = await bench.gstreamer("robot");
  await g.say("ROOM room");
  const [pools, rooms] = [bench.operationsOf("ssp"), bench.operationsOf("simple")];
  for (const operations of [pools, rooms]) {
    const [room] = operations?.list() ?? [];
    assertEquals(room?.members.map(({ dialect }) => dialect), ["ssp", "simple", "gstreamer"]);
  }
  assertEquals(pools?.describe("room", s.id, { name: "S" }), "unknown");
  assertEquals(pools?.describe("room", "robot", { name: "G" }), "unknown");
  assertEquals(rooms?.describe("room", r.id, { name: "R" }), "unknown");
  // Names without a member can be described in a kept pool. The robot has a member's name.
  pools?.keep?.("room");
  assertEquals(pools?.describe("room", "robot", { name: "G" }), "unknown");
  assertEquals(pools?.describe("room", r.id, { name: "R" }), "described");
  assertEquals(rooms?.describe("room", s.id, { name: "S" }), "described");
});

Deno.test("an operator who stops a room of one protocol ends it for all", async () => {
  for (const dialect of ["ssp", "simple"]) {
    using bench = new BridgeBench();
    const r = await bench.ssp("room");
    const s = await bench.simple("room");
    const g = await bench.gstreamer("robot");
    await g.say("ROOM room");
    assertEquals(bench.operationsOf(dialect)?.stop("room"), true);
    await settle();
    assertEquals([r.client, s.client, g].map(({ isOpen }) => isOpen), [false, false, false]);
    assertEquals(bench.hub.roomCount, 0);
  }
});

Deno.test("a room holds no more members than the smallest limit of its protocols", async () => {
  using bench = new BridgeBench({ options: { ssp: { maxMembers: 3 }, simple: { maxMembers: 2 } } });
  await bench.ssp("room");
  const g = await bench.gstreamer("robot");
  await g.say("ROOM room");
  assertEquals(bench.hub.rooms("bridged").map(({ members }) => members.length), [2]);
  const s = await bench.connect("simple", "/simple");
  await s.say(text({ event: "join", room: "room" }));
  assertEquals(s.refusals, ["room_full"]);
  const late = await bench.gstreamer("late");
  await late.say("ROOM room");
  assertEquals(late.heard(), ["ERROR room 'room' is full"]);
  const r = await bench.connect("ssp", "/ssp");
  await r.say(text({ type: "rtc:join", data: { pool: "room" } }));
  assertEquals(r.refusals, ["room_full"]);
});

Deno.test("an operator's limit of a pool holds for its members of other protocols", async () => {
  using bench = new BridgeBench();
  bench.operationsOf("ssp")?.keep?.("small", { maxMembers: 1 });
  await bench.ssp("small");
  const g = await bench.gstreamer("robot");
  await g.say("ROOM small");
  assertEquals(g.heard(), ["ERROR room 'small' is full"]);
});
