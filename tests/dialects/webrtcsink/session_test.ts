import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { WIRE } from "../../../src/dialects/webrtcsink/wire.ts";
import { SignalError } from "../../../src/core/errors.ts";
import { ERROR_CODES } from "../../../src/core/errors.ts";
import { settle } from "../../helpers/session/hub.ts";
import {
  ANSWER,
  CANDIDATE,
  changed,
  enter,
  newSignalling,
  OFFER,
  peerMessage,
  sessionsOf,
  SinkClient,
  start,
  statusMessage,
} from "../../helpers/session/webrtcsink.ts";

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

Deno.test("webrtcsink: the server speaks first, and gives everybody an id of its own", async () => {
  using bench = newSignalling();
  const one = await SinkClient.connect(bench);
  const other = await SinkClient.connect(bench, "/webrtcsink/?peer-id=x");
  assert(UUID.test(one.id) && UUID.test(other.id));
  assertNotEquals(one.id, other.id);
});

Deno.test("webrtcsink: the welcome comes before the answer to what was said while it was made", async () => {
  const reserved = Promise.withResolvers<boolean>();
  using bench = newSignalling({ reserve: () => reserved.promise });
  const client = await bench.connect("/webrtcsink");
  await client.say('{"type":"setProtocolVersion","version":"v1_1"}', '{"type":"list"}');
  assertEquals(client.heard(), []);
  reserved.resolve(true);
  await settle();
  const types = client.heardJson().map((message) => (message as { type: string }).type);
  assertEquals(types, ["welcome", "list"]);
});

Deno.test("webrtcsink: listeners get every change of status, their own included", async () => {
  using bench = newSignalling();
  const listener = await enter(bench, ["listener"]);
  const producer = await enter(bench, ["producer"], { meta: { name: "ball" } });
  assertEquals(listener.heard(), [changed(producer.id, ["producer"], { name: "ball" })]);
  await producer.say(statusMessage(["producer", "listener"], 5));
  const both = changed(producer.id, ["producer", "listener"], 5);
  assertEquals([listener.heard(), producer.heard()], [[both], [both]]);
  // The sender's id is the server's word, whatever it says itself.
  await listener.say(statusMessage(["listener"], [1], { peerId: producer.id }));
  const renamed = changed(listener.id, ["listener"], [1]);
  assertEquals([listener.heard(), producer.heard()], [[renamed], [renamed]]);
  await producer.say(statusMessage([]));
  assertEquals([listener.heard(), producer.heard()], [[changed(producer.id, [])], []]);
  await producer.say({ type: "setPeerStatus", roles: ["producer", "producer"] });
  assertEquals(listener.heard(), [changed(producer.id, ["producer"])]);
  await producer.leave();
  assertEquals(listener.heard(), [changed(producer.id, [])]);
});

Deno.test("webrtcsink: a peer that leaves keeps its meta in the news; one that never had a role is no news", async () => {
  using bench = newSignalling();
  const listener = await enter(bench, ["listener"]);
  const waiting = await enter(bench, ["consumer"], { meta: "tv" });
  const silent = await enter(bench);
  assertEquals(listener.heard(), [changed(waiting.id, ["consumer"], "tv")]);
  await silent.leave();
  await waiting.lose();
  assertEquals(listener.heard(), [changed(waiting.id, [], "tv")]);
});

Deno.test("webrtcsink: a status that names its peer is announced once, another one each time", async () => {
  using bench = newSignalling();
  const listener = await enter(bench, ["listener"]);
  const element = await enter(bench, ["producer"], { meta: { a: 1 } });
  listener.heard();
  await element.say(statusMessage(["producer"], { a: 1 }, { peerId: element.id }));
  assertEquals(listener.heard(), []);
  await element.say(statusMessage(["producer"], { a: 1 }));
  assertEquals(listener.heard(), [changed(element.id, ["producer"], { a: 1 })]);
  await element.say(statusMessage(["producer"], { a: 2 }, { peerId: element.id }));
  assertEquals(listener.heard(), [changed(element.id, ["producer"], { a: 2 })]);
});

Deno.test("webrtcsink: producer and consumer at once is refused, and changes nothing", async () => {
  using bench = newSignalling();
  const peer = await enter(bench, ["listener", "producer"]);
  await peer.refusal(statusMessage(["producer", "consumer"]));
  assertEquals(await peer.ask({ type: "list" }, { type: "listConsumers" }), [
    { type: "list", producers: [{ id: peer.id, meta: null }] },
    { type: "listConsumers", consumers: [] },
  ]);
});

Deno.test("webrtcsink: the lists hold who produces or waits now, with its meta", async () => {
  using bench = newSignalling();
  const asking = await SinkClient.connect(bench);
  const lists = () => asking.ask({ type: "list" }, { type: "listConsumers" });
  const empty = [{ type: "list", producers: [] }, { type: "listConsumers", consumers: [] }];
  assertEquals(await lists(), empty);
  const one = await enter(bench, ["producer"], { meta: { name: "ä" } });
  const two = await enter(bench, ["listener", "producer"]);
  const tv = await enter(bench, ["consumer"], { meta: 0 });
  assertEquals(await lists(), [
    { type: "list", producers: [{ id: one.id, meta: { name: "ä" } }, { id: two.id, meta: null }] },
    { type: "listConsumers", consumers: [{ id: tv.id, meta: 0 }] },
  ]);
  await one.say(statusMessage(["producer"], "b"));
  await two.say(statusMessage(["listener"]));
  await tv.leave();
  assertEquals(await lists(), [
    { type: "list", producers: [{ id: one.id, meta: "b" }] },
    { type: "listConsumers", consumers: [] },
  ]);
  await one.lose();
  assertEquals(await lists(), empty);
});

Deno.test("webrtcsink: one producer serves many, each session by itself", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"]);
  const consumers = [await enter(bench), await enter(bench, ["listener"]), await enter(bench)];
  const ids: string[] = [];
  for (const consumer of consumers) ids.push(await start(consumer, producer));
  assertEquals([new Set(ids).size, sessionsOf(bench)], [3, 3]);
  for (const [nth, sessionId] of ids.entries()) {
    const consumer = consumers[nth];
    await producer.say(peerMessage(sessionId, OFFER), peerMessage(sessionId, CANDIDATE));
    assertEquals(consumer?.heard(), [
      peerMessage(sessionId, OFFER),
      peerMessage(sessionId, CANDIDATE),
    ]);
    await consumer?.say(peerMessage(sessionId, ANSWER), peerMessage(sessionId, CANDIDATE));
    assertEquals(producer.heard(), [
      peerMessage(sessionId, ANSWER),
      peerMessage(sessionId, CANDIDATE),
    ]);
  }
  await consumers[1]?.leave();
  assertEquals(producer.heard(), [{ type: "endSession", sessionId: ids[1] }]);
  await producer.lose();
  assertEquals(consumers.map((consumer) => consumer.heard()), [
    [{ type: "endSession", sessionId: ids[0] }],
    [],
    [{ type: "endSession", sessionId: ids[2] }],
  ]);
  assertEquals(sessionsOf(bench), 0);
});

Deno.test("webrtcsink: a consumer's offer goes with the start; later only the producer may make one", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"]);
  const consumer = await enter(bench);
  const sessionId = await start(consumer, producer, "v=0\r\no=me");
  await consumer.refusal(peerMessage(sessionId, OFFER));
  assertEquals(producer.heard(), []);
  await producer.say(peerMessage(sessionId, ANSWER), peerMessage(sessionId, OFFER));
  assertEquals(consumer.heard(), [peerMessage(sessionId, ANSWER), peerMessage(sessionId, OFFER)]);
});

Deno.test("webrtcsink: a peer that calls a waiting consumer is the producer", async () => {
  using bench = newSignalling();
  const tv = await enter(bench, ["consumer"]);
  const caller = await enter(bench, ["listener"]);
  const [startSession, ...more] = await caller.ask({ type: "startSession", peerId: tv.id });
  const sessionId = startSession?.["sessionId"];
  assertEquals([startSession, more], [
    { type: "startSession", peerId: tv.id, sessionId, offer: null },
    [],
  ]);
  assertEquals(tv.heard(), [{ type: "sessionStarted", peerId: caller.id, sessionId }]);
  await tv.refusal(peerMessage(String(sessionId), OFFER));
  await caller.say(peerMessage(String(sessionId), OFFER));
  assertEquals(tv.heard(), [peerMessage(String(sessionId), OFFER)]);
  // It waits no more, and what it held as a consumer ends.
  await tv.say(statusMessage([]));
  assertEquals(caller.heard(), [
    changed(tv.id, []),
    { type: "endSession", sessionId },
  ]);
  assertEquals([tv.heard(), sessionsOf(bench)], [[], 0]);
});

Deno.test("webrtcsink: giving up a role ends the sessions held in it, and no others", async () => {
  using bench = newSignalling();
  const one = await enter(bench, ["producer"]);
  const two = await enter(bench, ["producer"]);
  const asConsumer = await start(one, two);
  const asProducer = await start(two, one);
  await one.say(statusMessage(["listener"]));
  assertEquals(one.heard(), [changed(one.id, ["listener"])]);
  assertEquals(two.heard(), [{ type: "endSession", sessionId: asProducer }]);
  await two.say(peerMessage(asProducer, ANSWER), peerMessage(asConsumer, OFFER));
  assertEquals(one.heard(), [peerMessage(asConsumer, OFFER)]);
  // Listening or not makes no difference to streams.
  await two.say(statusMessage(["producer", "listener"]));
  assertEquals([two.heard().length, one.heard().length, sessionsOf(bench)], [1, 1, 1]);
});

for (const by of ["producer", "consumer"] as const) {
  Deno.test(`webrtcsink: the ${by} ends a session, and only the other side learns of it, once`, async () => {
    using bench = newSignalling();
    const producer = await enter(bench, ["producer"]);
    const consumer = await enter(bench);
    const [ending, other] = by === "producer" ? [producer, consumer] : [consumer, producer];
    const sessionId = await start(consumer, producer);
    await ending.say({ type: "endSession", sessionId });
    await other.say({ type: "endSession", sessionId }, peerMessage(sessionId, ANSWER));
    assertEquals([ending.heard(), other.heard()], [[], [{ type: "endSession", sessionId }]]);
    await ending.leave();
    assertEquals([other.heard(), sessionsOf(bench), other.client.refusals], [[], 0, []]);
  });
}

Deno.test("webrtcsink: version 1.1 gets the reason for a session's end, if there is one", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"], { version: "v1_1" });
  const new1 = await enter(bench, [], { version: "v1_1" });
  const old = await enter(bench);
  const error = "no codec in common";

  const toNew = await start(new1, producer);
  await producer.say({ type: "endSessionV1_1", sessionId: toNew, error });
  assertEquals(new1.heard(), [{ type: "endSessionV1_1", sessionId: toNew, error }]);
  const toOld = await start(old, producer);
  await producer.say({ type: "endSessionV1_1", sessionId: toOld, error });
  assertEquals(old.heard(), [{ type: "endSession", sessionId: toOld }]);

  for (const message of [{ type: "endSession" }, { type: "endSessionV1_1" }]) {
    const sessionId = await start(old, producer);
    await old.say({ ...message, sessionId });
    assertEquals(producer.heard(), [{ type: "endSessionV1_1", sessionId, error: null }]);
  }
  const kept = await start(old, producer);
  await old.refusal({ type: "endSessionV1_1", sessionId: kept, error });
  assertEquals([producer.heard(), sessionsOf(bench)], [[], 1]);
  await old.lose();
  assertEquals(producer.heard(), [{ type: "endSessionV1_1", sessionId: kept, error: null }]);
});

Deno.test("webrtcsink: the version is chosen with the first message that can be read, or never", async () => {
  using bench = newSignalling();
  const late = await SinkClient.connect(bench);
  await late.client.say("gibberish", '{"type":"newPeer"}');
  assertEquals(await late.ask({ type: "setProtocolVersion", version: "v1_1" }), []);
  await late.refusal({ type: "setProtocolVersion", version: "v1_0" });
  const producer = await enter(bench, ["producer"]);
  await producer.refusal({ type: "setProtocolVersion", version: "v1_1" });
  const sessionId = await start(late, producer);
  await producer.leave();
  assertEquals(late.heard(), [{ type: "endSessionV1_1", sessionId, error: null }]);
});

Deno.test("webrtcsink: sessions with nobody, oneself, or somebody without a role are refused", async () => {
  using bench = newSignalling();
  const peer = await enter(bench, ["listener", "producer"]);
  const idle = await enter(bench, ["listener"]);
  const gone = await enter(bench, ["producer"]);
  await gone.leave();
  for (const client of [peer, idle]) client.heard();
  for (const peerId of [peer.id, idle.id, gone.id, "", "__proto__", "x".repeat(100_000)]) {
    const details = await peer.refusal({ type: "startSession", peerId });
    assert(details.length < 200);
  }
  assertEquals([idle.heard(), sessionsOf(bench)], [[], 0]);
});

Deno.test("webrtcsink: others' sessions are as unknown as those that never were", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"]);
  const consumer = await enter(bench);
  const stranger = await enter(bench, ["producer"]);
  const sessionId = await start(consumer, producer);
  await stranger.say(
    ...[sessionId, "nobody's", "__proto__"].flatMap((sessionId) => [
      peerMessage(sessionId, OFFER),
      peerMessage(sessionId, CANDIDATE),
      { type: "endSession", sessionId },
      { type: "endSessionV1_1", sessionId, error: "x" },
    ]),
  );
  assertEquals([stranger.heard(), producer.heard(), consumer.heard()], [[], [], []]);
  await producer.say(peerMessage(sessionId, OFFER));
  assertEquals(consumer.heard(), [peerMessage(sessionId, OFFER)]);
});

Deno.test("webrtcsink: an unreadable message is ignored, counted, and costs nothing else", async () => {
  using bench = newSignalling();
  const peer = await enter(bench, ["listener"]);
  await peer.client.say(
    "",
    "[]",
    '{"type":"newPeer"}',
    new TextEncoder().encode('{"type":"list"}'),
  );
  assertEquals(peer.heard(), []);
  assertEquals(peer.client.refusals, ["not_json", "bad_frame", "bad_frame", "binary_frame"]);
  assertEquals((await peer.ask({ type: "list" })).length, 1);
});

Deno.test("webrtcsink: a refusal that elements hear is an error, and some of them are the end", () => {
  const closing = ERROR_CODES.filter((code) => WIRE[code].close !== undefined);
  assertEquals(closing.toSorted(), [
    ...["address_banned", "address_full", "address_rate", "auth_unavailable"],
    ...["credentials_expired", "credentials_missing", "credentials_wrong", "dialect_forbidden"],
    ...["flooding", "frame_too_large", "kicked", "login_expired", "not_identified"],
    ...["origin_forbidden", "peers_full", "server_full"],
  ]);
  for (const code of ERROR_CODES) {
    const frame = WIRE[code].frame?.(new SignalError(code, "what was tried"));
    if (frame === undefined) continue;
    assertEquals(JSON.parse(frame), { type: "error", details: "what was tried" });
  }
});

Deno.test("webrtcsink: while the server ends, no departure of a session or peer is announced", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"]);
  const consumer = await enter(bench, ["listener"]);
  await start(consumer, producer);
  bench.hub.silence();
  await producer.leave();
  assertEquals([consumer.heard(), sessionsOf(bench), bench.hub.peerCount], [[], 0, 1]);
});

Deno.test("webrtcsink: an element that produces and one that consumes find each other", async () => {
  using bench = newSignalling();
  const version = '{"type":"setProtocolVersion","version":"v1_1"}';
  const sink = await SinkClient.connect(bench);
  const source = await SinkClient.connect(bench);
  // Word for word what webrtcsink and webrtcsrc write.
  await sink.client.say(
    version,
    `{"type":"setPeerStatus","roles":["producer"],"meta":null,"peerId":"${sink.id}"}`,
  );
  await source.client.say(
    version,
    `{"type":"setPeerStatus","roles":[],"meta":null,"peerId":"${source.id}"}`,
    `{"type":"startSession","peerId":"${sink.id}","offer":null}`,
  );
  const [started] = source.heard();
  const sessionId = started?.["sessionId"];
  assertEquals(started, { type: "sessionStarted", peerId: sink.id, sessionId });
  assertEquals(sink.heard(), [
    { type: "startSession", peerId: source.id, sessionId, offer: null },
  ]);
  const candidate = `{"type":"peer","sessionId":"${sessionId}",` +
    `"ice":{"candidate":"candidate:1 1 UDP 2 192.0.2.1 9 typ host","sdpMLineIndex":0}}`;
  await sink.client.say(candidate);
  assertEquals(source.client.heard(), [candidate]);
  await source.client.say(`{"type":"endSession","sessionId":"${sessionId}"}`);
  assertEquals(sink.heard(), [{ type: "endSessionV1_1", sessionId, error: null }]);
});
