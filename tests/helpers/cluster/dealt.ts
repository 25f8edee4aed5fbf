import type { Abroad } from "../../../src/core/calls/abroad.ts";
import type { Happenings } from "../../../src/core/happenings.ts";
import { Hub } from "../../../src/core/hub.ts";
import type { HubLimits } from "../../../src/core/limits.ts";
import { SharedHub } from "../../../src/core/nodes/shared_hub.ts";
import { MemoryCluster } from "./memory_cluster.ts";

/** Clusters of benches that are at work, each of which has to be quiet before a test goes on. */
const clusters = new Set<MemoryCluster>();

/** Hubs over an engine in this process, two by default; clients are dealt to all. */
export interface Dealt extends Disposable {
  readonly hubs: readonly SharedHub[];
  /** Both hubs for tests that ask one hub. */
  readonly asOne: Hub;
  /** The names of the records of peers that know each other outside of rooms. */
  pairs(): string[];
}

/**
 * @param abroad makes each hub's way between dialects
 * @param nodes how many hubs there are
 */
export function dealHubs(
  limits: HubLimits,
  happenings?: Happenings,
  abroad: () => Abroad = () => ({}),
  nodes = 2,
): Dealt {
  const cluster = MemoryCluster.begin({
    nodes,
    hubOf: (node) => new SharedHub(limits, node, abroad(), happenings),
  });
  clusters.add(cluster);
  const hubs = cluster.nodes.map(({ hub }) => hub);
  return {
    hubs,
    asOne: asOne(hubs),
    pairs: () => [...cluster.engine.data.keys().filter((key) => key.includes(":pairs:"))],
    [Symbol.dispose]: () => void clusters.delete(cluster),
  };
}

/** Lets everything come to pass that clients have asked for. */
export async function settleClusters(): Promise<void> {
  for (const cluster of clusters) await cluster.quiet();
}

/** Forgets the clusters of benches that nobody has disposed of. */
export function forgetClusters(): void {
  clusters.clear();
}

function asOne(hubs: readonly SharedHub[]): Hub {
  const [first] = hubs;
  if (first === undefined) throw new RangeError("Cannot show no hubs as one");
  const overrides = {
    get peerCount(): number {
      return hubs.reduce((sum, hub) => sum + hub.peerCount, 0);
    },
    get roomCount(): number {
      const rooms = hubs.flatMap(({ overview }) => [...overview.rooms()]);
      return new Set(rooms.map(({ realm, id }) => JSON.stringify([realm, id]))).size;
    },
    find: (...key: Parameters<Hub["find"]>) => {
      const known = hubs.flatMap((hub) => hub.find(...key) ?? []);
      return known.find(({ receiver }) => receiver.isElsewhere !== true);
    },
    peers: (realm: string) =>
      hubs.flatMap((hub) => [...hub.peers(realm)]).filter(({ receiver }) =>
        receiver.isElsewhere !== true
      ),
    has: (...key: Parameters<Hub["has"]>) => hubs.some((hub) => hub.has(...key)),
    rooms: (realm: string) => {
      const reports = hubs.flatMap((hub) => hub.rooms(realm));
      return [...new Map(reports.map((report) => [report.id, report])).values()];
    },
    directory: (realm: string) => [...new Set(hubs.flatMap((hub) => hub.directory(realm)))],
  };
  return new Proxy<Hub>(first, {
    get(hub, name): unknown {
      const owner = name in overrides ? overrides : hub;
      const value: unknown = Reflect.get(owner, name, owner);
      return typeof value === "function" ? value.bind(owner) : value;
    },
  });
}
