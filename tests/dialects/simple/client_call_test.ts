import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Room } from "../../../src/dialects/simple/client/client.js";
import { startTestServer } from "../../helpers/wire/server.ts";
import type { SimpleFrame } from "../../helpers/session/simple.ts";
import {
  startScriptedServer,
  Stranger,
  stubConnections,
  TestRoom,
  welcome,
} from "../../helpers/session/simple_room.ts";
import { startTcpProxy } from "../../helpers/wire/tcp_proxy.ts";
import { until } from "../../helpers/wire/waiting.ts";

Deno.test("Simple's client: a call has one name, and an answer under that name is understood", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url);
  const { call, peer_id } = await other.hear("signal");
  stubs.made[0]?.find("theirs");
  assertEquals((await other.hear("signal"))["call"], call);
  const to = { event: "signal", peer_id, call };
  const candidate = { ...to, type: "candidate", peer_ice: [{ candidate: "a" }] };
  other.say({ ...to, type: "answer", sdp: "v=0" }, candidate, candidate);
  other.say({ ...to, type: "data", data: "end" }, { ...to, type: "data", data: "end" });
  await fred.happened("data", 2);
  assertEquals(stubs.made[0]?.candidates, ["a", "a"]);
  assertEquals(fred.all("error"), []);
});

Deno.test("Simple's client: a client that numbers each description anew keeps its connection", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  await using other = await Stranger.enter(server.url);
  const { to } = other;
  for (const session of [1, 2]) {
    other.say({ ...to, type: "offer", sdp: `v=0\r\no=- ${session} ${session} IN IP4 0.0.0.0` });
    assertEquals((await other.hear("signal"))["type"], "answer");
  }
  assertEquals(stubs.made.map(({ isClosed }) => isClosed), [false]);
});

Deno.test("Simple's client: data are said as they were, and what cannot be said costs only itself", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url, { channel: null });
  await fred.happened("call");
  const [call] = fred.calls;
  const position = { x: 1 };
  const endless: Record<string, unknown> = {};
  endless["self"] = endless;
  call?.signal(position);
  position.x = 2;
  assertThrows(() => call?.signal(endless), TypeError);
  call?.signal("x".repeat(300_000));
  call?.signal(position);
  const heard: unknown[] = [];
  while (heard.length < 2) {
    const { type, data } = await other.hear("signal");
    if (type === "data") heard.push(data);
  }
  assertEquals(heard, [{ x: 1 }, { x: 2 }]);
  assertEquals(fred.all("error").map(({ code }) => code), ["too_large"]);
  assertEquals(fred.all("lost"), []);
});

Deno.test("Simple's client: a message too large before the room is ready costs only itself, too", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url, { channel: null });
  fred.room.change({ bio: "y".repeat(300_000) });
  fred.room.change({ name: "Fred" });
  assertEquals(((await other.hear("change"))["peer"] as SimpleFrame)["name"], "Fred");
  assertEquals(fred.all("error").map(({ code }) => code), ["too_large"]);
  assertEquals([fred.all("ready").length, fred.all("lost")], [1, []]);
});

Deno.test("Simple's client: a client that leaves sends what it still can, and leaves", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url, { channel: null });
  await fred.happened("call");
  for (const peer of [{ a: 1 }, { bio: "y".repeat(300_000) }, { c: 3 }]) fred.room.change(peer);
  fred.room.leave();
  assertEquals((await other.hear("change"))["peer"], { a: 1 });
  assertEquals((await other.hear("change"))["peer"], { c: 3 });
  assertEquals((await other.hear("leave"))["reason"], "left");
});

Deno.test("Simple's client: a join that is too large is the end, and not said for ever", async () => {
  await using server = startTestServer();
  using fred = new TestRoom(server.url, { peer: { bio: "y".repeat(300_000) } });
  await fred.happened("closed");
  assertEquals(fred.all("closed"), [{ code: 1009, reason: "message too big" }]);
  assertEquals(fred.all("lost"), []);
  assertThrows(() => new Room("r", { url: server.url, peer: { n: 10n } }), TypeError);
});

Deno.test("Simple's client: last words are heard whatever else is still going on", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  await using other = await Stranger.enter(server.url);
  const { to } = other;
  other.say({ ...to, type: "offer", sdp: "slow" }, { ...to, type: "data", data: "bye" });
  other.say({ event: "leave" });
  await fred.happened("leave");
  assertEquals(fred.all("data").map(({ data }) => data), ["bye"]);
});

Deno.test("Simple's client: a client that shares as soon as a call begins offers a channel too", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url);
  const track = { kind: "video" };
  // The one thing of a stream that the client asks for.
  const stream = { getTracks: () => [track] } as unknown as MediaStream;
  fred.room.addEventListener("call", ({ detail }) => detail.share(stream));
  assertEquals((await other.hear("signal"))["type"], "offer");
  const offered = stubs.made.map(({ channels, tracks }) => [channels, tracks]);
  assertEquals(offered, [[["data"], [track]]]);
});

Deno.test("Simple's client: an offer is not made again because the network was lost meanwhile", async () => {
  await using server = startTestServer();
  await using proxy = startTcpProxy(server.url);
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(proxy.url);
  await other.hear("signal");
  proxy.cut();
  await fred.happened("ready", 2);
  fred.calls[0]?.signal("next");
  assertEquals((await other.hear("signal"))["type"], "data");
});

Deno.test("Simple's client: after a return with losses, a peer that has not answered is called anew, or is gone", async () => {
  using stubs = stubConnections();
  let isFredBack = true;
  await using server = startScriptedServer(({ event, ref }) => {
    if (event !== "join") return [{ event: "ok", ref: Number(ref) }];
    const [handshake, ready] = welcome();
    return [isFredBack ? handshake ?? null : { ...handshake, peers: [] }, ready ?? null];
  });
  await using proxy = startTcpProxy(server.url);
  using me = new TestRoom(proxy.url);
  const offers = (): number => server.heard.filter(({ type }) => type === "offer").length;
  await until("an offer", () => offers() === 1);
  proxy.cut();
  await until("another", () => offers() === 2);
  // Both may have been heard by connections of their own.
  assertEquals(stubs.made.map(({ isClosed }) => isClosed), [true, false]);
  assertEquals([me.all("call").length, me.all("leave").length], [1, 0]);
  isFredBack = false;
  proxy.cut();
  await me.happened("leave");
  assertEquals(me.calls, []);
});

Deno.test("Simple's client: an offer whose answer went with who gave it is made again", async () => {
  using stubs = stubConnections();
  const said = { event: "signal", peer_id: "fred", peer_instance: 0, type: "data" };
  await using server = startScriptedServer(({ event, ref, type }): SimpleFrame[] => {
    if (event === "join") return [...welcome({ recovered: true }), { ...said, seq: 1 }];
    const ok = { event: "ok", ref: Number(ref) };
    // Signals 2 and 3 were of an instance that has gone: the server does not send them.
    return type === "data" ? [ok, { ...said, seq: 4 }] : [ok];
  });
  using me = new TestRoom(server.url);
  await me.happened("data");
  me.calls[0]?.share({ getTracks: () => [] } as unknown as MediaStream);
  const offers = (): number => server.heard.filter(({ type }) => type === "offer").length;
  await until("an offer", () => offers() === 1);
  me.calls[0]?.signal("go on");
  await until("another", () => offers() === 2);
  assertEquals(stubs.made.map(({ isClosed }) => isClosed), [true, false]);
});

Deno.test("Simple's client: a message to a peer that has gone meanwhile is no error", async () => {
  using _stubs = stubConnections();
  const gone = {
    event: "leave",
    peer_id: "fred",
    peer_instance: 0,
    peer_instances: [],
    reason: "left",
  };
  await using server = startScriptedServer(({ event, ref }): SimpleFrame[] => {
    if (event === "join") return welcome();
    const refused = { event: "error", code: "unknown_peer", message: "gone", ref: Number(ref) };
    return event === "signal" ? [gone, refused] : [{ event: "ok", ref: Number(ref) }];
  });
  using me = new TestRoom(server.url);
  await me.happened("leave");
  me.room.change({ name: "me" });
  await until("the end", () => server.heard.some(({ event }) => event === "change"));
  assertEquals([me.all("error"), me.all("lost")], [[], []]);
});

Deno.test("Simple's client: nothing happens after the end, whatever its cause", async () => {
  using _stubs = stubConnections();
  let joins = 0;
  await using server = startScriptedServer(({ event, ref }) => {
    if (event !== "join") return [{ event: "ok", ref: Number(ref) }];
    const [handshake, ready] = welcome({ recovered: joins > 0 });
    return joins++ === 0 ? welcome() : [{ ...handshake, peers: [] }, ready ?? null];
  });
  await using proxy = startTcpProxy(server.url);
  using me = new TestRoom(proxy.url);
  await me.happened("ready");
  me.room.addEventListener("leave", () => me.room.leave());
  proxy.cut();
  await me.happened("closed");
  assertEquals(me.types, ["ready", "call", "lost", "leave", "closed"]);
});

Deno.test("Simple's client: a server that asks for time before a join gets it", async () => {
  let joins = 0;
  const slowly = { event: "error", code: "rate_limited", message: "slowly", retry_ms: 700 };
  await using server = startScriptedServer(() => joins++ === 0 ? [slowly] : welcome());
  using stubs = stubConnections();
  using me = new TestRoom(server.url);
  await me.happened("lost");
  const lostAt = performance.now();
  await me.happened("ready");
  assert(performance.now() - lostAt > 600, "came back too soon");
  assertNotEquals(stubs.made, []);
});

Deno.test("Simple's client: a room at an impossible address leaves nothing behind", () => {
  assertThrows(() => new Room("r", { url: "no:\\url" }), DOMException);
});
