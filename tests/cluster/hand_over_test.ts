import { assertEquals } from "@std/assert";
import { fleetOf } from "../../src/server/cluster.ts";
import { HandOvers, handOverTo } from "../../src/server/hand_over.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// Items that a node holds at its planned end are with one node afterwards, whatever happens on the way.

const SEEDS = [1, 2];
/** The moments of a hand-over at which something happens, in ms. */
const MOMENTS = Array.from({ length: 25 }, (_, n) => 2 * n);
const ITEMS = ["a", "b"];

/** Something that happens while items are handed over; returns what follows the end of their node. */
type Disturb = (cluster: MemoryCluster) => Promise<() => void>;

interface Outcome {
  /** The items that the node keeps, and those that others have adopted. */
  readonly items: readonly unknown[];
  /** A node had claimed them when it died. */
  readonly isWithDead: boolean;
}

/** Ends the first node. */
async function handOver(seed: number, momentMs: number, disturb: Disturb): Promise<Outcome> {
  await using cluster = await MemoryCluster.form({ nodes: 3, seed, delayMs: 4 });
  const fleets = cluster.nodes.map(({ node }) => fleetOf({ cluster: { prefix: "test", node } }));
  const adopted = fleets.map((fleet, at): unknown[] => {
    const items: unknown[] = [];
    const dialect = { adopt: (more: readonly unknown[]) => void items.push(...more) };
    const heirs = [{ name: "peerjs", dialect }];
    if (fleet !== undefined) new HandOvers(heirs, fleet, cluster.at(at).clock, () => false);
    return items;
  });
  const { clock, node } = cluster.at(0);
  const left = handOverTo(fleets[0], { clock, log: { write: () => {} } })?.("peerjs", ITEMS);
  await cluster.pass(momentMs);
  const heal = await disturb(cluster);
  const kept = await cluster.during(left);
  const claims = [cluster.engine.execute(["HGETALL", "test:1:ids:@offers"])].flat().map(String);
  const dead = cluster.nodes.filter(({ link }) => !link.isWhole).map(({ node }) => node.address);
  await cluster.during(node.stop());
  heal();
  // Longer than offers wait, and than a dead node takes to be noticed.
  await cluster.pass(12_000);
  const isWithDead = dead.some((node) => claims.some((claim) => claim.startsWith(`${node}.`)));
  return { items: [...kept ?? [], ...adopted.flat()].toSorted(), isWithDead };
}

/** Cuts a node that may take the items off the engine. */
function cut(at: number): Disturb {
  return ({ nodes }) => {
    nodes[at]?.link.cut();
    return Promise.resolve(() => {});
  };
}

function restart(keeps: boolean): Disturb {
  return async (cluster) => {
    cluster.engine.kill();
    await cluster.pass(300);
    cluster.engine.start({ keeps });
    return () => {};
  };
}

const DISTURBANCES: readonly (readonly [string, Disturb])[] = [
  ["the second node is out of reach for good", cut(1)],
  ["the third node is out of reach for good", cut(2)],
  ["the second node is out of reach for a while", async (cluster) => {
    await cut(1)(cluster);
    return () => cluster.at(1).link.heal();
  }],
  ["the engine starts again with its data", restart(true)],
  ["the engine starts again empty", restart(false)],
];

for (const [what, disturb] of DISTURBANCES) {
  for (const seed of SEEDS) {
    Deno.test(`each held item is with one node after a planned end while ${what}, seed ${seed}`, async () => {
      for (const momentMs of MOMENTS) {
        const { items, isWithDead } = await handOver(seed, momentMs, disturb);
        if (items.length > 0 || !isWithDead) assertEquals(items, ITEMS, `${momentMs} ms`);
      }
    });
  }
}
