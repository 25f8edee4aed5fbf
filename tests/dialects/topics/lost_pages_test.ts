import { assertEquals } from "@std/assert";
import { type Judge, refused, type Verdict } from "../../../src/auth/authenticator.ts";
import { readGrants } from "../../../src/auth/claims.ts";
import { LostPages } from "../../../src/dialects/topics/lost_pages.ts";
import { bodies, enter, newTopics, numberOf, trystero, yjs } from "../../helpers/session/topics.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import type { TestClient } from "../../helpers/session/hub.ts";

// PROTOCOL.md, section 5.4: pages of Trystero do not subscribe again after their socket was lost.

/** A page that is in a room: it has a topic of its own there, and the room's. */
function page(bench: DialectBench, id: string, ...rooms: string[]): Promise<TestClient> {
  const frames = rooms.flatMap((room) => [
    trystero.subscribe(`${id} in ${room}`),
    trystero.subscribe(room),
    trystero.announce(room, id),
  ]);
  return enter(bench, ...frames);
}

Deno.test("a page that lost its socket receives again once it has announced itself", async () => {
  using bench = newTopics();
  const alice = await page(bench, "alice", "r", "other");
  const bob = await page(bench, "bob", "r");
  await alice.lose();
  const back = await enter(bench);
  await bob.say(trystero.publish("alice in r", "too early"));
  await back.say(trystero.announce("r", "alice"));
  await bob.say(trystero.publish("alice in r", 1), trystero.publish("r", 2));
  await bob.say(trystero.publish("alice in other", 3), trystero.publish("other", 4));
  assertEquals(bodies(back), ['{"peerId":"alice"}', 1, 2]);
  assertEquals(numberOf(bench, "resumed_total"), 1);
  await back.say(trystero.announce("other", "alice"));
  await bob.say(trystero.publish("alice in other", 5));
  assertEquals(bodies(back), ['{"peerId":"alice"}', 5]);
});

Deno.test("a page gets back no topic that its token does not grant, by no id", async () => {
  const judge: Judge = {
    judge(user): Verdict {
      const grants = readGrants({ rooms: [user === "eve" ? "r" : "*"] }, user)?.grants;
      return grants === undefined
        ? refused("claims")
        : { identity: { user, expiresAt: undefined, grants } };
    },
  };
  using bench = newTopics({ judge });
  const come = async (user: string, ...frames: string[]): Promise<TestClient> => {
    const client = await bench.connect(`/topics?token=${user}`);
    await client.say(...frames);
    client.heard();
    return client;
  };
  const bob = await come("bob");
  const lost = [trystero.subscribe("alice in r"), trystero.subscribe("r")];
  await (await come("alice", ...lost, trystero.announce("r", "alice"))).lose();
  const eve = await come("eve", trystero.announce("r", "alice"));
  const alice = await come("alice", trystero.announce("r", "alice"));
  eve.heard();
  await bob.say(trystero.publish("alice in r", 1), trystero.publish("r", 2));
  assertEquals([bodies(eve), bodies(alice)], [[2], [1, 2]]);
});

Deno.test("a page that comes back a second time finds its rooms again", async () => {
  using bench = newTopics();
  await (await page(bench, "alice", "r")).lose();
  for (let nth = 0; nth < 3; nth++) {
    const back = await enter(bench, trystero.announce("r", "alice"));
    await back.say(trystero.publish("alice in r", nth));
    assertEquals(bodies(back), [nth]);
    await back.lose();
  }
});

Deno.test("a passive page has no topic of its own, and gets only the room's back", async () => {
  using bench = newTopics();
  const passive = await enter(bench, trystero.subscribe("r"), trystero.announce("r", "alice"));
  await passive.lose();
  await enter(bench, trystero.announce("r", "alice"));
  assertEquals(numberOf(bench, "subscriptions"), 1);
});

Deno.test("nothing is remembered of who says goodbye, unsubscribes or has no id", async () => {
  using bench = newTopics();
  await (await page(bench, "alice", "r")).leave();
  const bob = await page(bench, "bob", "r");
  await bob.say(trystero.unsubscribe("bob in r"), trystero.unsubscribe("r"));
  await bob.lose();
  await (await enter(bench, trystero.subscribe("r"), yjs.subscribe("r"))).lose();
  assertEquals(numberOf(bench, "remembered"), 0);
});

Deno.test("an id gives its claimant nothing of a page that is there, and takes nothing", async () => {
  using bench = newTopics();
  const alice = await page(bench, "alice", "r");
  const thief = await enter(bench, trystero.announce("r", "alice"));
  alice.heard();
  await thief.say(trystero.publish("alice in r", 1), trystero.publish("r", 2));
  assertEquals([bodies(thief), bodies(alice)], [[], [1, 2]]);
});

Deno.test("another's announcement of an id does not keep its page from coming back", async () => {
  using bench = newTopics();
  await (await page(bench, "alice", "r")).lose();
  await enter(bench, trystero.announce("r", "alice"));
  await (await enter(
    bench,
    trystero.subscribe("false"),
    trystero.subscribe("r"),
    trystero.announce("r", "alice"),
  )).lose();
  const back = await enter(bench, trystero.announce("r", "alice"));
  await back.say(trystero.publish("alice in r", 1));
  assertEquals(bodies(back), [1]);
});

Deno.test("after its time a lost page is forgotten, and 0 remembers none", async () => {
  using bench = newTopics({ options: { resumeMs: 10_000 } });
  await (await page(bench, "alice", "r")).lose();
  assertEquals(numberOf(bench, "remembered"), 1);
  bench.clock.advance(10_000);
  await enter(bench, trystero.announce("r", "alice"));
  assertEquals([numberOf(bench, "remembered"), numberOf(bench, "subscriptions")], [0, 0]);

  for (const options of [{ resumeMs: 0 }, { maxRemembered: 0 }]) {
    using bench = newTopics({ options });
    await (await page(bench, "alice", "r")).lose();
    assertEquals(numberOf(bench, "remembered"), 0);
  }
});

Deno.test("beyond the limit of lost pages the oldest is forgotten", async () => {
  using bench = newTopics({ options: { maxRemembered: 2 } });
  for (const id of ["a", "b", "c"]) await (await page(bench, id, "r")).lose();
  assertEquals(numberOf(bench, "remembered"), 2);
  for (const id of ["a", "b", "c"]) await enter(bench, trystero.announce("r", id));
  assertEquals(numberOf(bench, "resumed_total"), 2);
});

Deno.test("one address displaces its own lost pages and no others", () => {
  const lost = new LostPages(8);
  const add = (address: string, id: string, count = 1): void =>
    lost.add({
      id,
      topics: Array.from({ length: count }, (_, n) => `${n}`),
      address,
      expiresAtMs: 1,
    });
  for (let nth = 0; nth < 4; nth++) add("neighbour", `n${nth}`);
  for (let nth = 0; nth < 100; nth++) add("flood", `f${nth}`, nth);
  const kept = lost.list().filter(({ address }) => address === "neighbour");
  assertEquals([kept.length, lost.size <= 8], [4, true]);
});

Deno.test("a page with more topics than all may have takes no more room than all", () => {
  const lost = new LostPages(4);
  const topics = Array.from({ length: 1_000 }, (_, nth) => `${nth}`);
  lost.add({ id: "a", topics, address: "x", expiresAtMs: 1 });
  assertEquals(lost.size, 0);
});

Deno.test("pages come back also after a planned restart of the server, for the rest of their time", async () => {
  const bench = newTopics();
  const alice = await page(bench, "alice", "r");
  await (await page(bench, "bob", "r")).lose();
  bench.clock.advance(100_000);
  assertEquals(alice.isOpen, true);
  using next = await bench.restart({ ageMs: 40_000 });
  assertEquals(numberOf(next, "remembered"), 2);
  const back = await enter(next, trystero.announce("r", "alice"));
  await back.say(trystero.publish("alice in r", 1));
  assertEquals(bodies(back), [1]);
  next.clock.advance(10_000);
  assertEquals(numberOf(next, "remembered"), 1);
});

Deno.test("sealed items that are not lost pages are left out", async () => {
  const bench = newTopics();
  await page(bench, "alice", "r");
  using next = await bench.restart({ change: (items) => [...items, { id: 5 }, null, "x"] });
  assertEquals([numberOf(next, "remembered"), next.unreadable], [1, 3]);
});
