import { assertEquals } from "@std/assert";
import { bodies, enter, newTopics, numberOf, trystero, yjs } from "../../helpers/session/topics.ts";

// PROTOCOL.md, sections 2, 3 and 5.

Deno.test("a publication reaches all subscribers, the sender too, with their number", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const bob = await enter(bench, yjs.subscribe("b", "a"));
  await alice.say(yjs.publish("a", { x: 1 }));
  const expected = [{ type: "publish", topic: "a", data: { x: 1 }, clients: 2 }];
  assertEquals([alice.heardJson(), bob.heardJson()], [expected, expected]);
});

Deno.test("a topic of one shape is not a topic of the other, on one connection neither", async () => {
  using bench = newTopics();
  const both = await enter(bench, yjs.subscribe("a"), trystero.subscribe("a"));
  await both.say(yjs.publish("a", 1), trystero.publish("a", 2));
  assertEquals(both.heardJson(), [
    { type: "publish", topic: "a", data: 1, clients: 1 },
    { topic: "a", payload: 2 },
  ]);
  await both.say(yjs.unsubscribe("a"), yjs.publish("a", 3), trystero.publish("a", 4));
  assertEquals(bodies(both), [4]);
});

Deno.test("publishing needs no subscription, and needs no subscribers", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const stranger = await enter(bench);
  await stranger.say(yjs.publish("a", 1), yjs.publish("nowhere", 2), trystero.publish("a", 3));
  assertEquals([bodies(alice), bodies(stranger)], [[1], []]);
});

Deno.test("subscribing twice counts once, and unsubscribing twice does no harm", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a", "a"), yjs.subscribe("a"));
  await alice.say(yjs.unsubscribe("b"), yjs.publish("a", 1));
  assertEquals(alice.heardJson(), [{ type: "publish", topic: "a", data: 1, clients: 1 }]);
  await alice.say(yjs.unsubscribe("a", "a"), yjs.unsubscribe("a"), yjs.publish("a", 2));
  assertEquals([alice.heard(), numberOf(bench, "active")], [[], 0]);
});

Deno.test("topics are compared exactly, and any text is one", async () => {
  using bench = newTopics();
  const names = ["", " ", "A", "a", "__proto__", "constructor", "\0", "語", "\ud800"];
  const client = await enter(bench, yjs.subscribe(...names), ...names.map(trystero.subscribe));
  for (const name of names) await client.say(yjs.publish(name, name), trystero.publish(name, name));
  assertEquals(bodies(client), names.flatMap((name) => [name, name]));
});

Deno.test("a client that leaves, is cut or unsubscribes is not counted from then on", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const others = [];
  for (let nth = 0; nth < 3; nth++) others.push(await enter(bench, yjs.subscribe("a")));
  const clients = async (): Promise<unknown> => {
    await alice.say(yjs.publish("a", 0));
    const [message] = alice.heardJson();
    return Reflect.get(message as object, "clients");
  };
  assertEquals(await clients(), 4);
  await others[0]?.leave();
  await others[1]?.lose();
  await others[2]?.say(yjs.unsubscribe("a"));
  assertEquals(await clients(), 1);
});

Deno.test("pings are answered in turn, also before any subscription", async () => {
  using bench = newTopics();
  const client = await enter(bench);
  await client.say('{"type":"ping"}', yjs.subscribe("a"), yjs.publish("a", 1), '{"type":"ping"}');
  const [first, , last] = client.heardJson();
  assertEquals([first, last], [{ type: "pong" }, { type: "pong" }]);
});

Deno.test("messages that are no commands have no effect and no answer, and are counted", async () => {
  using bench = newTopics();
  const client = await enter(bench, yjs.subscribe("a"));
  await client.say("{}", "[]", "null", "nope", '{"type":"subscribe","topic":5}', '{"type":"x"}');
  assertEquals([client.heard(), client.isOpen], [[], true]);
  assertEquals(client.refusals.toSorted(), [
    "action_unknown",
    "action_unknown",
    "bad_frame",
    "bad_frame",
    "bad_frame",
    "not_json",
  ]);
  await client.say(yjs.publish("a", 1));
  assertEquals([bodies(client), numberOf(bench, "dropped", "not_json")], [[1], 1]);
});

Deno.test("a client is identified by its first command, whatever it subscribes to", async () => {
  using bench = newTopics();
  for (const frame of ['{"type":"ping"}', yjs.subscribe(), trystero.publish("a", 1)]) {
    const client = await enter(bench, "nope");
    assertEquals(client.session.isIdentified, false);
    await client.say(frame);
    assertEquals(client.session.isIdentified, true);
  }
});

Deno.test("a signal goes only to those that have announced its receiver", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "alice"));
  const double = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "alice"));
  const bob = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "bob"));
  for (const one of [alice, double]) one.heard();
  await bob.say(yjs.signal("a", "alice", 1));
  const expected = [{ type: "signal", to: "alice", signal: 1 }];
  assertEquals([alice, double, bob].map(bodies), [expected, expected, []]);
});

Deno.test("a signal to an id without an announcement goes to all", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const bob = await enter(bench, yjs.subscribe("a", "b"), yjs.announce("b", "alice"));
  bob.heard();
  await bob.say(yjs.signal("a", "alice", 1));
  assertEquals([bodies(alice).length, bodies(bob).length], [1, 1]);
});

Deno.test("an id is forgotten with the subscription that announced it", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "alice"));
  const bob = await enter(bench, yjs.subscribe("a"));
  await alice.say(yjs.unsubscribe("a"), yjs.subscribe("a"));
  await bob.say(yjs.signal("a", "alice", 1));
  assertEquals([bodies(alice).length, bodies(bob).length], [1, 1]);
});

Deno.test("a connection with more ids than are remembered gets the signals to all of them", async () => {
  using bench = newTopics();
  const ids = Array.from({ length: 20 }, (_, nth) => `id-${nth}`);
  const many = await enter(bench, yjs.subscribe("a"), ...ids.map((id) => yjs.announce("a", id)));
  const thief = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "id-19"));
  many.heard();
  await thief.say(yjs.signal("a", "id-19", 1), yjs.signal("a", "id-0", 2));
  assertEquals(bodies(many).length, 2);
  assertEquals(bodies(thief).length, 1);
});

Deno.test("the later of two crossing announcements is kept from the earlier announcer", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const bob = await enter(bench, yjs.subscribe("a"));
  await alice.say(yjs.announce("a", "alice"));
  assertEquals(bodies(bob).length, 1);
  alice.heard();
  await bob.say(yjs.announce("a", "bob"));
  assertEquals([bodies(alice), bodies(bob).length], [[], 1]);
});

Deno.test("an announcement is delivered where the earlier one was not, or was long ago", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"), yjs.announce("a", "alice"));
  const late = await enter(bench, yjs.subscribe("a"));
  await late.say(yjs.announce("a", "late"));
  assertEquals(bodies(alice).length, 1);
  bench.clock.advance(2_001);
  await alice.say(yjs.announce("a", "alice"));
  bench.clock.advance(2_001);
  await late.say(yjs.announce("a", "late"));
  assertEquals(bodies(alice).length, 2);
});

Deno.test("an announcer that missed a crossing announcement can announce itself to its sender again", async () => {
  for (const pauseMs of [0, 600, 1_900]) {
    using bench = newTopics();
    const alice = await enter(bench, yjs.subscribe("a"));
    const bob = await enter(bench, yjs.subscribe("a"));
    await alice.say(yjs.announce("a", "alice"));
    bench.clock.advance(1_900);
    await bob.say(yjs.announce("a", "bob"));
    for (const one of [alice, bob]) one.heard();
    bench.clock.advance(pauseMs);
    // Alice did not receive Bob's announcement, so her second one must reach him.
    await alice.say(yjs.announce("a", "alice"));
    assertEquals([pauseMs, bodies(bob).length], [pauseMs, 1]);
  }
});

Deno.test("a crossing announcement whose sender does not call is delivered after all", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"));
  const [caller, full, gone] = [
    await enter(bench, yjs.subscribe("a")),
    await enter(bench, yjs.subscribe("a")),
    await enter(bench, yjs.subscribe("a")),
  ];
  await alice.say(yjs.announce("a", "alice"));
  for (const [name, client] of Object.entries({ caller, full, gone })) {
    await client.say(yjs.announce("a", name));
  }
  await caller.say(yjs.signal("a", "alice", "offer"));
  await gone.leave();
  alice.heard();
  bench.clock.advance(4_999);
  assertEquals(bodies(alice), []);
  bench.clock.advance(5_001);
  assertEquals(bodies(alice), [{ type: "announce", from: "full" }]);
  assertEquals(numberOf(bench, "held_announcements"), 0);
  bench.clock.advance(60_000);
  assertEquals(bodies(alice), []);
});

Deno.test("a receiver that left gets no crossing announcement, and no more are held than the limit", async () => {
  using bench = newTopics({ options: { maxHeldAnnouncements: 2 } });
  const alice = await enter(bench, yjs.subscribe("a"));
  const others = [];
  for (let nth = 0; nth < 4; nth++) others.push(await enter(bench, yjs.subscribe("a")));
  await alice.say(yjs.announce("a", "alice"));
  for (const [nth, other] of others.entries()) await other.say(yjs.announce("a", `other-${nth}`));
  assertEquals(numberOf(bench, "held_announcements"), 2);
  await alice.say(yjs.unsubscribe("a"), yjs.subscribe("a"));
  alice.heard();
  bench.clock.advance(10_000);
  assertEquals([bodies(alice), numberOf(bench, "held_announcements")], [[], 0]);
});

Deno.test("all that is kept back goes to everybody where the original behaviour is asked for", async () => {
  using bench = newTopics({ options: { broadcast: true } });
  const alice = await enter(bench, yjs.subscribe("a"));
  const bob = await enter(bench, yjs.subscribe("a"));
  await alice.say(yjs.announce("a", "alice"));
  await bob.say(yjs.announce("a", "bob"), yjs.signal("a", "alice", 1));
  assertEquals([bodies(alice).length, bodies(bob).length], [3, 3]);
});

Deno.test("sealed publications go to all, whatever they hold", async () => {
  using bench = newTopics();
  const [alice, bob] = [
    await enter(bench, yjs.subscribe("a")),
    await enter(bench, yjs.subscribe("a")),
  ];
  for (const client of [alice, bob, alice]) await client.say(yjs.publish("a", "B0FFUy1HQ00M"));
  assertEquals([bodies(alice).length, bodies(bob).length], [3, 3]);
});

Deno.test("operators see topics in both shapes with their subscribers, and end them", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a", "b"), trystero.subscribe("a"));
  const bob = await enter(bench, yjs.subscribe("a"));
  const { operations } = bench.open;
  assertEquals(operations?.list().map(({ id, facts }) => [id, facts]), [
    ["a", { shape: "yjs", subscribers: 2 }],
    ["b", { shape: "yjs", subscribers: 1 }],
    ["a", { shape: "trystero", subscribers: 1 }],
  ]);
  assertEquals(operations?.describe("a", "alice", {}), "unsupported");
  assertEquals([operations?.stop("a"), operations?.stop("a")], [true, false]);
  await bob.say(yjs.publish("a", 1), yjs.publish("b", 2), trystero.publish("a", 3));
  assertEquals([alice.isOpen, bob.isOpen, bodies(alice), bodies(bob)], [true, true, [2], []]);
  await alice.say(yjs.subscribe("a"), yjs.publish("a", 4));
  assertEquals(bodies(alice), [4]);
});

Deno.test("publications, deliveries and dropped messages are counted", async () => {
  using bench = newTopics();
  const alice = await enter(bench, yjs.subscribe("a"), trystero.subscribe("t"));
  await enter(bench, yjs.subscribe("a"));
  await alice.say(yjs.publish("a", 1), yjs.publish("none", 1), trystero.publish("t", 1), "nope");
  const numbers = ["active", "subscriptions", "published_total", "delivered_total"];
  assertEquals(numbers.map((name) => numberOf(bench, name)), [2, 3, 3, 3]);
});
