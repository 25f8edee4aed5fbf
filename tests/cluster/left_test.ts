import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// Peers that leave while the engine's news of them are on their way back to their own node.

/** The id is free, also on the node that had it. */
async function checkFree(cluster: MemoryCluster, id: string): Promise<void> {
  await cluster.pass(500);
  const again = await admit(cluster, 0, id);
  cluster.hub(0).release(again.peer, again);
  await cluster.pass(100);
  await admit(cluster, 1, id);
}

Deno.test("a member that leaves while its node asks for the room again is gone", async () => {
  // The list is under way at some of these moments.
  for (let ms = 1_950; ms <= 2_250; ms += 25) {
    await using cluster = await MemoryCluster.form({ seed: ms, delayMs: 6 });
    const room = { room: "r" };
    const stays = await admit(cluster, 0, "stays", { room });
    const x = await admit(cluster, 0, "x", { room });
    const far = await admit(cluster, 1, "far", { room });
    cluster.engine.kill();
    cluster.engine.start({ keeps: true });
    await cluster.pass(ms);
    cluster.hub(0).release(x.peer, x);
    await checkFree(cluster, "x");
    for (const [at, { peer }] of [[0, stays], [1, far]] as const) {
      const others = cluster.hub(at).others(peer, "r").map(({ id }) => id);
      assertEquals(others, at === 0 ? ["far"] : ["stays"]);
    }
  }
});

Deno.test("a caller that leaves while its call is under way leaves nobody busy", async () => {
  for (let ms = 0; ms <= 16; ms += 2) {
    await using cluster = await MemoryCluster.form({ seed: ms, delayMs: 6 });
    const exclusive = { isExclusive: true };
    const x = await admit(cluster, 0, "x", exclusive);
    const y = await admit(cluster, 1, "y", exclusive);
    const z = await admit(cluster, 0, "z", exclusive);
    void cluster.hub(0).pair(x.peer, "y");
    await cluster.pass(ms);
    cluster.hub(0).release(x.peer, x);
    await checkFree(cluster, "x");
    const told = y.told();
    assertEquals(told, told.length === 0 ? [] : ["paired x as callee", "gone x"]);
    await cluster.during(Promise.resolve(cluster.hub(0).pair(z.peer, "y")));
    assertEquals(z.told(), ["paired y as caller"]);
  }
});
