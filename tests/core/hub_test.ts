import { assertEquals, assertThrows } from "@std/assert";
import { newTestHub } from "../helpers/session/hub.ts";
import {
  admit,
  claimed,
  claimOf,
  FakeReceiver,
  joined,
  newReservingHub,
} from "../helpers/session/receiver.ts";

Deno.test("hub.claim() admits a free id and announces it before it resolves", () => {
  const hub = newTestHub();
  const receiver = new FakeReceiver();
  hub.claim(claimOf("a", receiver));
  assertEquals(receiver.told(), ["admitted a"]);
  assertEquals(hub.has("test", "a"), true);
  assertEquals(hub.peerCount, 1);
});

Deno.test("hub.claim() hands out a handle that names id, dialect and realm", async () => {
  const hub = newTestHub();
  const { peer } = await admit(hub, "a", { dialect: "d", realm: "r" });
  assertEquals([peer.id, peer.dialect, peer.realm], ["a", "d", "r"]);
});

Deno.test("hub.claim() refuses a taken id, and its holder notices nothing", async () => {
  const hub = newTestHub();
  const holder = await admit(hub, "a", { proof: "p" });
  for (const proof of [undefined, "q"]) {
    const other = new FakeReceiver();
    const claim = claimOf("a", other, proof === undefined ? {} : { proof });
    assertEquals(await claimed(hub, claim), "id_taken");
    assertEquals(other.told(), []);
  }
  assertEquals(holder.told(), []);
  assertEquals(holder.link.isOpen, true);
  assertEquals(hub.peerCount, 1);
});

Deno.test("two claims without proof are never the same client", async () => {
  const hub = newTestHub();
  await admit(hub, "a");
  assertEquals(await claimed(hub, claimOf("a", new FakeReceiver())), "id_taken");
});

Deno.test("an id is free in another realm", async () => {
  const hub = newTestHub();
  const here = await admit(hub, "a", { realm: "one" });
  const there = await admit(hub, "a", { realm: "two" });
  assertEquals(hub.peerCount, 2);
  assertEquals(hub.has("one", "a") && hub.has("two", "a"), true);
  hub.release(here.peer, here);
  assertEquals([hub.has("one", "a"), hub.has("two", "a")], [false, true]);
  assertEquals(there.told(), []);
});

Deno.test("ids that name properties of every object are free until they are claimed", async () => {
  const hub = newTestHub();
  for (const id of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    assertEquals(hub.has("test", id), false);
    const receiver = await admit(hub, id);
    assertEquals(joined(hub, receiver, id), "entered");
    assertEquals(receiver.told(), [`entered ${id}: `]);
  }
});

Deno.test("hub.claim() abandons a claim whose connection has ended", async () => {
  const hub = newTestHub();
  const receiver = new FakeReceiver();
  receiver.link.drop();
  assertEquals(await claimed(hub, claimOf("a", receiver)), "abandoned");
  assertEquals([hub.peerCount, hub.has("test", "a")], [0, false]);
  assertEquals(receiver.told(), []);
});

Deno.test("hub.claim() is full at the hub's limit of peers, and not below it", async () => {
  const hub = newTestHub({ maxPeers: 2 });
  const first = await admit(hub, "a", { realm: "one" });
  await admit(hub, "b", { realm: "two" });
  assertEquals(await claimed(hub, claimOf("c", new FakeReceiver())), "peers_full");
  hub.release(first.peer, first);
  await admit(hub, "c");
});

Deno.test("hub.claim() counts the capacity of a dialect apart from other dialects", async () => {
  const hub = newTestHub();
  const first = await admit(hub, "a", { dialect: "x", capacity: 2 });
  await admit(hub, "b", { dialect: "y", capacity: 2 });
  await admit(hub, "c", { dialect: "x", capacity: 2 });
  const more = { dialect: "x", capacity: 2 };
  assertEquals(await claimed(hub, claimOf("d", new FakeReceiver(), more)), "peers_full");
  assertEquals(await claimed(hub, claimOf("d", new FakeReceiver(), { dialect: "y" })), "admitted");
  hub.release(first.peer, first);
  await admit(hub, "e", more);
});

Deno.test("a taken id is taken, also where the hub is full", async () => {
  const hub = newTestHub({ maxPeers: 1 });
  await admit(hub, "a", { proof: "p" });
  const stranger = claimOf("a", new FakeReceiver(), { proof: "q", capacity: 1 });
  assertEquals(await claimed(hub, stranger), "id_taken");
});

Deno.test("taking over tells the old connection first and needs no room", async () => {
  const hub = newTestHub({ maxPeers: 1 });
  const claim = { proof: "p", capacity: 1 };
  const old = await admit(hub, "a", claim);
  const fresh = new FakeReceiver();
  let wasToldFirst = false;
  fresh.link.send = () => {};
  const deliver = fresh.deliver.bind(fresh);
  fresh.deliver = (event) => {
    wasToldFirst = old.events.some(({ type }) => type === "replaced");
    deliver(event);
  };
  assertEquals(await claimed(hub, claimOf("a", fresh, claim)), "admitted");
  assertEquals(wasToldFirst, true);
  assertEquals(old.told(), ["replaced"]);
  assertEquals(fresh.told(), ["admitted a"]);
  assertEquals(hub.peerCount, 1);
});

Deno.test("a proof does not take an id over from another dialect", async () => {
  const hub = newTestHub();
  const holder = await admit(hub, "a", { dialect: "x", proof: "p" });
  const other = claimOf("a", new FakeReceiver(), { dialect: "y", proof: "p" });
  assertEquals(await claimed(hub, other), "id_taken");
  assertEquals(holder.told(), []);
});

Deno.test("taking over keeps rooms and pairs, and nobody else notices", async () => {
  const hub = newTestHub();
  const old = await admit(hub, "a", { proof: "p" });
  const mate = await admit(hub, "b");
  const partner = await admit(hub, "c");
  hub.join(mate.peer, { room: "r" });
  hub.join(old.peer, { room: "r" });
  hub.pair(old.peer, "c");
  for (const one of [old, mate, partner]) one.told();

  const fresh = await admit(hub, "a", { proof: "p" });
  assertEquals(old.told(), ["replaced"]);
  assertEquals([...mate.told(), ...partner.told()], []);
  assertEquals(hub.others(fresh.peer, "r").map(({ id }) => id), ["b"]);
  assertEquals(hub.send(mate.peer, "a", 1, "r"), "sent");
  assertEquals(fresh.told(), ["relay b in r: 1"]);
  assertEquals(old.told(), []);

  hub.release(fresh.peer, fresh);
  assertEquals(mate.told(), ["left r: a"]);
  assertEquals(partner.told(), ["gone a"]);
});

Deno.test("release by a connection that was replaced is harmless", async () => {
  const hub = newTestHub();
  const old = await admit(hub, "a", { proof: "p" });
  const mate = await admit(hub, "b");
  hub.join(old.peer, { room: "r" });
  hub.join(mate.peer, { room: "r" });
  mate.told();
  const fresh = await admit(hub, "a", { proof: "p" });
  hub.release(old.peer, old);
  assertEquals(hub.has("test", "a"), true);
  assertEquals(mate.told(), []);
  hub.release(fresh.peer, fresh);
  assertEquals(hub.has("test", "a"), false);
});

Deno.test("release happens once, and not to the next owner of the id", async () => {
  const hub = newTestHub();
  const first = await admit(hub, "a");
  hub.release(first.peer, first);
  const second = await admit(hub, "a");
  hub.release(first.peer, first);
  assertEquals([hub.peerCount, hub.has("test", "a")], [1, true]);
  hub.release(second.peer, second);
  hub.release(second.peer, second);
  assertEquals(hub.peerCount, 0);
});

Deno.test("nothing is sent to whom is being hung up on, although the id is not given up yet", async () => {
  const hub = newTestHub();
  const [a, b] = [await admit(hub, "a"), await admit(hub, "b", { proof: "p" })];
  b.link.close(1000);
  for (const to of ["b", b.peer]) assertEquals(hub.send(a.peer, to, 1), "unknown");
  assertEquals([b.told(), hub.has("test", "b")], [[], true]);
  const fresh = await admit(hub, "b", { proof: "p" });
  assertEquals(hub.send(a.peer, "b", 2), "sent");
  assertEquals(fresh.told(), ["relay a: 2"]);
});

Deno.test("a receiver that throws at a message is failed, and its sender is not", async () => {
  const hub = newTestHub();
  const [a, b] = [await admit(hub, "a"), await admit(hub, "b")];
  b.fault = new Error("broken session");
  assertEquals(hub.send(a.peer, "b", 1), "sent");
  assertEquals([b.link.faults, b.link.isOpen, a.link.isOpen], [[b.fault], false, true]);
});

Deno.test("a released handle cannot act any more", async () => {
  const hub = newTestHub();
  const gone = await admit(hub, "a");
  await admit(hub, "b");
  hub.release(gone.peer, gone);
  assertThrows(() => hub.join(gone.peer, { room: "r" }), RangeError);
  assertThrows(() => hub.pair(gone.peer, "b"), RangeError);
  // Not even where the id has a new holder.
  const next = await admit(hub, "a");
  assertThrows(() => hub.join(gone.peer, { room: "r" }), RangeError);
  assertThrows(() => hub.pair(gone.peer, "b"), RangeError);
  assertEquals([hub.roomCount, next.told()], [0, []]);
});

Deno.test("a slow reserve decides: an id that is taken elsewhere is taken here", async () => {
  const hub = newReservingHub(() => Promise.resolve(false));
  const receiver = new FakeReceiver();
  assertEquals(await claimed(hub, claimOf("a", receiver)), "id_taken");
  assertEquals([hub.peerCount, receiver.told()], [0, []]);
});

Deno.test("nothing of a claim is seen before the reserve has answered", async () => {
  const answer = Promise.withResolvers<boolean>();
  const hub = newReservingHub(() => answer.promise);
  const receiver = new FakeReceiver();
  const outcome = claimed(hub, claimOf("a", receiver));
  assertEquals([hub.peerCount, hub.has("test", "a"), receiver.told()], [0, false, []]);
  answer.resolve(true);
  assertEquals(await outcome, "admitted");
  assertEquals(receiver.told(), ["admitted a"]);
});

Deno.test("a claim that is abandoned while it is pending leaves nothing behind", async () => {
  const answer = Promise.withResolvers<boolean>();
  const hub = newReservingHub(() => answer.promise);
  const receiver = new FakeReceiver();
  const outcome = claimed(hub, claimOf("a", receiver));
  receiver.link.drop();
  answer.resolve(true);
  assertEquals(await outcome, "abandoned");
  assertEquals([hub.peerCount, hub.has("test", "a"), receiver.told()], [0, false, []]);
});

Deno.test("exactly one of several racing claims wins, in any order of their answers", async () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
    const answers = [0, 1, 2].map(() => Promise.withResolvers<boolean>());
    const waiting = [...answers];
    const hub = newReservingHub(() => waiting.shift()?.promise ?? Promise.resolve(false));
    const receivers = answers.map(() => new FakeReceiver());
    const outcomes = receivers.map((receiver) => claimed(hub, claimOf("a", receiver)));
    for (const nth of order) answers[nth]?.resolve(true);
    const decided = await Promise.all(outcomes);
    assertEquals(decided.filter((outcome) => outcome === "admitted").length, 1);
    assertEquals(decided.filter((outcome) => outcome === "id_taken").length, 2);
    assertEquals(decided.indexOf("admitted"), order[0]);
    assertEquals(hub.peerCount, 1);
  }
});

Deno.test("a reserve that fails fails the claim and nothing else", async () => {
  let isBroken = true;
  const reserve = () => isBroken ? Promise.reject(new Error("no store")) : Promise.resolve(true);
  const hub = newReservingHub(reserve);
  let thrown: unknown;
  await claimed(hub, claimOf("a", new FakeReceiver())).catch((error) => thrown = error);
  assertEquals(thrown instanceof Error && thrown.message, "no store");
  isBroken = false;
  await admit(hub, "a");
});

Deno.test("hub.directory() lists peers that are called outside of rooms, in order of registration", async () => {
  const hub = newTestHub();
  for (const id of ["c", "a", "b"]) await admit(hub, id);
  const member = await admit(hub, "z");
  await admit(hub, "mute", { isCallable: false });
  assertEquals(hub.directory("test"), ["c", "a", "b", "z"]);
  hub.join(member.peer, { room: "room" });
  assertEquals(hub.directory("test"), ["c", "a", "b"]);
  assertEquals(hub.directory("nowhere"), []);
});

Deno.test("hub.send() passes a payload on as it is, and names the sender", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a");
  const b = await admit(hub, "b");
  const payload = { nested: [1] };
  assertEquals(hub.send(a.peer, "b", payload), "sent");
  assertEquals(hub.send(a.peer, "a", "to myself"), "sent");
  const [event] = b.events;
  assertEquals(event?.type === "relay" && event.payload === payload && event.from, "a");
  assertEquals(a.told(), ['relay a: "to myself"']);
});

Deno.test("hub.send() knows no peer of another realm and translates nothing", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a", { dialect: "x" });
  const foreign = await admit(hub, "b", { dialect: "y" });
  await admit(hub, "c", { realm: "other", dialect: "x" });
  assertEquals(hub.send(a.peer, "c", 1), "unknown");
  assertEquals(hub.send(a.peer, "b", 1), "untranslatable");
  assertEquals(foreign.told(), []);
});

Deno.test("hub.send() into a room reaches its members only", async () => {
  const hub = newTestHub();
  const [a, b, c] = [await admit(hub, "a"), await admit(hub, "b"), await admit(hub, "c")];
  hub.join(a.peer, { room: "r" });
  hub.join(b.peer, { room: "r" });
  hub.join(c.peer, { room: "s" });
  for (const one of [a, b, c]) one.told();
  assertEquals(hub.send(a.peer, "b", 1, "r"), "sent");
  assertEquals(hub.send(a.peer, "c", 1, "r"), "elsewhere");
  assertEquals(hub.send(a.peer, "nobody", 1, "r"), "unknown");
  assertEquals([b.told(), c.told()], [["relay a in r: 1"], []]);
});

Deno.test("hub.send() takes a partner's handle, which follows take-overs and ends with the id", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a");
  const old = await admit(hub, "b", { proof: "p" });
  hub.pair(a.peer, "b");
  const [paired] = a.events.splice(0);
  if (paired?.type !== "paired") throw new Error("Not paired");
  assertEquals(hub.send(a.peer, paired.peer, 1), "sent");
  const fresh = await admit(hub, "b", { proof: "p" });
  assertEquals(hub.send(a.peer, paired.peer, 2), "sent");
  assertEquals(old.told(), ["paired a as callee", "relay a: 1", "replaced"]);
  assertEquals(fresh.told(), ["relay a: 2"]);
  hub.release(fresh.peer, fresh);
  const next = await admit(hub, "b");
  assertEquals(hub.send(a.peer, paired.peer, 3), "unknown");
  assertEquals(next.told(), []);
});

Deno.test("hub.reportUndelivered() informs the current owner of the sender's id, if there is one", async () => {
  const hub = newTestHub();
  const a = await admit(hub, "a");
  hub.reportUndelivered("test", "a", "b");
  hub.reportUndelivered("test", "nobody", "b");
  hub.reportUndelivered("nowhere", "a", "b");
  assertEquals(a.told(), ["undelivered b"]);
});

Deno.test("where the newest wins, an id goes over without a proof, from its own dialect only", async () => {
  const hub = newTestHub({ maxPeers: 1 });
  const first = await admit(hub, "a", { dialect: "x", policy: "newest" });
  const second = await admit(hub, "a", { dialect: "x", policy: "newest", proof: "p" });
  assertEquals([first.told(), second.told()], [["replaced"], []]);
  assertEquals([first.peer, hub.peerCount], [second.peer, 1]);

  const stranger = claimOf("a", new FakeReceiver(), { dialect: "y", policy: "newest" });
  assertEquals(await claimed(hub, stranger), "id_taken");
  hub.release(first.peer, first);
  assertEquals([hub.has("test", "a"), second.told()], [true, []]);
  hub.release(second.peer, second);
  assertEquals(hub.peerCount, 0);
});

Deno.test("the claim that is made decides whether the newest wins, not the one that holds", async () => {
  const hub = newTestHub();
  const holder = await admit(hub, "a", { policy: "newest", proof: "p" });
  assertEquals(await claimed(hub, claimOf("a", new FakeReceiver(), { proof: "q" })), "id_taken");
  assertEquals(holder.told(), []);
});

Deno.test("a claim of an id by its owner is admitted once more, and replaces nobody", async () => {
  const hub = newTestHub();
  const holder = await admit(hub, "a", { policy: "newest" });
  assertEquals(await claimed(hub, claimOf("a", holder, { policy: "newest" })), "admitted");
  assertEquals([holder.told(), hub.peerCount], [["admitted a"], 1]);
  hub.release(holder.peer, holder);
  assertEquals(hub.peerCount, 0);
});
