import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// An engine that comes back with older data, as a replica has them that was behind.

/** Longer than a cluster forms. */
const FORMED_MS = 2_500;
/** Another process has a killed node's name so long after it. */
const SUCCEEDED_MS = 8_000;

Deno.test("a message gets its outcome while the engine names former incarnations of its sender's node", async () => {
  for (let seed = 0; seed < 10; seed++) {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
    const [from, to] = [new FakeReceiver(), new FakeReceiver()];
    await cluster.during(cluster.hub(0).claim(claimOf("from", from)));
    await cluster.during(cluster.hub(1).claim(claimOf("to", to)));
    const copy = cluster.engine.data.copy();
    for (const keeps of [false, copy]) {
      cluster.engine.kill();
      await cluster.pass(100);
      cluster.engine.start({ keeps });
      if (keeps === false) await cluster.pass(FORMED_MS);
    }
    // It is the first thing that the new engine carries out.
    let outcome: string | undefined;
    void cluster.hub(0).elsewhere.pass(from.peer, "to", "hello").then((sent) => outcome = sent);
    await cluster.pass(2 * FORMED_MS);
    const got = to.told().at(-1);
    assertEquals([got, outcome], ['relay from: "hello"', "sent"], `seed ${seed}`);
  }
});

Deno.test("an engine that names the former node of a name refuses its successor no more", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 6 });
  const copy = cluster.engine.data.copy();
  const former = new FakeReceiver();
  cluster.replace(1, "n2");
  await cluster.pass(SUCCEEDED_MS);
  await cluster.during(cluster.hub(0).claim(claimOf("id", former, { proof: "token" })));
  const later = new FakeReceiver();
  await cluster.during(cluster.hub(1).claim(claimOf("id", later, { proof: "token" })));
  // The news for the former holder may not have come.
  cluster.engine.kill();
  cluster.engine.start({ keeps: copy });
  await cluster.pass(FORMED_MS);
  assertEquals(cluster.at(1).node.isUp, true);
  const [loser, ...others] = [former, later].map(({ link, events }) =>
    !link.isOpen || events.some(({ type }) => type === "replaced")
  );
  assertEquals([loser, others], [true, [false]]);
});
