import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimed, claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Pauses that cost nobody an id: of a node, of the engine's clock, and at the start of a cluster.

/** Somebody else asks a node for an id. */
function steal(cluster: MemoryCluster, at: number, id: string): Promise<string> {
  return cluster.during(claimed(cluster.hub(at), claimOf(id, new FakeReceiver())));
}

/** Whether a node was taken for dead. */
function wasFenced(cluster: MemoryCluster): boolean {
  return cluster.nodes.some(({ events }) => events.some(({ type }) => type === "fenced"));
}

Deno.test("a node that stands still for less than its lease keeps its ids, and nobody notices", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const near = await admit(cluster, 0, "near", { room: { room: "r" } });
  const far = await admit(cluster, 1, "far", { room: { room: "r" } });
  await cluster.pass(100);
  near.told();
  const { clock } = cluster.at(1);
  clock.stop();
  cluster.hub(0).send(near.peer, "far", "while it stands still");
  await cluster.pass(3_500);
  assertEquals(await steal(cluster, 0, "far"), "id_taken");
  clock.resume();
  await cluster.pass(500);
  assertEquals(far.told(), ['relay near: "while it stands still"']);
  assertEquals([near.told(), wasFenced(cluster)], [[], false]);
});

for (const jumpMs of [20_000, -20_000]) {
  Deno.test(`an engine whose clock jumps by ${jumpMs} ms takes no living node for dead`, async () => {
    await using cluster = await MemoryCluster.form({ delayMs: 2 });
    const near = await admit(cluster, 0, "near");
    const far = await admit(cluster, 1, "far");
    cluster.engine.skip(jumpMs);
    for (let n = 0; n < 20; n++) {
      assertEquals(await steal(cluster, n % 2, n % 2 === 0 ? "far" : "near"), "id_taken");
      cluster.hub(0).send(near.peer, "far", n);
      await cluster.pass(500);
    }
    assertEquals(far.told(), Array.from({ length: 20 }, (_, n) => `relay near: ${n}`));
    assertEquals([near.told(), wasFenced(cluster)], [[], false]);
  });
}

Deno.test("a new cluster gives ids out after a while, and a node that joins it does so at once", async () => {
  await using cluster = MemoryCluster.begin({ delayMs: 2 });
  const first = new FakeReceiver();
  const claim = Promise.resolve(cluster.hub(0).claim(claimOf("first", first)));
  await cluster.pass(1_900);
  assertEquals(first.told(), []);
  await cluster.during(claim, 600);
  assertEquals(first.told(), ["admitted first"]);
  cluster.add();
  const later = new FakeReceiver();
  await cluster.during(cluster.hub(2).claim(claimOf("later", later)), 500);
  assertEquals(later.told(), ["admitted later"]);
});

Deno.test("each loss of the engine is followed by its return, also where it has kept everything", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const { events } = cluster.at(0);
  const turns = (): string[] =>
    events.flatMap(({ type }) => type === "away" || type === "reached" ? [type] : []);
  events.length = 0;
  cluster.engine.freeze();
  await cluster.pass(4_000);
  cluster.engine.thaw();
  await cluster.pass(1_000);
  assertEquals(turns(), ["away", "reached"]);
  cluster.engine.kill();
  await cluster.pass(1_000);
  cluster.engine.start({ keeps: false });
  await cluster.pass(5_000);
  assertEquals(turns(), ["away", "reached", "away", "reached"]);
});
