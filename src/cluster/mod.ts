import type { Backplane } from "../core/nodes/backplane.ts";
import type { Clock } from "../core/clock.ts";
import type { SharedStore } from "../core/kept.ts";
import type { ReportCluster } from "./events.ts";
import { ClusterNode } from "./node.ts";
import type { NodeLimits } from "./limits.ts";
import { acceptLoss } from "./loss.ts";
import { newProcessName } from "./names.ts";
import { readPlace } from "./engine/address.ts";
import { type Passwords, RedisEngine, type Tls } from "./engine/redis.ts";
import { digestSettings } from "./settings.ts";
import { sealOf } from "./seal.ts";
import { join, startError, withdraw } from "./start.ts";

export type { EngineTrouble } from "./engine/engine.ts";
export type { ClusterEvent } from "./events.ts";
export type { ClusterNode } from "./node.ts";
export { ClusterError } from "./start.ts";

export interface ClusterOptions extends NodeLimits {
  readonly clock: Clock;
  readonly url: string;
  /** For the engine and for the Sentinels, where the URL names some; read at every connection. */
  readonly passwords: () => Passwords;
  /** The cluster's name. */
  readonly prefix: string;
  /** This node's name. */
  readonly node: string;
  readonly leaseMs: number;
  readonly waitMs: number;
  /** Whether ids are given out while the engine is away. */
  readonly acceptsLoss: boolean;
  /** Nodes of the cluster, this one included. */
  readonly maxNodes: number;
  /** Settings that have to be equal on all nodes, by the name of their option. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** Seals secrets in the engine; they are there in clear without one. */
  readonly secret: string | undefined;
  /** The records that this node shares with the others. */
  readonly store: SharedStore;
  readonly tls: () => Tls;
  readonly report: ReportCluster;
  readonly warn: (text: string) => void;
}

/** A cluster that this process belongs to. */
export interface Cluster {
  readonly node: ClusterNode;
  /** The way of a hub to the other nodes. */
  readonly backplane: Backplane;
  readonly prefix: string;
  /** Where the engine is, without a password. */
  readonly place: string;
  /** Nodes at the start of this one, which is counted. */
  readonly nodes: number;
  /** Leaves at once: this process does not start after all. Others would count it until its lease ends. */
  withdraw(): Promise<void>;
}

/** Format of everything under the prefix. */
const FORMAT = 1;

/**
 * Joins a cluster. Throws ClusterError where the engine cannot be used, and RangeError at a URL that
 * names none; both have messages for people.
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { url, passwords, prefix: cluster, node, tls, clock } = options;
  const { leaseMs, warn, settings: equal } = options;
  const { engine: password, sentinels } = passwords();
  readPlace(url, password); // Throws if there are two passwords.
  const place = readPlace(url);
  if (sentinels !== undefined && !("sentinels" in place.at)) {
    throw new RangeError("--cluster-sentinel-password needs the address of Sentinels");
  }
  const engine = new RedisEngine({ place, name: node, passwords, tls, clock });
  const prefix = `{${cluster}}:${FORMAT}:`;
  const settings = digestSettings(options.secret ?? cluster, equal);
  const who = {
    engine,
    clock,
    prefix,
    name: node,
    process: newProcessName(),
    leaseMs,
    settings,
  };
  const joined = await join({ ...who, cluster, warn, maxNodes: options.maxNodes });
  const { incarnation, nodes } = joined;
  const own = new ClusterNode({ ...options, ...who, incarnation, seal: sealOf(options.secret) });
  const leave = async (): Promise<void> => {
    await own.stop();
    await withdraw(who, joined);
  };
  try {
    // Before anybody is admitted here, who may be banned.
    await own.records.open(options.store);
  } catch (error) {
    await leave();
    throw startError(engine, error);
  }
  const backplane = options.acceptsLoss ? acceptLoss(own, clock) : own;
  const words = { prefix: cluster, place: engine.place, nodes };
  return { node: own, backplane, ...words, withdraw: leave };
}
