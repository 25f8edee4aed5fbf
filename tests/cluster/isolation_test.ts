import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// A node that is cut off from the engine for longer than its lease, and comes back.

/** The lease of these nodes, and the time in which others notice a dead one. */
const DEAD_MS = 9_000;
const AWAY = [1001, ""] as const;

async function admit(
  cluster: MemoryCluster,
  at: number,
  id: string,
  room?: string,
): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  await cluster.during(cluster.hub(at).claim(claimOf(id, receiver)));
  if (room !== undefined) {
    await cluster.during(Promise.resolve(cluster.hub(at).join(receiver.peer, { room })));
  }
  assertEquals(receiver.told()[0], `admitted ${id}`);
  return receiver;
}

for (const seed of [21, 22, 23]) {
  Deno.test(`clients of a node that others took for dead are sent away where others noticed, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
    const a = await admit(cluster, 0, "a", "r");
    const b = await admit(cluster, 1, "b", "r");
    const alone = await admit(cluster, 1, "alone", "other");
    await cluster.pass(100);
    a.told();
    cluster.at(1).link.cut();
    await cluster.pass(DEAD_MS);
    assertEquals(a.told(), ["left r: b"]);
    assertEquals([b.link.isOpen, alone.link.isOpen], [true, true]);
    cluster.at(1).link.heal();
    await cluster.pass(5_000);
    assertEquals(b.link.closing, AWAY);
    assertEquals(alone.link.closing, undefined);
    assertEquals(a.told(), []);
    const again = await admit(cluster, 0, "b", "r");
    assertEquals(a.told(), ["joined r: b"]);
    cluster.hub(1).send(alone.peer, "b", "hello");
    await cluster.pass(500);
    assertEquals(again.told(), ['relay alone: "hello"']);
  });

  Deno.test(`an id that another client took meanwhile stays with it, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
    const old = await admit(cluster, 1, "x");
    cluster.at(1).link.cut();
    await cluster.pass(DEAD_MS);
    const fresh = await admit(cluster, 0, "x");
    cluster.at(1).link.heal();
    await cluster.pass(5_000);
    assertEquals([old.told(), old.link.closing], [[], AWAY]);
    assertEquals([fresh.told(), fresh.link.closing], [[], undefined]);
    const other = await admit(cluster, 1, "other");
    cluster.hub(1).send(other.peer, "x", "for the new one");
    await cluster.pass(500);
    assertEquals(fresh.told(), ['relay other: "for the new one"']);
  });
}

for (let afterMs = 0; afterMs <= 240; afterMs += 20) {
  Deno.test(`a message of a node that is taken for dead arrives once, cut off after ${afterMs} ms`, async () => {
    await using cluster = await MemoryCluster.form({ seed: afterMs, delayMs: 6, waitMs: 60_000 });
    const [a, x] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "x")];
    for (let n = 0; n < 5; n++) cluster.hub(1).send(x.peer, "a", n);
    await cluster.pass(afterMs);
    cluster.at(1).link.cut();
    await cluster.pass(DEAD_MS);
    cluster.at(1).link.heal();
    await cluster.pass(5_000);
    cluster.hub(1).send(x.peer, "a", 5);
    await cluster.pass(500);
    const expected = Array.from({ length: 6 }, (_, n) => `relay x: ${n}`);
    assertEquals([a.told(), x.told()], [expected, []]);
  });
}
