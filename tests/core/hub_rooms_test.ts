import { assertEquals, assertInstanceOf } from "@std/assert";
import type { Hub } from "../../src/core/hub.ts";
import { newTestHub, settle } from "../helpers/session/hub.ts";
import { admit, claimOf, FakeReceiver, joined, paired } from "../helpers/session/receiver.ts";

/** One receiver per id, in order. */
async function admitAll<Ids extends string[]>(
  hub: Hub,
  ...ids: Ids
): Promise<{ [Nth in keyof Ids]: FakeReceiver }> {
  const receivers = await Promise.all(ids.map((id) => admit(hub, id)));
  // `map` keeps the length, which the compiler does not know.
  return receivers as { [Nth in keyof Ids]: FakeReceiver };
}

Deno.test("hub.join() gives the newcomer the members in joining order, and informs them", async () => {
  const hub = newTestHub();
  const members = await admitAll(hub, "c", "a", "b");
  for (const member of members) assertEquals(joined(hub, member, "r"), "entered");
  assertEquals(members.map((member) => member.told()), [
    ["entered r: ", "joined r: a", "joined r: b"],
    ["entered r: c", "joined r: b"],
    ["entered r: c a"],
  ]);
  assertEquals(hub.roomCount, 1);
});

Deno.test("the newcomer has entered before anybody learns of it", async () => {
  const hub = newTestHub();
  const order: string[] = [];
  const receivers = [new FakeReceiver(), new FakeReceiver()];
  for (const [nth, receiver] of receivers.entries()) {
    const deliver = receiver.deliver.bind(receiver);
    receiver.deliver = (event) => {
      order.push(`${nth} ${event.type}`);
      deliver(event);
    };
    await hub.claim(claimOf(`p${nth}`, receiver));
    hub.join(receiver.peer, { room: "r" });
  }
  assertEquals(order, ["0 admitted", "0 entered", "1 admitted", "1 entered", "0 joined"]);
});

Deno.test("a member's words at the moment it learns of a newcomer follow `entered`", async () => {
  const hub = newTestHub();
  const first = new FakeReceiver();
  const deliver = first.deliver.bind(first);
  first.deliver = (event) => {
    deliver(event);
    if (event.type === "joined") hub.send(first.peer, event.peer.id, "welcome", "r");
  };
  await hub.claim(claimOf("a", first));
  hub.join(first.peer, { room: "r" });
  const second = await admit(hub, "b");
  hub.join(second.peer, { room: "r" });
  assertEquals(second.told(), ["entered r: a", 'relay a in r: "welcome"']);
});

Deno.test("hub.release() tells the room once and frees the room with its last member", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  b.told();
  hub.release(a.peer, a);
  hub.release(a.peer, a);
  assertEquals(b.told(), ["left r: a"]);
  assertEquals(hub.roomCount, 1);
  hub.release(b.peer, b);
  assertEquals(hub.roomCount, 0);
  const c = await admit(hub, "c");
  hub.join(c.peer, { room: "r" });
  assertEquals(c.told(), ["entered r: "]);
});

Deno.test("a peer leaves every room that it is in", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  for (const room of ["r", "s"]) {
    hub.join(a.peer, { room });
    hub.join(b.peer, { room });
  }
  b.told();
  hub.release(a.peer, a);
  assertEquals(b.told(), ["left r: a", "left s: a"]);
});

Deno.test("rooms learn of a departure before the partners do", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  hub.pair(a.peer, "b");
  b.told();
  hub.release(a.peer, a);
  assertEquals(b.told(), ["left r: a", "gone a"]);
});

Deno.test("nothing from a peer follows its leaving, whatever its session does", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  hub.release(a.peer, a);
  b.told();
  for (const room of ["r", undefined]) {
    // The hub may report it by a result or by an exception.
    try {
      hub.send(a.peer, "b", "ghost", room);
    } catch (error) {
      assertInstanceOf(error, RangeError);
    }
  }
  assertEquals(b.told(), []);
});

Deno.test("joining a room twice changes nothing and tells nobody", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  for (const one of [a, b]) one.told();
  hub.join(a.peer, { room: "r" });
  assertEquals([a.told(), b.told()], [[], []]);
  hub.release(a.peer, a);
  assertEquals(b.told(), ["left r: a"]);
});

Deno.test("a room takes as many members as the limit says, and one less than one more", async () => {
  const hub = newTestHub({ maxRoomMembers: 2 });
  const [a, b, c] = await admitAll(hub, "a", "b", "c");
  hub.join(a.peer, { room: "r" });
  assertEquals(joined(hub, b, "r"), "entered");
  assertEquals(joined(hub, c, "r"), "room_full");
  assertEquals(c.told(), []);
  assertEquals(joined(hub, c, "other"), "entered");
  hub.release(a.peer, a);
  const d = await admit(hub, "d");
  assertEquals(joined(hub, d, "r"), "entered");
});

Deno.test("there are as many rooms as the limit says, over all realms", async () => {
  const hub = newTestHub({ maxRooms: 2 });
  const a = await admit(hub, "a", { realm: "one" });
  const b = await admit(hub, "b", { realm: "two" });
  const c = await admit(hub, "c", { realm: "two" });
  assertEquals(joined(hub, a, "r"), "entered");
  assertEquals(joined(hub, b, "r"), "entered");
  assertEquals(joined(hub, c, "s"), "rooms_full");
  assertEquals(joined(hub, c, "r"), "entered");
  assertEquals(hub.roomCount, 2);
  hub.release(a.peer, a);
  const d = await admit(hub, "d");
  assertEquals(joined(hub, d, "s"), "entered");
});

Deno.test("rooms of one name in two realms are two rooms", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a", { realm: "one" });
  const b = await admit(hub, "b", { realm: "two" });
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  assertEquals([a.told(), b.told()], [["entered r: "], ["entered r: "]]);
  assertEquals([hub.others(a.peer, "r"), hub.roomCount], [[], 2]);
});

Deno.test("when 40 members of a room drop together, the others get one departure of each", async () => {
  const hub = newTestHub();
  const stay = await admitAll(hub, "x", "y", "z");
  const drop = await admitAll(hub, ...Array.from({ length: 40 }, (_, nth) => `p${nth}`));
  for (const { peer } of [...stay, ...drop]) hub.join(peer, { room: "r" });
  for (const one of [...stay, ...drop]) {
    one.told();
    one.link.onEnded = () => hub.release(one.peer, one);
  }
  for (const { link } of drop) link.drop();
  await settle();
  const expected = drop.map(({ peer }) => `left r: ${peer.id}`);
  for (const one of stay) assertEquals(one.told(), expected);
  assertEquals(hub.peerCount, 3);
  for (const { peer } of drop) assertEquals(hub.has("test", peer.id), false);
  for (const one of stay) hub.release(one.peer, one);
  assertEquals([hub.peerCount, hub.roomCount], [0, 0]);
});

Deno.test("hub.pair() tells both who called, and tells each when the other is gone", async () => {
  const hub = newTestHub();
  const [a, b] = await admitAll(hub, "a", "b");
  assertEquals(paired(hub, a, "b"), "paired");
  assertEquals([a.told(), b.told()], [["paired b as caller"], ["paired a as callee"]]);
  hub.release(a.peer, a);
  assertEquals(b.told(), ["gone a"]);
  hub.release(b.peer, b);
  assertEquals(hub.peerCount, 0);
});

Deno.test("hub.pair() knows nobody of another realm, and no peer pairs with itself", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a");
  await admit(hub, "b", { realm: "other" });
  assertEquals(paired(hub, a, "b"), "peer_unknown");
  assertEquals(paired(hub, a, "nobody"), "peer_unknown");
  assertEquals(paired(hub, a, "a"), "peer_busy");
  assertEquals(a.told(), []);
});

Deno.test("an exclusive peer in a pair or a room is busy, until it is free again", async () => {
  const hub = newTestHub();
  const exclusive = { isExclusive: true };
  const a = await admit(hub, "a", exclusive);
  await admit(hub, "b", exclusive);
  const c = await admit(hub, "c", exclusive);
  const d = await admit(hub, "d", exclusive);
  assertEquals(paired(hub, a, "b"), "paired");
  assertEquals([paired(hub, c, "a"), paired(hub, c, "b")], ["peer_busy", "peer_busy"]);
  assertEquals(paired(hub, a, "c"), "peer_busy");
  hub.join(d.peer, { room: "r" });
  assertEquals(paired(hub, c, "d"), "peer_busy");
  hub.release(a.peer, a);
  assertEquals(paired(hub, c, "b"), "paired");
  assertEquals(d.told(), ["entered r: "]);
});

Deno.test("a peer that is not exclusive may be in any number of pairs", async () => {
  const hub = newTestHub();
  const [a, b, c] = await admitAll(hub, "a", "b", "c");
  assertEquals([paired(hub, a, "b"), paired(hub, c, "a")], ["paired", "paired"]);
  for (const one of [a, b, c]) one.told();
  hub.release(a.peer, a);
  assertEquals([b.told(), c.told()], [["gone a"], ["gone a"]]);
});

Deno.test("a receiver that throws is failed, and all others are informed as usual", async () => {
  const hub = newTestHub();
  const [a, b, c] = await admitAll(hub, "a", "b", "c");
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  c.told();
  a.fault = new Error("broken session");
  assertEquals(joined(hub, c, "r"), "entered");
  assertEquals(a.link.faults, [a.fault]);
  assertEquals(a.link.isOpen, false);
  assertEquals([b.told().at(-1), c.told()], ["joined r: c", ["entered r: a b"]]);
  hub.release(a.peer, a);
  assertEquals([b.told(), c.told()], [["left r: a"], ["left r: a"]]);
});

Deno.test("a receiver that throws at its own admission or take-over is failed alone", async () => {
  const hub = newTestHub();
  const broken = new FakeReceiver();
  broken.fault = new Error("broken session");
  await hub.claim(claimOf("a", broken, { proof: "p" }));
  assertEquals(hub.has("test", "a"), true);
  assertEquals(broken.link.faults.length, 1);
  const fresh = await admit(hub, "a", { proof: "p" });
  assertEquals(broken.link.faults.length, 2);
  assertEquals(fresh.link.isOpen, true);
  hub.release(fresh.peer, fresh);
  assertEquals(hub.peerCount, 0);
});

Deno.test("a hub that was silenced tells nobody of departures, and forgets who left all the same", async () => {
  const hub = newTestHub();
  const [a, b, c] = await admitAll(hub, "a", "b", "c");
  for (const one of [a, b]) hub.join(one.peer, { room: "r" });
  hub.pair(a.peer, "c");
  for (const one of [a, b, c]) one.told();
  hub.silence();
  hub.release(a.peer, a);
  assertEquals([b.told(), c.told(), hub.peerCount], [[], [], 2]);
  assertEquals(hub.others(b.peer, "r"), []);
});
