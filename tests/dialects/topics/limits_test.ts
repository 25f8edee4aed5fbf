import { assertEquals } from "@std/assert";
import { bodies, enter, newTopics, numberOf, trystero, yjs } from "../../helpers/session/topics.ts";

Deno.test("topics that are too long are neither subscribed nor published", async () => {
  using bench = newTopics({ options: { maxTopicLength: 4 } });
  const client = await enter(bench, yjs.subscribe("1234", "12345"), trystero.subscribe("12345"));
  await client.say(yjs.publish("12345", 1), trystero.publish("12345", 2), yjs.publish("1234", 3));
  assertEquals([bodies(client), client.isOpen], [[3], true]);
  assertEquals([numberOf(bench, "subscriptions"), numberOf(bench, "dropped", "too_long")], [1, 4]);
});

Deno.test("a connection has as many topics as the limit, and one given up makes room", async () => {
  using bench = newTopics({ options: { maxSubscriptions: 2 } });
  const client = await enter(bench, yjs.subscribe("a", "b", "c", "a"), trystero.subscribe("a"));
  await client.say(...["a", "b", "c"].map((topic) => yjs.publish(topic, topic)));
  assertEquals([bodies(client), client.isOpen], [["a", "b"], true]);
  assertEquals([client.refusals, numberOf(bench, "dropped", "too_many")], [
    ["rooms_full", "rooms_full"],
    2,
  ]);
  await client.say(yjs.unsubscribe("a"), trystero.subscribe("a"), trystero.publish("a", 1));
  assertEquals(bodies(client), [1]);
});

Deno.test("a topic has as many subscribers as the limit", async () => {
  using bench = newTopics({ options: { maxSubscribers: 1 } });
  const [alice, bob] = [
    await enter(bench, yjs.subscribe("a")),
    await enter(bench, yjs.subscribe("a")),
  ];
  await alice.say(yjs.publish("a", 1));
  assertEquals([bodies(alice), bodies(bob)], [[1], []]);
  await alice.leave();
  await bob.say(yjs.subscribe("a"), yjs.publish("a", 2));
  assertEquals(bodies(bob), [2]);
});

for (const options of [{ maxTopics: 1 }, { maxSubscriptionsTotal: 1 }]) {
  const [name = ""] = Object.keys(options);
  Deno.test(`the server has as many topics and subscriptions as the limit: ${name}`, async () => {
    using bench = newTopics({ options });
    const alice = await enter(bench, yjs.subscribe("a"));
    const bob = await enter(bench, yjs.subscribe("b"), trystero.subscribe("a"));
    await alice.say(yjs.publish("a", 1), yjs.publish("b", 2), trystero.publish("a", 3));
    assertEquals([bodies(alice), bodies(bob), bob.isOpen], [[1], [], true]);
    assertEquals([numberOf(bench, "active"), numberOf(bench, "dropped", "too_many")], [1, 2]);
    await alice.leave();
    await bob.say(yjs.subscribe("b"), yjs.publish("b", 4));
    assertEquals(bodies(bob), [4]);
  });
}

Deno.test("messages over the rate are dropped for as long as they come, and never hang up", async () => {
  using bench = newTopics({ options: { framesPerSecond: 1, frameBurst: 2 } });
  const alice = await enter(bench, yjs.subscribe("a"));
  const flood = await enter(bench);
  for (let second = 0; second < 30; second++) {
    await flood.say(...Array.from({ length: 10 }, () => yjs.publish("a", second)));
    bench.clock.advance(1_000);
  }
  assertEquals([flood.isOpen, flood.heard()], [true, []]);
  // Two at once, and then one in each second.
  assertEquals([bodies(alice).length, numberOf(bench, "dropped", "rate")], [31, 269]);
});

Deno.test("a connection that is dropped for its size or its silence closes as every other", async () => {
  using bench = newTopics({ options: { maxFrameBytes: 2_048 } });
  const client = await enter(bench, yjs.subscribe("a"));
  await client.say(yjs.publish("a", "x".repeat(2_048)));
  assertEquals(client.closing, [1009, "message too big"]);
  const silent = await enter(bench);
  bench.clock.advance(149_999);
  silent.pump.checkIdentified(bench.clock.now());
  assertEquals(silent.isOpen, true);
  bench.clock.advance(1);
  silent.pump.checkIdentified(bench.clock.now());
  assertEquals(silent.closing, [1008, "not identified in time"]);
});
