import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// A client that connects again while the claim of its first connection is still on its way.

const proof = "p";

/** From the first claim to the second one, and to the end of the first connection. */
const MOMENTS = Array.from({ length: 9 }, (_, n) => 3 * n);

for (const endsMs of MOMENTS) {
  Deno.test(`a client that comes back keeps its id, its first connection ends after ${endsMs} ms`, async () => {
    for (const [seed, secondMs] of MOMENTS.entries()) {
      await using cluster = await MemoryCluster.form({ seed, delayMs: 12 });
      const [first, second] = [new FakeReceiver(), new FakeReceiver()];
      const claims = [cluster.hub(1).claim(claimOf("x", first, { proof }))];
      const end = (): void => {
        first.link.close(1000);
        const isAdmitted = first.events.some(({ type }) => type === "admitted");
        if (isAdmitted) cluster.hub(1).release(first.peer, first);
      };
      for (let ms = 0; ms <= Math.max(secondMs, endsMs); ms++) {
        if (ms === secondMs) claims.push(cluster.hub(1).claim(claimOf("x", second, { proof })));
        if (ms === endsMs) end();
        await cluster.pass(1);
      }
      await cluster.during(Promise.all(claims));
      await cluster.pass(200);
      assertEquals(second.told(), ["admitted x"]);
      const thief = new FakeReceiver();
      await cluster.during(cluster.hub(0).claim(claimOf("x", thief)));
      assertEquals(thief.told(), ["refused claim: id_taken"]);
      cluster.hub(1).release(second.peer, second);
      await cluster.pass(200);
      await cluster.during(cluster.hub(0).claim(claimOf("x", thief)));
      assertEquals(thief.told(), ["admitted x"]);
    }
  });
}
