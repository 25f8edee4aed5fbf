import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimed, claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Ids that nodes claim at the same time, from a dead node, and beyond their limits.

function claim(cluster: MemoryCluster, at: number, id: string): Promise<string> {
  return claimed(cluster.hub(at), claimOf(id, new FakeReceiver()));
}

Deno.test("each of 1,000 ids that two nodes claim at once has one owner", async () => {
  await using cluster = await MemoryCluster.form({ seed: 7, delayMs: 6 });
  const ids = Array.from({ length: 1_000 }, (_, n) => `x${n}`);
  const races = ids.map((id, n) => {
    const first = n % 2;
    return Promise.all([claim(cluster, first, id), claim(cluster, 1 - first, id)]);
  });
  const outcomes = await cluster.during(Promise.all(races));
  const lost = outcomes.filter((both) => both.toSorted().join() !== "admitted,id_taken");
  assertEquals(lost, []);
  const sizes = [0, 1].map((at) => cluster.hub(at).peerCount);
  assertEquals(sizes.reduce((sum, size) => sum + size), 1_000);
});

Deno.test("a claim frees the id of a dead node before that is reaped", async () => {
  await using cluster = await MemoryCluster.form({ nodes: 3 });
  await admit(cluster, 1, "x");
  await admit(cluster, 1, "y");
  cluster.at(1).link.cut();
  await cluster.pass(3_000);
  // The first node would reap it; the third leaves that to it for two seconds.
  cluster.at(0).clock.stop();
  let outcome = await cluster.during(claim(cluster, 2, "x"));
  for (let ms = 0; ms < 6_000 && outcome === "id_taken"; ms += 50) {
    await cluster.pass(50);
    outcome = await cluster.during(claim(cluster, 2, "x"));
  }
  assertEquals(outcome, "admitted");
  // The other id of the dead node is still there.
  assertEquals(cluster.engine.data.call(["HLEN", "test:1:ids:test"]), 2);
  cluster.at(0).clock.resume();
  await cluster.pass(8_000);
  assertEquals(await cluster.during(claim(cluster, 0, "y")), "admitted");
});

Deno.test("peers and rooms are limited on each node by itself", async () => {
  await using cluster = await MemoryCluster.form({ limits: { maxPeers: 2, maxRooms: 1 } });
  for (const at of [0, 1]) {
    const one = await admit(cluster, at, `one${at}`);
    const two = await admit(cluster, at, `two${at}`);
    assertEquals(await cluster.during(claim(cluster, at, `three${at}`)), "peers_full");
    await cluster.during(cluster.hub(at).join(one.peer, { room: `r${at}` }));
    assertEquals(one.told(), [`entered r${at}: `]);
    await cluster.during(cluster.hub(at).join(two.peer, { room: "other" }));
    assertEquals(two.told(), ["refused join: rooms_full"]);
  }
});
