import { assert, assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimed, claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Nodes with many ids. All times are the cluster's own.

/** Admits this many peers at a node: `x0`, `x1` and so on for the letter x. */
async function admitMany(
  cluster: MemoryCluster,
  at: number,
  { letter, count }: { readonly letter: string; readonly count: number },
): Promise<void> {
  const claims = Array.from(
    { length: count },
    (_, n) => claimed(cluster.hub(at), claimOf(`${letter}${n}`, new FakeReceiver())),
  );
  const outcomes = await cluster.during(Promise.all(claims));
  assertEquals(outcomes.filter((outcome) => outcome !== "admitted"), []);
}

/** The ids that the engine has. */
function idsIn({ engine }: MemoryCluster): number {
  return Number(engine.data.call(["HLEN", "test:1:ids:test"]));
}

Deno.test("the ids of a dead node are freed by steps of at most 500", async () => {
  await using cluster = await MemoryCluster.form();
  await admitMany(cluster, 1, { letter: "x", count: 1_100 });
  const { events, hub } = cluster.at(0);
  cluster.at(1).link.cut();
  await cluster.pass(8_000);
  const reaped = events.flatMap((event) => event.type === "reaped" ? [event.ids] : []);
  // One more is the address of the node itself.
  assertEquals([reaped, idsIn(cluster)], [[499, 500, 101], 0]);
  for (const id of ["x0", "x1099"]) {
    const outcome = claimed(hub, claimOf(id, new FakeReceiver()));
    assertEquals(await cluster.during(outcome), "admitted");
  }
});

Deno.test("10,000 ids are back within 2 s of an empty engine's return, and no other client gets one", async () => {
  await using cluster = await MemoryCluster.form({ nodes: 3, delayMs: 4 });
  const half = 5_000;
  await admitMany(cluster, 0, { letter: "x", count: half });
  await admitMany(cluster, 1, { letter: "y", count: half });
  assertEquals(idsIn(cluster), 2 * half);
  cluster.engine.kill();
  await cluster.pass(1_000);
  cluster.engine.start({ keeps: false });
  const backAt = cluster.clock.now();
  const stolen = Array.from({ length: 100 }, (_, n) => {
    const id = `${n % 2 === 0 ? "x" : "y"}${n * 49}`;
    return claimed(cluster.hub(2), claimOf(id, new FakeReceiver()));
  });
  while (idsIn(cluster) < 2 * half && cluster.clock.now() - backAt < 10_000) await cluster.pass(10);
  const ms = cluster.clock.now() - backAt;
  assert(ms <= 2_000, `${ms} ms`);
  const outcomes = new Set(await cluster.during(Promise.all(stolen)));
  assertEquals([...outcomes], ["id_taken"]);
  assertEquals(idsIn(cluster), 2 * half);
});
