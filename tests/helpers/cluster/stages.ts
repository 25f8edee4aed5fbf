import type { ReportCluster } from "../../../src/cluster/events.ts";
import { ClusterNode } from "../../../src/cluster/node.ts";
import { sealOf } from "../../../src/cluster/seal.ts";
import { readPlace } from "../../../src/cluster/engine/address.ts";
import { RedisEngine } from "../../../src/cluster/engine/redis.ts";
import { Hub } from "../../../src/core/hub.ts";
import type { HubLimits } from "../../../src/core/limits.ts";
import { SharedHub } from "../../../src/core/nodes/shared_hub.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { FakeClock } from "../session/fake_clock.ts";
import { settle } from "../session/hub.ts";
import type { FakeReceiver } from "../session/receiver.ts";
import { until } from "../wire/waiting.ts";
import { NODE_LIMITS } from "./limits.ts";
import { MemoryCluster } from "./memory_cluster.ts";
import { type RedisServer, startRedis } from "./redis_server.ts";

/** Two hubs whose peers meet, or one that stands for both. */
export interface Stage extends AsyncDisposable {
  readonly hubs: readonly [Hub, Hub];
  /** The clock of the hubs' dialects. */
  readonly clock: FakeClock;
  /** Waits until a step is done. */
  during(step: void | Promise<void>): Promise<void>;
  /** Waits for a condition that other nodes bring about. */
  until(what: string, condition: () => boolean): Promise<void>;
}

export type OpenStage = (limits?: Partial<HubLimits>) => Promise<Stage>;

const NO_LIMITS: HubLimits = {
  maxPeers: Infinity,
  maxRooms: Infinity,
  maxRoomMembers: Infinity,
  maxRoomInfoBytes: Infinity,
};

/** One hub alone, at which everything is carried out at once. */
export const alone: OpenStage = (limits) => {
  const hub = new Hub({ ...NO_LIMITS, ...limits });
  return Promise.resolve({
    hubs: [hub, hub],
    clock: new FakeClock(),
    during: async (step) => await step,
    async until(what, condition): Promise<void> {
      await settle();
      if (!condition()) throw new Error(`It was not carried out at once: ${what}`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
};

/** Two nodes over an engine in this process. */
export function inMemory(seed: number): OpenStage {
  return async (limits = {}) => stageOver(await MemoryCluster.form({ seed, delayMs: 4, limits }));
}

/** The first two nodes of a cluster. */
export function stageOver(cluster: MemoryCluster): Stage {
  return {
    hubs: [cluster.hub(0), cluster.hub(1)],
    clock: cluster.clock,
    during: (step) => cluster.during(step),
    async until(what, condition): Promise<void> {
      for (let ms = 0; ms < 30_000 && !condition(); ms++) await cluster.pass(1);
      if (!condition()) throw new Error(`Waited in vain for ${what}, seed ${cluster.seed}`);
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Two nodes over a real engine. */
export const overRedis: OpenStage = async (limits) => {
  const server = await startRedis();
  const nodes = [nodeAt(server, "a"), nodeAt(server, "b")] as const;
  const hubs = [
    new SharedHub({ ...NO_LIMITS, ...limits }, nodes[0]),
    new SharedHub({ ...NO_LIMITS, ...limits }, nodes[1]),
  ] as const;
  return {
    hubs,
    clock: new FakeClock(),
    during: async (step) => await step,
    until,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(nodes.map((node) => node.stop()));
      await server[Symbol.asyncDispose]();
    },
  };
};

/** A node of this process over a real engine. */
export function nodeAt(
  server: RedisServer,
  name: string,
  report: ReportCluster = () => {},
): ClusterNode {
  return new ClusterNode({
    engine: new RedisEngine({ place: readPlace(server.url), name, clock: systemClock }),
    clock: systemClock,
    prefix: "test:1:",
    name,
    process: `${name}${crypto.randomUUID().slice(0, 8)}`,
    incarnation: "",
    // A loaded machine may be slow to renew it.
    leaseMs: 30_000,
    settings: "same",
    seal: sealOf(undefined),
    report,
    waitMs: 120_000,
    ...NODE_LIMITS,
  });
}

/** The events of a receiver, once there are this many. */
export async function heard(
  stage: Stage,
  receiver: FakeReceiver,
  count: number,
): Promise<string[]> {
  await stage.until(`${count} events`, () => receiver.events.length >= count);
  return receiver.told();
}
