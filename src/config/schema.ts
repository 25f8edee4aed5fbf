import * as z from "zod";
import { DIALECTS } from "../dialects/mod.ts";
import { auth } from "./auth.ts";
import { limit, toggle, whole } from "../dialects/kit/options.ts";

const path = z.string().regex(/^\/[^*?#\s]*$/, "expected a path");
const file = z.string().min(1);
const origin = z.string().refine(isOrigin, "expected an origin such as https://app.example.org");

const log = z.strictObject({
  level: z.enum(["debug", "info", "warning", "error"]).default("info").meta({
    description: "Least serious kind of event that is logged",
  }),
  format: z.enum(["text", "json"]).default("text").meta({
    description: "Log lines for people or for programs",
  }),
  linesPerSecond: limit(10, "Lines per second that clients can cause in the log"),
});

const limits = z.strictObject({
  maxConnections: limit(50_000, "Connections in all (fewer where the system allows fewer files)"),
  maxConnectionsPerAddress: limit(
    2_000,
    "Connections from one address; of IPv6 the first 64 bits count",
  ),
  connectionsPerSecond: limit(
    100,
    "New connections from one address per second, and Socket.IO namespaces entered again",
  ),
  connectionBurst: limit(500, "New connections from one address at once on top of that"),
  maxRefusals: whole(
    200,
    "Refusals that an operator is shown; of one address a tenth, of IPv6 of the first 64 bits",
    { max: 10_000 },
  ),
  maxPeers: limit(200_000, "Ids in all"),
  maxRooms: limit(100_000, "Rooms in all"),
  maxRoomMembers: limit(256, "Members of one room"),
  // Each newcomer is told all of it.
  maxRoomInfoBytes: limit(4_194_304, "Bytes of descriptions of all members of one room", {
    min: 1024,
  }),
  maxQueuedBytes: limit(268_435_456, "Bytes that may wait for slow readers in all", { min: 1024 }),
  maxQueuedBytesPerAddress: limit(
    67_108_864,
    "Bytes that may wait for slow readers of one address; of IPv6 the first 64 bits count",
    { min: 1024 },
  ),
  maxReservations: limit(500_000, "Ids that are kept for their tokens, in all"),
  reservationsPerHour: limit(
    200,
    "New ids of one address that are kept for their tokens, per hour; of IPv6 the first 64 bits count",
  ),
  reservationBurst: limit(1_000, "New ids of one address that are kept at once on top of that"),
  maxStoredRooms: limit(10_000, "Rooms and descriptions that operators may have kept"),
  maxStoredRoomBytes: limit(67_108_864, "Bytes of these in all", { min: 1024 }),
  maxBans: limit(10_000, "Bans in all"),
  maxOperatorLog: limit(10_000, "Actions of operators that are kept, for 30 days"),
  maxSealedBytes: limit(67_108_864, "Bytes of one protocol that survive a planned restart", {
    min: 1024,
  }),
  maxWaitingWrites: limit(10_000, "Records that may wait for a store that cannot be written", {
    min: 500,
  }),
});

const socketIo = z.strictObject({
  pingIntervalMs: whole(25_000, "Time between two pings of a Socket.IO connection, in ms", {
    min: 1_000,
  }),
  pingTimeoutMs: whole(20_000, "Time in which a Socket.IO client has to answer or to poll, in ms", {
    min: 1_000,
  }),
  maxPayloadBytes: whole(
    1_000_000,
    "Largest websocket message, body of a POST, and event with attachments, in bytes",
    {
      min: 1_024,
      max: 16 * 1024 * 1024,
    },
  ),
  maxPayloadPackets: whole(1_000, "Packets in one POST"),
  maxAttachments: whole(10, "Binary attachments of one event", { max: 1_000 }),
  bodyTimeoutMs: whole(20_000, "Time in which a POST has to be complete, in ms"),
  upgradeTimeoutMs: whole(10_000, "Time to change from polling to a websocket, in ms"),
  connectTimeoutMs: whole(45_000, "Time that a connection may be in no namespace, in ms"),
  // More than a room's descriptions, which come in one message.
  maxQueuedBytes: limit(8_388_608, "Bytes that may wait for one Socket.IO client", { min: 1_024 }),
  stallTimeoutMs: whole(15_000, "Time after which a client that reads nothing is dropped, in ms"),
  maxSessions: limit(50_000, "Socket.IO connections in all"),
  maxNamespaces: whole(8, "Namespaces of one connection"),
  controlPacketsPerSecond: limit(20, "Packets other than events that a client may send per second"),
  controlPacketBurst: whole(100, "Such packets that a client may send at once on top of that"),
});

const dialects: Record<string, z.ZodType> = {};
for (const { name, options } of DIALECTS) dialects[name] = options.prefault({});

/** Every option: default, bounds and help. Nothing else in the program knows any of them. */
export const ConfigSchema = z.strictObject({
  listen: z.array(
    z.string().regex(/^https?:\/\/[^/?#\s]+\/?$/, "expected a URL such as http://[::]:8080"),
  ).default([]).meta({
    description: "URL to listen at, http or https; may be given several times",
  }),
  port: z.int().min(0).max(65_535).default(8080).meta({
    description: "Port to listen at, where --listen is not given",
    flags: ["port", "p"],
    env: ["PORT"],
  }),
  host: z.string().default("::").transform((host) => host === "" ? "::" : host).meta({
    description: "Address to listen at, where --listen is not given (:: is IPv4 and IPv6)",
    flags: ["host", "H", "addr"],
    mayBeEmpty: true,
  }),
  tlsCert: file.optional().meta({
    description: "Certificate chain for https, a PEM file",
    flags: ["sslcert"],
  }),
  tlsKey: file.optional().meta({
    description: "Private key for https, a PEM file",
    flags: ["sslkey"],
  }),
  certPath: file.optional().meta({
    description: "Folder with cert.pem and key.pem (in a letsencrypt folder: fullchain, privkey)",
  }),
  disableSsl: toggle("Listen at --port without TLS although a certificate is given"),
  restartOnCertChange: toggle("Take up a changed certificate: close all connections, listen anew"),
  trustProxy: z.array(z.string().min(1)).default([]).meta({
    description: "Address or network (CIDR) of a proxy whose X-Forwarded-For counts",
  }),
  basePath: z.string().regex(/^\/[^*?#\s%]*$/, "expected a path such as /signal/").default("/")
    .transform(toMount).meta({
      description: "Path before all others, Socket.IO's, health and metrics included",
    }),
  allowedOrigins: z.array(origin).default([]).meta({
    description: "Origin whose pages may use the server; without any, all may",
  }),
  corsOrigins: z.array(origin).default([]).meta({
    description: "Origin whose pages may read HTTP answers; without any, the allowed ones",
    flags: ["cors"],
  }),
  health: z.union([path, z.literal("")], "expected a path, or nothing").default("/health").meta({
    description: "Path that answers OK; none where it is empty",
    mayBeEmpty: true,
  }),
  metrics: path.optional().meta({ description: "Path of metrics for Prometheus; none by default" }),
  keepaliveTimeoutSeconds: whole(
    14,
    "Silence after which a client is pinged, in s; after twice as long it is gone",
    { max: 3_600, flags: ["keepalive-timeout"] },
  ),
  drainMs: whole(0, "Time over which connections are closed at the end, in ms", {
    min: 0,
    max: 3_000,
  }),
  store: z.string().refine(
    isStore,
    "expected memory, kv:, kv:FOLDER or kv: and the URL of a remote Deno KV, without a user in it",
  ).default("memory").meta({
    description: "What is to survive a restart: memory is nothing; kv:FOLDER, a file in a folder",
  }),
  storeTimeoutMs: whole(2_000, "Time that the store may take for anything, in ms"),
  noSeal: toggle("Keep nothing of calls under way across a planned restart"),
  auth: auth.prefault({}),
  log: log.prefault({}),
  limits: limits.prefault({}),
  socketIo: socketIo.prefault({}),
  ...dialects as Record<never, z.ZodType>,
});

/** A checked configuration; each dialect's own part stands under its name. */
export type Config = z.infer<typeof ConfigSchema> & { readonly [dialect: string]: unknown };

/** A path that others are below: doubled slashes count as one, and it ends with one. */
function toMount(path: string): string {
  return `${path}/`.replace(/\/{2,}/g, "/");
}

/** Scheme, host and port, as browsers write them: anything else would never match. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isStore(text: string): boolean {
  const [, place] = /^kv:(.*)$/s.exec(text) ?? [];
  if (place === undefined) return text === "memory";
  // Only a drive of Windows has one letter and a colon; what else has them is no folder by intention.
  if (!/^(:|file:|[a-z][a-z0-9+.-]+:\/\/)/i.test(place)) return !/\0/.test(place);
  if (!/^https?:/i.test(place) || !URL.canParse(place)) return false;
  // They would be ignored, and a password shown: the token has a variable of its own.
  const { username, password } = new URL(place);
  return username === "" && password === "";
}
