import * as z from "zod";
import { KIB, MIB, whole } from "../dialects/kit/options.ts";

const group = "Cluster";
const rare = { group, isRare: true } as const;
const file = z.string().min(1).optional();

const ISOLATION = { error: "expected a whole number of at least 1000" };

/** Options of a server of several nodes. */
export const clusterOptions = {
  cluster: z.string().min(1).optional().meta({
    description: "URL of the Redis or Valkey that all nodes share, such as redis://10.0.0.5",
    secret: true,
    group,
  }),
  clusterPassword: z.string().min(1).optional().meta({
    description: "Password for it, where the URL has none",
    secret: true,
    ...rare,
  }),
  clusterSentinelPassword: z.string().min(1).optional().meta({
    description: "Password of the Sentinels, where --cluster names some",
    secret: true,
    ...rare,
  }),
  clusterSecret: z.string().min(32, "expected at least 32 characters").optional().meta({
    description:
      "Secret of all nodes, 32 characters or more, that seals secrets and moved peers in the engine",
    secret: true,
    ...rare,
  }),
  clusterPrefix: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "expected 1 to 64 of A-Z a-z 0-9 . _ -")
    .default("signalbox").meta({
      description: "Name of the cluster; clusters of different names can share one Redis",
      ...rare,
    }),
  clusterNode: z.string().regex(/^[a-z0-9-]{1,32}$/, "expected 1 to 32 of a-z 0-9 -").optional()
    .meta({ description: "Name of this node, by which load balancers know it", ...rare }),
  clusterLeaseMs: whole(6_000, "Time after which a silent node counts as dead, in ms", {
    min: 3_000,
    max: 60_000,
    ...rare,
  }),
  clusterWaitMs: whole(5_000, "Time that a client's step waits for other nodes, in ms", rare),
  clusterLoss: z.enum(["refuse", "accept"]).default("refuse").meta({
    description: "Requests for ids while the other nodes are out of reach; accept gives them out",
    ...rare,
  }),
  clusterMaxIsolationMs: z.int(ISOLATION).min(1_000, ISOLATION).optional().meta({
    description: "Time without the other nodes after which all clients are sent away, in ms",
    ...rare,
  }),
  clusterMaxUnconfirmedBytes: whole(
    16 * MIB,
    "Bytes kept for other nodes until they confirm them",
    { min: MIB, ...rare },
  ),
  clusterMaxUnconfirmedBytesPerSender: whole(
    4 * MIB,
    "The same of one client, beyond a first message",
    { min: 1_024, ...rare },
  ),
  clusterMaxWaitingSteps: whole(10_000, "Clients' steps that wait for other nodes", rare),
  clusterMaxWaitingNews: whole(10_000, "News of one node that wait for other nodes", rare),
  // A client's largest message, and the words around it.
  clusterMaxItemBytes: whole(
    MIB + 256 * KIB,
    "Largest message of a client, question or answer between nodes, in bytes",
    { min: 64 * KIB, max: 16 * MIB, ...rare },
  ),
  clusterMaxBatchSteps: whole(256, "Steps in one call to the engine", { max: 1_000, ...rare }),
  clusterMaxBatchBytes: whole(
    512 * KIB,
    "Bytes of one call to the engine, beyond a first step",
    { min: 1_024, max: 16 * MIB, ...rare },
  ),
  clusterMaxQuestions: whole(1_000, "Questions to other nodes that wait for an answer", rare),
  clusterMaxInboxItems: whole(50_000, "Items that wait in the engine for one node", rare),
  clusterMaxNodes: whole(64, "Nodes of the cluster", rare),
  clusterCa: file.meta({ description: "PEM file with the CA of the engine, for rediss", ...rare }),
  clusterCert: file.meta({ description: "PEM file with this node's certificate", ...rare }),
  clusterKey: file.meta({ description: "PEM file with its private key", ...rare }),
  clusterTlsName: z.string().min(1).optional().meta({
    description: "Name that the engine's certificate has to bear, by default the URL's host",
    ...rare,
  }),
} as const;
