import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { newMemoryStore } from "../helpers/store/store.ts";
import type { Store } from "../../src/store/mod.ts";

// Whatever breaks, the nodes have the same records in the end, and an acknowledged one is not lost.

const VALUES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];

/** The bans of a store, and its log by time, in an order of their own. */
function contentOf({ bans, operatorLog }: Store): unknown {
  return [
    [...bans.list()].map(({ value, reason }) => `${value} ${reason}`).sort(),
    operatorLog.list().map(({ actor, action }) => `${actor} ${action}`).sort(),
  ];
}

async function open(cluster: MemoryCluster, name: string): Promise<Store> {
  const store = newMemoryStore();
  const one = cluster.nodes.find(({ node }) => node.node === name);
  await cluster.during(one?.node.records.open(store.shareAs(name)));
  return store;
}

for (let seed = 1; seed <= 12; seed++) {
  Deno.test(`nodes have the same records after changes at once and lost engines, seed ${seed}`, async () => {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6, nodes: 3 });
    const random = randomOf(seed);
    const stores = [];
    for (const { node } of cluster.nodes) stores.push(await open(cluster, node.node));
    for (let step = 0; step < 60; step++) {
      const nth = Math.floor(random() * stores.length);
      const store = stores[nth];
      const value = VALUES[Math.floor(random() * VALUES.length)] ?? "";
      if (random() < 0.3) store?.bans.lift("address", value);
      else store?.bans.set("address", value, { reason: `${nth} ${step}` });
      if (step % 10 === 0) {
        store?.operatorLog.write({ actor: `n${nth}`, action: `${step}`, subject: [], outcome: "" });
      }
      if (random() < 0.15) cluster.engine.breakConnections();
      if (step === 30) {
        cluster.engine.kill();
        await cluster.pass(200);
        cluster.engine.start({ keeps: false });
      }
      await cluster.pass(Math.floor(random() * 10));
    }
    await cluster.pass(6_000);
    const [first, ...others] = stores.map(contentOf);
    for (const other of others) assertEquals(other, first);
    const log = stores[0]?.operatorLog.list().length;
    assertEquals(log, 6);

    // A newcomer has the same.
    const late = cluster.add("late");
    await cluster.pass(2_500);
    stores.push(await open(cluster, late.node.node));
    assertEquals(contentOf(stores.at(-1) as Store), first);
  });
}
