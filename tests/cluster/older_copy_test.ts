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

Deno.test("a pair that only one side's data name makes no second partner, and keeps nobody busy", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 6 });
  const names = ["g", "h", "i"];
  const [g, h, i] = [new FakeReceiver(), new FakeReceiver(), new FakeReceiver()];
  for (const [n, receiver] of [g, h, i].entries()) {
    const claim = claimOf(names[n] ?? "", receiver, { isExclusive: true });
    await cluster.during(cluster.hub(n % 2).claim(claim));
    receiver.told();
  }
  // As of an earlier call, whose other side the engine has lost.
  cluster.engine.data.call(["SADD", "test:1:pairs:test:g", "h"]);
  await cluster.during(cluster.hub(0).pair(i.peer, "h"));
  await cluster.during(cluster.hub(0).pair(g.peer, "h"));
  await cluster.quiet();
  assertEquals(g.refusal(), "peer_busy");
  assertEquals(h.events.filter(({ type }) => type === "paired").length, 1);
  cluster.hub(0).release(i.peer, i);
  await cluster.quiet();
  await cluster.during(cluster.hub(1).pair(h.peer, "g"));
  await cluster.quiet();
  assertEquals(g.events.filter(({ type }) => type === "paired").length, 1);
});
