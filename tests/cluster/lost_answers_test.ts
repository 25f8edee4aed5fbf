import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";

// The answer to a message goes to its sender's node. One that is taken for dead meanwhile never reads
// it, because it begins anew with another inbox.

/** Longer than a lease, and than others take to reap the node. */
const AWAY_MS = 20_000;
const BACK_MS = 5_000;
/** From the moment of sending to one at which the answer has come. */
const MOMENTS = [0, 2, 4, 6, 8, 9, 10, 11, 12, 13, 14, 18];

interface Fault {
  readonly what: string;
  readonly begin: (node: MemoryNode) => void;
  readonly end: (node: MemoryNode) => void;
}

const FAULTS: readonly Fault[] = [
  { what: "stood still", begin: ({ clock }) => clock.stop(), end: ({ clock }) => clock.resume() },
  { what: "was cut off", begin: ({ link }) => link.cut(), end: ({ link }) => link.heal() },
];

for (const { what, begin, end } of FAULTS) {
  Deno.test(`a message gets its outcome although its sender's node ${what} for a while`, async () => {
    for (const [seed, afterMs] of MOMENTS.entries()) {
      await using cluster = await MemoryCluster.form({ seed, delayMs: 6, waitMs: 60_000 });
      const [from, to] = [await admit(cluster, 0, "from"), await admit(cluster, 1, "to")];
      let outcome: string | undefined;
      void cluster.hub(0).elsewhere.pass(from.peer, "to", 1).then((sent) => outcome = sent);
      await cluster.pass(afterMs);
      begin(cluster.at(0));
      await cluster.pass(AWAY_MS);
      end(cluster.at(0));
      await cluster.pass(BACK_MS);
      assertEquals([outcome, to.told()], ["sent", ["relay from: 1"]], `after ${afterMs} ms`);
    }
  });

  Deno.test(`a message comes back although its sender's node ${what} for a while`, async () => {
    for (const [seed, afterMs] of MOMENTS.entries()) {
      await using cluster = await MemoryCluster.form({ seed, delayMs: 6, waitMs: 60_000 });
      const [from, to] = [await admit(cluster, 0, "from"), await admit(cluster, 1, "to")];
      cluster.hub(0).send(from.peer, "to", 1);
      await cluster.pass(seed % 3);
      cluster.hub(1).release(to.peer, to);
      await cluster.pass(afterMs);
      begin(cluster.at(0));
      await cluster.pass(AWAY_MS);
      end(cluster.at(0));
      await cluster.pass(BACK_MS);
      const told = [...from.told(), ...to.told()];
      const isKnown = told[0] === "undelivered to" || told[0] === "relay from: 1";
      assertEquals([isKnown, told.length], [true, 1], `after ${afterMs} ms: ${told}`);
      assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
    }
  });
}
