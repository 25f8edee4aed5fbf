import { assert, assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Faults of the engine and of connections, in an order that a seed decides.

const SEEDS = [11, 12, 13, 14];
const NEVER_MS = 600_000;

/** The payloads of the messages that a receiver got. */
function payloads({ events }: FakeReceiver): unknown[] {
  return events.flatMap((event) => event.type === "relay" ? [event.payload] : []);
}

for (const seed of SEEDS) {
  Deno.test(`every message arrives once and in order while connections break, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6, waitMs: NEVER_MS });
    const random = randomOf(seed);
    const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
    for (let n = 0; n < 60; n++) {
      cluster.hub(0).send(a.peer, "b", n);
      if (random() < 0.2) cluster.engine.breakConnections();
      await cluster.pass(Math.floor(random() * 12));
    }
    for (let ms = 0; ms < 5_000 && payloads(b).length < 60; ms += 50) await cluster.pass(50);
    assertEquals(payloads(b), Array.from({ length: 60 }, (_, n) => n));
    assertEquals(a.told(), []);
  });

  Deno.test(`no message is lost and no id changes hands while engines come back empty, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6, waitMs: NEVER_MS });
    const random = randomOf(seed);
    const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
    const thief = new FakeReceiver();
    const claims: Promise<void>[] = [];
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20; n++) {
        cluster.hub(0).send(a.peer, "b", round * 20 + n);
        await cluster.pass(Math.floor(random() * 5));
      }
      cluster.engine.kill();
      await cluster.pass(Math.floor(random() * 400));
      cluster.engine.start({ keeps: random() < 0.5 });
      claims.push(cluster.hub(0).claim(claimOf("b", thief)));
      await cluster.pass(3_000);
    }
    await cluster.during(Promise.all(claims));
    for (let ms = 0; ms < 10_000 && payloads(b).length < 60; ms += 50) await cluster.pass(50);
    assertEquals(payloads(b), Array.from({ length: 60 }, (_, n) => n));
    assertEquals(a.told(), []);
    assertEquals(thief.told(), claims.map(() => "refused claim: id_taken"));
  });

  Deno.test(`one of any two members finds the other, and that one learns of it, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({
      seed,
      delayMs: 6,
      nodes: 3,
      waitMs: NEVER_MS,
    });
    const random = randomOf(seed);
    const members: { id: string; receiver: FakeReceiver; at: number; isHere: boolean }[] = [];
    for (let n = 0; n < 18; n++) {
      const [at, id] = [n % 3, `m${n}`];
      const receiver = await admit(cluster, at, id);
      void cluster.hub(at).join(receiver.peer, { room: "r" });
      members.push({ id, receiver, at, isHere: true });
      if (random() < 0.25) cluster.engine.breakConnections();
      await cluster.pass(Math.floor(random() * 10));
      const leaver = members[Math.floor(random() * members.length)];
      if (random() > 0.3 || leaver === undefined || !leaver.isHere) continue;
      // One that has not entered yet may leave as well.
      leaver.isHere = false;
      cluster.hub(leaver.at).release(leaver.receiver.peer, leaver.receiver);
    }
    await cluster.pass(3_000);
    const here = members.filter(({ isHere }) => isHere);
    for (const { id, receiver, at } of here) {
      const others = cluster.hub(at).others(receiver.peer, "r").map((other) => other.id);
      const expected = here.map((other) => other.id).filter((other) => other !== id);
      assertEquals(others.toSorted(), expected.toSorted(), `members as ${id} sees them`);
      for (const other of here) {
        if (other.id === id) continue;
        assertEquals(meetings(receiver, other.id) + meetings(other.receiver, id), 2);
        assertEquals(foundBy(receiver, other.id) + foundBy(other.receiver, id), 1);
      }
    }
  });
}

/** How often a member learned that another one is there. */
function meetings(receiver: FakeReceiver, other: string): number {
  const joined = receiver.events.filter((event) =>
    event.type === "joined" && event.peer.id === other
  );
  return foundBy(receiver, other) + joined.length;
}

/** How often a member found another one as it entered. */
function foundBy({ events }: FakeReceiver, other: string): number {
  const found = events.filter((event) =>
    event.type === "entered" && event.members.some(({ id }) => id === other)
  );
  return found.length;
}

Deno.test("a step that no engine answers is refused, and talk within a node goes on", async () => {
  await using cluster = await MemoryCluster.form({ waitMs: 1_000 });
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 0, "b")];
  const far = await admit(cluster, 1, "far");
  cluster.engine.kill();
  await cluster.pass(100);
  const late = new FakeReceiver();
  const claim = cluster.hub(0).claim(claimOf("late", late));
  cluster.hub(0).send(a.peer, "far", 1);
  cluster.hub(0).send(a.peer, "b", 2);
  assertEquals(b.told(), ["relay a: 2"]);
  await cluster.during(claim);
  assertEquals(late.told(), ["refused claim: unavailable"]);
  assertEquals(a.told(), ["undelivered far"]);
  cluster.engine.start({ keeps: false });
  await cluster.pass(3_000);
  cluster.hub(0).send(a.peer, "far", 3);
  await cluster.pass(300);
  assertEquals(far.told(), ["relay a: 3"]);
});

for (const keeps of [true, false]) {
  const state = keeps ? "with its data" : "empty";
  Deno.test(`a step goes through if the engine is back in its time, ${state}`, async () => {
    await using cluster = await MemoryCluster.form({ waitMs: 1_000 });
    const a = await admit(cluster, 0, "a");
    const far = await admit(cluster, 1, "far");
    cluster.engine.kill();
    await cluster.pass(100);
    const late = new FakeReceiver();
    const claim = cluster.hub(0).claim(claimOf("late", late));
    cluster.hub(0).send(a.peer, "far", 1);
    await cluster.pass(700);
    // It learns what the nodes hold for longer than the step waits.
    cluster.engine.start({ keeps });
    await cluster.during(claim);
    assertEquals(late.told(), ["admitted late"]);
    await cluster.pass(300);
    assertEquals([a.told(), far.told()], [[], ["relay a: 1"]]);
  });
}

Deno.test("messages beyond the bytes that may be on their way are refused", async () => {
  await using cluster = await MemoryCluster.form({ maxUnconfirmedBytes: 2_000 });
  const a = await admit(cluster, 0, "a");
  const far = await admit(cluster, 1, "far");
  for (let n = 0; n < 20; n++) cluster.hub(0).send(a.peer, "far", n);
  const refused = a.told();
  assert(refused.length > 0 && refused.every((word) => word === "undelivered far"));
  await cluster.pass(500);
  assertEquals(payloads(far).length + refused.length, 20);
  assertEquals(cluster.nodes[0]?.node.unconfirmedBytes, 0);
});

Deno.test("a sender with too many bytes on their way is refused, and others are not", async () => {
  await using cluster = await MemoryCluster.form({ maxUnconfirmedBytesPerSender: 2_000 });
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 0, "b")];
  const far = await admit(cluster, 1, "far");
  // The first one of a sender may have any size.
  cluster.hub(0).send(a.peer, "far", "x".repeat(5_000));
  cluster.hub(0).send(a.peer, "far", 1);
  for (let n = 0; n < 5; n++) cluster.hub(0).send(b.peer, "far", n);
  assertEquals([a.told(), b.told()], [["undelivered far"], []]);
  await cluster.pass(500);
  cluster.hub(0).send(a.peer, "far", 2);
  await cluster.pass(500);
  assertEquals(payloads(far).slice(1), [0, 1, 2, 3, 4, 2]);
  assertEquals([a.told(), cluster.at(0).node.unconfirmedBytes], [[], 0]);
});

Deno.test("nothing of a cluster stays in the engine when its peers have left", async () => {
  await using cluster = await MemoryCluster.form();
  const before = cluster.engine.data.keys();
  const members: FakeReceiver[] = [];
  for (let n = 0; n < 6; n++) {
    const receiver = await admit(cluster, n % 2, `m${n}`);
    await cluster.during(cluster.hub(n % 2).join(receiver.peer, { room: `r${n % 3}` }));
    members.push(receiver);
  }
  assert(cluster.engine.data.size > before.length);
  for (const [n, receiver] of members.entries()) {
    cluster.hub(n % 2).release(receiver.peer, receiver);
  }
  await cluster.pass(5_000);
  const left = cluster.engine.data.keys().filter((key) => !before.includes(key));
  assertEquals(left.filter((key) => !key.includes(":in:") && !key.includes(":calls")), []);
});
