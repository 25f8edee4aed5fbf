import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Messages of a node for a peer that has just come to it: they may still be on their way by the engine.

/** From the moment of sending to the loss of the engine's data. */
const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12];

Deno.test("a message by the engine for the sender's own node outlives an engine that comes back empty", async () => {
  for (const [seed, afterMs] of MOMENTS.entries()) {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 4 });
    const receiver = new FakeReceiver();
    await cluster.during(cluster.hub(0).claim(claimOf("newcomer", receiver)));
    receiver.told();
    await cluster.quiet();
    const outcomes: string[] = [];
    const { node } = cluster.at(0);
    const nothing = { room: undefined, fence: undefined };
    for (const n of [1, 2]) {
      const message = {
        realm: "test",
        id: "newcomer",
        from: "sender",
        dialect: "test",
        payload: n,
      };
      node.send({ ...message, ...nothing }, false, (outcome) => outcomes.push(outcome));
    }
    await cluster.pass(afterMs);
    cluster.engine.kill();
    cluster.engine.start({ keeps: false });
    await cluster.pass(6_000);
    const expected = ["relay sender: 1", "relay sender: 2"];
    assertEquals([receiver.told(), outcomes], [expected, []], `after ${afterMs} ms`);
    assertEquals(node.unconfirmedBytes, 0);
  }
});
