import type { Fleet } from "../admin/fleet.ts";
import type { Cluster, EngineTrouble } from "../cluster/mod.ts";
import { ConfigError } from "../config/load.ts";
import { OPTIONS, valueAt } from "../config/option_list.ts";
import type { Config } from "../config/schema.ts";
import type { Abroad } from "../core/calls/abroad.ts";
import type { Clock } from "../core/clock.ts";
import type { Happenings } from "../core/happenings.ts";
import { Hub } from "../core/hub.ts";
import { SharedHub } from "../core/nodes/shared_hub.ts";
import { ClusterJournal } from "../observe/cluster_journal.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Store } from "../store/mod.ts";
import { readText } from "../system/files.ts";
import type { Connections } from "../transport/connections.ts";
import { messageOf } from "../system/errors.ts";

/** This process as a node, and what has become of it so far. */
export interface Clustered {
  readonly cluster: Cluster;
  readonly journal: ClusterJournal;
}

type NodeHealth = Pick<Cluster["node"], "isUp" | "sinceMs" | "trouble">;

/** Length of the end of a name that is made up. */
const RANDOM_DIGITS = 6;
/** How long the engine may be away before the node is not ready. */
const AWAY_MS = 5_000;

/**
 * Joins the cluster that `--cluster` names; undefined without one. Throws ConfigError and, where the
 * engine cannot be used, ClusterError.
 */
export async function joinCluster(
  config: Config,
  { log, clock, store }: {
    readonly log: Log;
    readonly clock: Clock;
    readonly store: Pick<Store, "shareAs">;
  },
): Promise<Clustered | undefined> {
  const { cluster: url } = config;
  if (url === undefined) return undefined;
  checkOptions(config);
  // Only here: without a cluster no client library is loaded.
  const { openCluster } = await import("../cluster/mod.ts");
  const journal = new ClusterJournal(log, clock.now);
  const node = config.clusterNode ?? `n-${crypto.randomUUID().slice(0, RANDOM_DIGITS)}`;
  log.bear?.({ instance: node });
  // An unreadable file is no trouble that passes.
  readTls(config);
  try {
    const cluster = await openCluster({
      clock,
      url,
      passwords: () => ({
        engine: config.clusterPassword,
        sentinels: config.clusterSentinelPassword,
      }),
      prefix: config.clusterPrefix,
      node,
      leaseMs: config.clusterLeaseMs,
      waitMs: config.clusterWaitMs,
      acceptsLoss: config.clusterLoss === "accept",
      maxWaiting: config.clusterMaxWaitingSteps,
      maxNews: config.clusterMaxWaitingNews,
      maxUnconfirmedBytes: config.clusterMaxUnconfirmedBytes,
      maxUnconfirmedBytesPerSender: config.clusterMaxUnconfirmedBytesPerSender,
      maxItemBytes: config.clusterMaxItemBytes,
      maxBatchSteps: config.clusterMaxBatchSteps,
      maxBatchBytes: config.clusterMaxBatchBytes,
      maxQuestions: config.clusterMaxQuestions,
      maxInboxItems: config.clusterMaxInboxItems,
      maxNodes: config.clusterMaxNodes,
      settings: sharedSettings(config),
      secret: config.clusterSecret,
      store: store.shareAs(node),
      tls: () => readTls(config),
      report: journal.tell,
      warn: (text) => log.write("warning", text),
    });
    return { cluster, journal };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError([`Invalid --cluster: ${error.message}`]);
  }
}

/** The hub of one node, or of a node among several. */
export function hubOf(
  config: Config,
  clustered: Clustered | undefined,
  { metrics, abroad, happenings }: {
    readonly metrics: Metrics;
    readonly abroad: Abroad | undefined;
    readonly happenings: Happenings;
  },
): Hub {
  if (clustered === undefined) return new Hub(config.limits, abroad, happenings);
  const { cluster: { node, backplane }, journal } = clustered;
  journal.announce(metrics, node);
  return new SharedHub(config.limits, backplane, abroad, happenings);
}

/** How often a node looks whether it has been alone for too long. */
const LOOK_MS = 500;

/**
 * Closes all connections as going away while the engine has been away for longer than
 * `--cluster-max-isolation-ms`, so that clients find another node.
 */
export function watchIsolation(
  { clusterMaxIsolationMs }: Config,
  clustered: Clustered | undefined,
  { clock, connections, log }: {
    readonly clock: Clock;
    readonly connections: Pick<Connections, "drain" | "size">;
    readonly log: Log;
  },
): Disposable {
  const node = clustered?.cluster.node;
  if (node === undefined || clusterMaxIsolationMs === undefined) return new DisposableStack();
  return clock.every(LOOK_MS, () => {
    if (node.isUp || node.sinceMs < clusterMaxIsolationMs || connections.size === 0) return;
    log.write("warning", "clients sent away: the cluster is out of reach", {
      connections: connections.size,
    });
    void connections.drain(0);
  });
}

/** The other nodes, as this one reaches them. */
export function fleetOf(
  clustered: { readonly cluster: Pick<Cluster, "prefix" | "node"> } | undefined,
): Fleet | undefined {
  if (clustered === undefined) return undefined;
  const { prefix, node } = clustered.cluster;
  return {
    cluster: prefix,
    node: node.node,
    address: node.address,
    isUp: () => node.isUp,
    nodes: () => node.nodes,
    meetAll: () => node.questions.meetAll(),
    ask: (...question) => node.questions.ask(...question),
    answer: (topic, answerer) => node.questions.answer(topic, answerer),
    take: (offer, maker) => node.offers.take(offer, maker),
  };
}

const TROUBLES: Readonly<Partial<Record<EngineTrouble, string>>> = {
  loading: "starting",
  memory: "out of memory",
  replica: "read only",
  unwritable: "read only",
};

/**
 * Why this node is not ready, in a few words. Undefined if it is, if it is alone, or if it serves
 * newcomers without the other nodes.
 */
export function clusterTrouble(
  { clusterLoss }: Pick<Config, "clusterLoss">,
  clustered: { readonly cluster: { readonly node: NodeHealth } } | undefined,
): string | undefined {
  const node = clustered?.cluster.node;
  if (node === undefined || node.isUp || node.sinceMs < AWAY_MS) return undefined;
  if (clusterLoss === "accept") return undefined;
  const { trouble = "other", message = "" } = node.trouble ?? {};
  const words = trouble === "type" ? message : TROUBLES[trouble];
  return `the cluster: ${words ?? `not reached for ${Math.round(node.sinceMs / 1_000)} s`}`;
}

/** Gives up what this node holds, as far as the engine answers in time. */
export async function leaveCluster(clustered: Clustered | undefined): Promise<void> {
  await clustered?.cluster.node.stop();
}

/** The sentence for people at the start. */
export function clusterWords({ cluster: { prefix, place, node, nodes } }: Clustered): string {
  const count = nodes === 1 ? "1 node" : `${nodes} nodes`;
  return `Cluster "${prefix}" at ${place} as node ${node.node}, ${count}`;
}

/** Throws ConfigError where files are named for a connection that has no use for them, or limits clash. */
function checkOptions(config: Config): void {
  const flags = tlsFlagsOf(config);
  const isTls = /^(rediss|valkeys)\b/.test(config.cluster ?? "");
  const objections = flags.length === 0 || isTls
    ? []
    : [`Cannot use ${flags.join(", ")} without rediss:// in --cluster`];
  objections.push(...limitObjections(config));
  if (objections.length > 0) throw new ConfigError(objections);
}

/** Refuses a limit of all bytes that is lower than the limit of a part of them. */
function limitObjections(config: Config): string[] {
  const most = config.clusterMaxUnconfirmedBytes;
  const parts = {
    "--cluster-max-unconfirmed-bytes-per-sender": config.clusterMaxUnconfirmedBytesPerSender,
    "--cluster-max-item-bytes": config.clusterMaxItemBytes,
  };
  return Object.entries(parts).filter(([, bytes]) => bytes > most).map(([flag, bytes]) =>
    `Cannot use --cluster-max-unconfirmed-bytes ${most} below ${flag} ${bytes}`
  );
}

function tlsFlagsOf({ clusterCa, clusterCert, clusterKey, clusterTlsName }: Config): string[] {
  const given = {
    "--cluster-ca": clusterCa,
    "--cluster-cert": clusterCert,
    "--cluster-key": clusterKey,
    "--cluster-tls-name": clusterTlsName,
  };
  return Object.entries(given).flatMap(([flag, value]) => value === undefined ? [] : [flag]);
}

/** The parts of the system that this process needs for each connection to the engine. */
export function clusterBelongings(config: Config): {
  readonly readsFiles: boolean;
  readonly usesSocket: boolean;
} {
  const usesSocket = /^(redis|valkey)\+unix:/.test(config.cluster ?? "");
  return { readsFiles: tlsFlagsOf(config).length > 0, usesSocket };
}

/** Options whose values clients would notice the difference of; the secret behind the digests first. */
const EQUAL = [
  "cluster-secret",
  "dialects",
  "bridge",
  "bridge-lobby",
  "peerjs-key",
  "peerjs-id-secret",
  "peerjs-server-ids-only",
  "simple-secret",
  "simple-trust-ids",
  "ssp-private",
  "auth-mode",
  "auth-dialects",
  "auth-jwt-audience",
  "auth-jwt-issuer",
  "auth-jwt-claim",
  "auth-webhook-url",
];
/** Sources of tokens: all nodes have them or none has. Their values change by turns at a rotation. */
const GIVEN = ["auth-tokens", "auth-jwt-secret", "auth-jwt-key", "auth-jwks", "ssp-tokens"]
  .concat("simple-tokens", "peerjs-reserve-ids");

/** The settings that have to be the same on all nodes, by their option. */
function sharedSettings(config: Config): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  for (const flag of [...EQUAL, ...GIVEN]) {
    const path = OPTIONS.find((option) => option.flag === flag)?.path;
    if (path === undefined) {
      throw new RangeError(`Cannot compare --${flag}: there is no such option`);
    }
    const value = valueAt(config, path);
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    const sorted = Array.isArray(value) ? [...value].sort() : value;
    settings.set(flag, GIVEN.includes(flag) ? isGiven : sorted);
  }
  return settings;
}

function readTls(
  { clusterCa, clusterCert, clusterKey, clusterTlsName }: Config,
): { ca?: string; cert?: string; key?: string; servername?: string } {
  try {
    return {
      ...(clusterCa === undefined ? {} : { ca: readText(clusterCa) }),
      ...(clusterCert === undefined ? {} : { cert: readText(clusterCert) }),
      ...(clusterKey === undefined ? {} : { key: readText(clusterKey) }),
      ...(clusterTlsName === undefined ? {} : { servername: clusterTlsName }),
    };
  } catch (error) {
    throw new ConfigError([messageOf(error)]);
  }
}
