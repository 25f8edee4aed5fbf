import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

Deno.test("an id of one node gets messages of another, once and in order", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const [a, b] = [new FakeReceiver(), new FakeReceiver()];
  await cluster.during(cluster.hub(0).claim(claimOf("a", a)));
  await cluster.during(cluster.hub(1).claim(claimOf("b", b)));
  assertEquals([a.told(), b.told()], [["admitted a"], ["admitted b"]]);
  for (let n = 0; n < 5; n++) cluster.hub(0).send(a.peer, "b", n);
  await cluster.pass(300);
  assertEquals(b.told(), [0, 1, 2, 3, 4].map((n) => `relay a: ${n}`));
  assertEquals(cluster.nodes[0]?.node.unconfirmedBytes, 0);
});
