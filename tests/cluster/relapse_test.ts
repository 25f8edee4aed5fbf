import { assertEquals } from "@std/assert";
import { numberOf } from "../../src/cluster/names.ts";
import { ChaosClient } from "../helpers/cluster/chaos_client.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf } from "../helpers/session/receiver.ts";

// An engine that fails again before all nodes have read what the first failure cost them.

/** A node that stands still is dead so long after it. */
const DEAD_MS = 10_000;
/** How long an engine that has started again learns from the nodes what they hold. */
const FORMING_MS = 2_000;

async function enter(cluster: MemoryCluster, at: number, id: string): Promise<ChaosClient> {
  const client = new ChaosClient(id, cluster.at(at), cluster.clock.now);
  await cluster.during(cluster.hub(at).claim(claimOf(id, client)));
  await cluster.during(cluster.hub(at).join(client.peer, { room: "room" }));
  return client;
}

/** The engine is back at once, and empty. */
function restart({ engine }: MemoryCluster): void {
  engine.kill();
  engine.start({ keeps: false });
}

Deno.test("a node that missed the end of a restart keeps its members at the next one", async () => {
  for (let seed = 0; seed < 6; seed++) {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
    const [one, two] = [await enter(cluster, 0, "one"), await enter(cluster, 1, "two")];
    restart(cluster);
    await cluster.pass(FORMING_MS / 2);
    cluster.at(1).clock.stop();
    await cluster.pass(FORMING_MS);
    restart(cluster);
    cluster.at(1).clock.resume();
    await cluster.pass(DEAD_MS);
    assertEquals([one, two].map(({ link }) => link.isOpen), [true, true], `seed ${seed}`);
    assertEquals([...one.known()], [["two", "joined"]]);
    assertEquals([...two.known()], [["one", "entered"]]);
  }
});

// The news of the loss takes longer than the last answer, for some of the moments.
for (let afterMs = 400; afterMs < 500; afterMs += 5) {
  Deno.test(`a member whose room has others is closed, with a second failure after ${afterMs} ms`, async () => {
    await using cluster = await MemoryCluster.form({ seed: afterMs, delayMs: 60 });
    const two = await enter(cluster, 1, "two");
    cluster.at(1).clock.stop();
    await cluster.pass(DEAD_MS);
    // It would have learned of this one by its entry.
    const one = await enter(cluster, 0, "one");
    restart(cluster);
    cluster.at(1).clock.resume();
    await cluster.pass(FORMING_MS + afterMs);
    restart(cluster);
    await cluster.pass(DEAD_MS);
    assertEquals([one, two].map(({ link }) => link.isOpen), [true, false]);
    assertEquals([...one.known()], []);
    assertEquals(cluster.hub(0).others(one.peer, "room"), []);
  });
}

Deno.test("a node's incarnations are numbered upwards, whatever the clocks of engines say", async () => {
  await using cluster = await MemoryCluster.form();
  const { address } = cluster.at(0).node;
  const numbers: number[] = [];
  for (let restarts = 0; restarts < 3; restarts++) {
    restart(cluster);
    cluster.engine.skip(-3_600_000);
    // Before the cluster is formed.
    await cluster.pass(FORMING_MS / 2);
    const record = String(cluster.engine.data.call(["HGET", "test:1:ids:@nodes", address]));
    numbers.push(numberOf(record.slice(0, record.indexOf(" "))));
  }
  assertEquals(numbers, [...new Set(numbers)].toSorted((a, b) => a - b));
});
