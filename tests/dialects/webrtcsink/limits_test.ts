import { assert, assertEquals } from "@std/assert";
import { settle } from "../../helpers/session/hub.ts";
import {
  CANDIDATE,
  changed,
  enter,
  newSignalling,
  peerMessage,
  sessionsOf,
  SinkClient,
  start,
  statusMessage,
} from "../../helpers/session/webrtcsink.ts";

/** A meta whose JSON takes that many bytes. */
function metaOf(bytes: number, letter = "x"): string {
  const room = bytes - 2;
  const size = new TextEncoder().encode(letter).length;
  return letter.repeat(Math.floor(room / size)) + "x".repeat(room % size);
}

Deno.test("webrtcsink: maxPeers: one peer more gets the reason and is closed; a place is free again", async () => {
  using bench = newSignalling({ options: { maxPeers: 2 } });
  const [one] = [await enter(bench), await enter(bench)];
  const late = await bench.connect("/webrtcsink");
  const [error] = late.heardJson() as { type: string; details: string }[];
  assertEquals([error?.type, late.closing], ["error", [1013, "server is full"]]);
  await one.leave();
  await enter(bench);
  using full = newSignalling({ limits: { maxPeers: 1 } });
  await enter(full);
  assertEquals((await full.connect("/webrtcsink")).closing, [1013, "server is full"]);
});

for (
  const [name, test] of [
    ["maxMembers", { options: { maxMembers: 2 } }],
    ["the hub's members of a room", { limits: { maxRoomMembers: 2 } }],
  ] as const
) {
  Deno.test(`webrtcsink: ${name}: the one above has no role, and gets one when another leaves`, async () => {
    using bench = newSignalling(test);
    const listener = await enter(bench, ["listener"]);
    const producer = await enter(bench, ["producer"]);
    listener.heard();
    const late = await enter(bench);
    await late.refusal(statusMessage(["producer"], "late"));
    assertEquals(listener.heard(), []);
    const [list] = await listener.ask({ type: "list" });
    assertEquals(list, { type: "list", producers: [{ id: producer.id, meta: null }] });
    // Without a role it is as good a consumer as any.
    await start(late, producer);
    await producer.leave();
    listener.heard();
    late.heard();
    await late.say(statusMessage(["producer"], "late"));
    assertEquals(listener.heard(), [changed(late.id, ["producer"], "late")]);
  });
}

Deno.test("webrtcsink: the hub's limit of rooms holds for roles too", async () => {
  using bench = newSignalling({ limits: { maxRooms: 0 } });
  const peer = await enter(bench);
  await peer.refusal(statusMessage(["listener"]));
});

for (const letter of ["x", "é", "語"]) {
  Deno.test(`webrtcsink: maxMetaBytes: counts bytes of the JSON (${letter}); a refusal changes nothing`, async () => {
    const limit = 1_000;
    using bench = newSignalling({ options: { maxMetaBytes: limit } });
    const listener = await enter(bench, ["listener"]);
    const producer = await enter(bench, ["producer"], { meta: metaOf(limit, letter) });
    const consumer = await enter(bench);
    const sessionId = await start(consumer, producer);
    listener.heard();
    await producer.refusal(statusMessage([], metaOf(limit + 1, letter)));
    assertEquals([listener.heard(), consumer.heard()], [[], []]);
    await producer.say(peerMessage(sessionId, CANDIDATE));
    assertEquals(consumer.heard(), [peerMessage(sessionId, CANDIDATE)]);
    const [list] = await listener.ask({ type: "list" });
    assertEquals(list?.["producers"], [{ id: producer.id, meta: metaOf(limit, letter) }]);
  });
}

Deno.test("webrtcsink: limits.maxRoomInfoBytes bounds the meta of all peers together", async () => {
  using bench = newSignalling({ limits: { maxRoomInfoBytes: 2_000 } });
  const listener = await enter(bench, ["listener"], { meta: metaOf(1_000) });
  const one = await enter(bench, ["producer"], { meta: metaOf(996) });
  const two = await enter(bench);
  listener.heard();
  await two.refusal(statusMessage(["producer"], metaOf(5)));
  await one.refusal(statusMessage(["producer"], metaOf(1_001)));
  assertEquals(listener.heard(), []);
  await two.say(statusMessage(["producer"], metaOf(4)));
  assertEquals(listener.heard(), [changed(two.id, ["producer"], metaOf(4))]);
  await one.leave();
  await two.say(statusMessage(["producer"], metaOf(1_000)));
  assertEquals(listener.heard().at(-1), changed(two.id, ["producer"], metaOf(1_000)));
});

Deno.test("webrtcsink: requests: a burst passes, then a rate; repeating oneself is free", async () => {
  using bench = newSignalling({ options: { requestsPerSecond: 2, requestBurst: 3 } });
  const listener = await enter(bench, ["listener"]);
  const producer = await SinkClient.connect(bench);
  const change = (meta: number) => statusMessage(["producer"], meta);
  await producer.say(change(1), change(2), change(3));
  for (let nth = 0; nth < 9; nth++) {
    await producer.say(statusMessage(["producer"], 3, { peerId: producer.id }));
  }
  assertEquals([producer.heard(), listener.heard().length], [[], 3]);
  await producer.refusal(change(4));
  await producer.refusal({ type: "list" });
  assertEquals(listener.heard(), []);
  bench.clock.advance(500);
  await producer.say(change(5));
  await producer.refusal({ type: "listConsumers" });
  assertEquals(listener.heard(), [changed(producer.id, ["producer"], 5)]);
  // Messages in a session are not requests.
  const sessionId = await start(listener, producer);
  for (let nth = 0; nth < 9; nth++) await listener.say(peerMessage(sessionId, CANDIDATE));
  assertEquals([listener.heard(), producer.heard().length], [[], 9]);
  assertEquals((await listener.ask({ type: "list" }, { type: "list" })).length, 2);
  await listener.refusal({ type: "startSession", peerId: producer.id });
  await listener.say({ type: "endSession", sessionId });
  assertEquals(producer.heard(), [{ type: "endSession", sessionId }]);
});

Deno.test("webrtcsink: sessions of a producer, of a consumer, and in all are bounded each", async () => {
  const options = { maxSessionsPerProducer: 3, maxSessionsPerConsumer: 2, maxSessions: 4 };
  using bench = newSignalling({ options });
  const one = await enter(bench, ["producer"]);
  const two = await enter(bench, ["producer"]);
  const consumers = [await enter(bench), await enter(bench), await enter(bench)] as const;
  const ask = (to: SinkClient) => ({ type: "startSession", peerId: to.id });

  const first = await start(consumers[0], one);
  await start(consumers[0], one);
  await consumers[0].refusal(ask(two));
  await start(consumers[1], one);
  await consumers[2].refusal(ask(one));
  assertEquals([one.heard(), two.heard(), sessionsOf(bench)], [[], [], 3]);
  await start(consumers[1], two);
  await consumers[2].refusal(ask(two));
  assertEquals([two.heard(), sessionsOf(bench)], [[], 4]);

  await one.say({ type: "endSession", sessionId: first });
  await start(consumers[2], one);
  await one.leave();
  await two.leave();
  assertEquals(sessionsOf(bench), 0);
});

Deno.test("webrtcsink: a client that is silent for a minute after the welcome is closed", async () => {
  using bench = newSignalling();
  const silent = await SinkClient.connect(bench);
  const gibberish = await SinkClient.connect(bench);
  const speaking = await SinkClient.connect(bench);
  await gibberish.client.say("hello");
  await speaking.say({ type: "list" });
  for (const { client } of [silent, gibberish, speaking]) {
    client.pump.checkIdentified(bench.clock.now() + 59_999);
    assertEquals(client.closing, undefined);
    client.pump.checkIdentified(bench.clock.now() + 60_000);
  }
  await settle();
  const closings = [silent, gibberish, speaking].map(({ client }) => client.closing);
  const closing = [1008, "no message in time"] as const;
  assertEquals(closings, [closing, closing, undefined]);
  assertEquals(bench.hub.peerCount, 1);
});

Deno.test("webrtcsink: a burst of messages passes, then there is an error, then the end", async () => {
  using bench = newSignalling();
  const producer = await enter(bench, ["producer"]);
  const consumer = await enter(bench);
  const sessionId = await start(consumer, producer);
  const candidate = JSON.stringify(peerMessage(sessionId, CANDIDATE));
  await producer.client.say(...Array<string>(5_999).fill(candidate));
  assertEquals([producer.heard(), consumer.heard().length], [[], 5_999]);
  await producer.client.say(candidate, candidate);
  assertEquals([producer.heard().length, consumer.heard()], [1, []]);
  for (let second = 0; second < 11; second += 0.5) {
    await producer.client.say(...Array<string>(120).fill(candidate));
    bench.clock.advance(500);
  }
  assertEquals(producer.client.closing, [1008, "too many messages"]);
  assertEquals(consumer.heard().at(-1), { type: "endSession", sessionId });
});

Deno.test("webrtcsink: a message may be as large as the limit, and one byte more is the end", async () => {
  const limit = 4_096;
  using bench = newSignalling({ options: { maxFrameBytes: limit, maxMetaBytes: limit } });
  const sized = (bytes: number): string => {
    const frame = (meta: string) => JSON.stringify(statusMessage(["listener"], meta));
    return frame("x".repeat(bytes - frame("").length));
  };
  const peer = await SinkClient.connect(bench);
  await peer.client.say(sized(limit - 1), sized(limit));
  assertEquals(peer.heard().length, 2);
  await peer.client.say(sized(limit + 1));
  assertEquals([peer.client.closing, peer.heard()], [[1009, "message too big"], []]);
});

Deno.test("webrtcsink: messages before the welcome are held up to a number", async () => {
  const reserved = Promise.withResolvers<boolean>();
  using bench = newSignalling({
    options: { maxHeldFrames: 2 },
    reserve: () => reserved.promise,
  });
  const client = await bench.connect("/webrtcsink");
  await client.say('{"type":"list"}', '{"type":"list"}');
  assertEquals(client.closing, undefined);
  await client.say('{"type":"list"}');
  assertEquals(client.closing, [1008, "too many messages"]);
  reserved.resolve(true);
  await settle();
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("webrtcsink: the longest silence is the server's own until an operator gives one", () => {
  using bench = newSignalling();
  using given = newSignalling({ options: { maxSilenceMs: 5_000, paths: ["/a", "/b"] } });
  const limits = [bench, given].map(({ routes }) =>
    routes.map((route) => {
      assert(route.kind === "upgrade");
      return [route.path, route.maxSilenceMs];
    })
  );
  assertEquals(limits, [[["/webrtcsink", undefined]], [["/a", 5_000], ["/b", 5_000]]]);
});
