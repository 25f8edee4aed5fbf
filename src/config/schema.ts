import * as z from "zod";
import { type DialectOptions, DIALECTS } from "../dialects/mod.ts";
import { admin } from "./admin.ts";
import { auth } from "./auth.ts";
import { bridgeOptions } from "./bridge.ts";
import { clusterOptions } from "./cluster.ts";
import { withFileTwins } from "./file_twins.ts";
import { iceOptions } from "./ice.ts";
import { limit, MIB, pathText, toggle, whole } from "../dialects/kit/options.ts";
import { originOption } from "./origins.ts";
import { webhookOptions } from "./webhooks.ts";

const file = z.string().min(1);

/** Headings of the help. */
const LISTENING = "Listening and TLS";
const ACCESS = "Access";
const OPERATION = "Operation";

const log = z.strictObject({
  level: z.enum(["debug", "info", "warning", "error"]).default("info").meta({
    description: "Least serious level that is logged",
  }),
  format: z.enum(["text", "json"]).default("text").meta({
    description: "Log format: text for people, json for programs",
  }),
  linesPerSecond: limit(10, "Log lines per second that clients may cause"),
});

const limits = z.strictObject({
  maxConnections: limit(
    50_000,
    "Connections in total; fewer if the system allows fewer open files",
  ),
  maxConnectionsPerAddress: limit(
    2_000,
    "Connections from one address; an IPv6 /64 counts as one address",
  ),
  connectionsPerSecond: limit(
    100,
    "New connections per second from one address, and Socket.IO namespaces entered again",
  ),
  connectionBurst: limit(500, "New connections that one address may open at once beyond that"),
  maxAddresses: limit(100_000, "Client addresses to remember, for the limits of each address"),
  maxRefusalConnections: limit(100, "Connections open at the same time only to be refused"),
  maxRefusals: whole(
    200,
    "Refusals in the operator's list; one address (an IPv6 /64) gets a tenth of them",
    { max: 10_000 },
  ),
  maxHintedAddresses: whole(
    10_000,
    "Addresses remembered so that each gets one hint a minute in the log",
    { max: 1_000_000 },
  ),
  maxPeers: limit(200_000, "Peers in total"),
  maxRooms: limit(100_000, "Rooms in total"),
  maxRoomMembers: limit(256, "Members of one room"),
  // Each newcomer receives all of it.
  maxRoomInfoBytes: limit(4 * MIB, "Bytes of all members' descriptions in one room", {
    min: 1024,
  }),
  maxQueuedBytes: limit(256 * MIB, "Bytes queued for all slow clients together", { min: 1024 }),
  maxQueuedBytesPerAddress: limit(
    64 * MIB,
    "Bytes queued for slow clients of one address; an IPv6 /64 counts as one address",
    { min: 1024 },
  ),
  maxReservations: limit(500_000, "Ids reserved for their tokens, in total"),
  reservationsPerHour: limit(
    200,
    "New ids per hour that one address may reserve; an IPv6 /64 counts as one address",
  ),
  reservationBurst: limit(1_000, "New ids that one address may reserve at once beyond that"),
  maxStoredRooms: limit(10_000, "Stored rooms and descriptions of the operator"),
  maxStoredRoomBytes: limit(64 * MIB, "Bytes of these in total", { min: 1024 }),
  maxBans: limit(10_000, "Bans in total"),
  maxOperatorLog: limit(10_000, "Operator actions that are logged in the store, for 30 days"),
  maxSealedBytes: limit(64 * MIB, "Bytes of one protocol that survive a planned restart", {
    min: 1024,
  }),
  maxWaitingWrites: limit(10_000, "Records that may wait while the store cannot be written", {
    min: 500,
  }),
});

const transport = z.strictObject({
  kind: z.enum(["serve", "strict"]).default("serve").meta({
    description: "Deno's own server, or sockets on which everything below is bounded",
    flags: ["transport"],
    env: ["SIGNALBOX_TRANSPORT"],
  }),
  maxHeadBytes: whole(16_384, "Bytes of a request's head (strict)", { min: 1_024, max: 1_048_576 }),
  maxHeadFields: whole(100, "Header fields of a request (strict)", { max: 10_000 }),
  headTimeoutMs: whole(10_000, "Time for a complete request head, in ms (strict)"),
  bodyTimeoutMs: whole(
    20_000,
    "Time for a complete body, and for 64 KiB of an answer to be read, in ms (strict)",
  ),
  keepAliveMs: whole(5_000, "Time that a connection may be idle between requests, in ms (strict)"),
  tlsHandshakeMs: whole(10_000, "Time for a TLS handshake, in ms (strict)"),
  maxFragments: whole(10_000, "Fragments of one message (strict)"),
  messageTimeoutMs: whole(
    30_000,
    "Time from the beginning of a message to its end, in ms (strict)",
  ),
  maxUnfinishedBytes: limit(67_108_864, "Bytes of incomplete messages in all (strict)", {
    min: 1_024,
  }),
  closeTimeoutMs: whole(
    2_000,
    "Time that a client has to answer a closing frame, and to end TCP, in ms (strict)",
  ),
});

const socketIo = z.strictObject({
  pingIntervalMs: whole(25_000, "Time between two pings of a Socket.IO connection, in ms", {
    min: 1_000,
  }),
  pingTimeoutMs: whole(20_000, "Time a Socket.IO client has to answer a ping or to poll, in ms", {
    min: 1_000,
  }),
  maxPayloadBytes: whole(
    1_000_000,
    "Largest WebSocket message, POST body, or event with attachments, in bytes",
    {
      min: 1_024,
      max: 16 * MIB,
    },
  ),
  // A peer that calls many others posts all of it at once; its bytes are bounded beside.
  maxPayloadPackets: whole(10_000, "Packets in one POST"),
  maxAttachments: whole(10, "Binary attachments of one event", { max: 1_000 }),
  bodyTimeoutMs: whole(20_000, "Time until a POST body must be complete, in ms"),
  upgradeTimeoutMs: whole(10_000, "Time to switch from polling to a WebSocket, in ms"),
  connectTimeoutMs: whole(45_000, "Time a connection may stay outside all namespaces, in ms"),
  // More than a room's descriptions, which come in one message.
  maxQueuedBytes: limit(8 * MIB, "Bytes queued for one Socket.IO client", { min: 1_024 }),
  stallTimeoutMs: whole(15_000, "Time after which a client that reads nothing is dropped, in ms"),
  maxSessions: limit(50_000, "Socket.IO connections in total"),
  maxNamespaces: whole(8, "Namespaces of one connection"),
  controlPacketsPerSecond: limit(20, "Packets per second, other than events, from one client"),
  controlPacketBurst: whole(100, "Such packets that a client may send at once beyond that"),
});

const dialects: Record<string, z.ZodType> = {};
for (const { name, options } of DIALECTS) dialects[name] = options.prefault({});

/** Every option: default, bounds and help. No other module repeats any of these. */
export const ConfigSchema = withFileTwins(z.strictObject({
  listen: z.array(
    z.string().regex(/^https?:\/\/[^/?#\s]+\/?$/, "expected a URL such as http://[::]:8080"),
  ).default([]).meta({
    description: "URL to listen on, http or https; may be given several times",
    group: LISTENING,
  }),
  port: z.int().min(0).max(65_535).default(8080).meta({
    description: "Port to listen on if --listen is not given",
    flags: ["port", "p"],
    env: ["PORT"],
    group: LISTENING,
  }),
  host: z.string().default("::").transform((host) => host === "" ? "::" : host).meta({
    description: "Address to listen on if --listen is not given (:: is IPv4 and IPv6)",
    flags: ["host", "H", "addr"],
    mayBeEmpty: true,
    group: LISTENING,
  }),
  dialects: z.array(z.enum(DIALECTS.map(({ name }) => name))).min(
    1,
    "expected a list of at least one protocol",
  )
    .default(DIALECTS.map(({ name }) => name)).meta({
      description: "Protocols to serve; all by default",
      group: LISTENING,
    }),
  tlsCert: file.optional().meta({
    description: "Certificate chain for https, a PEM file",
    flags: ["sslcert"],
    group: LISTENING,
  }),
  tlsKey: file.optional().meta({
    description: "Private key for https, a PEM file without a passphrase",
    flags: ["sslkey"],
    group: LISTENING,
  }),
  certPath: file.optional().meta({
    description:
      "Folder with cert.pem and key.pem (in a letsencrypt folder: fullchain.pem, privkey.pem)",
    group: LISTENING,
  }),
  disableSsl: toggle("Listen without TLS at --port even if a certificate is given", {
    group: LISTENING,
  }),
  restartOnCertChange: toggle(
    "Load a changed certificate: close all connections and listen again",
    { group: LISTENING },
  ),
  trustProxy: z.array(z.string().min(1)).default([]).meta({
    description: "Address or network (CIDR) of a proxy whose X-Forwarded-For is trusted",
    group: ACCESS,
  }),
  proxied: toggle(
    "Trust the X-Forwarded-For of every direct client, as PeerServer; prefer --trust-proxy",
    { group: ACCESS },
  ),
  basePath: z.string().regex(/^\/[^*?#\s%]*$/, "expected a path such as /signal/").default("/")
    .transform(toMount).meta({
      description: "Path before all others, including Socket.IO, health and metrics",
      group: LISTENING,
    }),
  allowedOrigins: z.array(originOption).default([]).meta({
    description: "Origin whose pages may use the server, such as https://app.example.org or " +
      "https://*.example.org; all may if none is given",
    group: ACCESS,
  }),
  corsOrigins: z.array(originOption).default([]).meta({
    description: "Origin whose pages may read HTTP answers; by default those of --allowed-origins",
    flags: ["cors"],
    alone: "*",
    group: ACCESS,
  }),
  health: z.union([pathText, z.literal("")], "expected a path such as /health, or nothing").default(
    "/health",
  ).meta(
    {
      description: "Path of the health check, which answers OK; empty disables it",
      mayBeEmpty: true,
      group: OPERATION,
    },
  ),
  metrics: pathText.optional().meta({
    description: "Path of metrics for Prometheus; disabled by default",
    group: OPERATION,
  }),
  traceUrls: toggle("Start although traces are on, which hold URLs and the tokens in them", {
    group: OPERATION,
    isRare: true,
  }),
  metricsTokens: z.array(
    z.string().regex(/^[!-~]+$/, "expected a token of ASCII without blanks"),
  ).default([]).meta({
    description: "Token that a scrape of the metrics has to show; may be given several times",
    group: OPERATION,
    isRare: true,
    secret: true,
  }),
  noTry: toggle("Do not serve /try, the page that makes a first call", {
    group: OPERATION,
    isRare: true,
  }),
  noConsole: toggle("Do not serve /console, the page for operators", {
    group: "Admin API and console",
    isRare: true,
  }),
  keepaliveTimeoutSeconds: whole(
    14,
    "Seconds of silence before a client is pinged; after twice as long it is disconnected",
    { max: 3_600, flags: ["keepalive-timeout"], group: OPERATION },
  ),
  drainDelayMs: whole(
    0,
    "Time at shutdown in which /readyz answers 503 and all else continues, in ms, at most 600000",
    { min: 0, max: 600_000, group: OPERATION, isRare: true },
  ),
  drainMs: whole(
    0,
    "Time over which connections are closed at shutdown, in ms, at most 3600000",
    { min: 0, max: 3_600_000, group: OPERATION },
  ),
  store: z.string().refine(
    isStore,
    "expected memory, kv:, kv:FOLDER or kv: and the URL of a remote Deno KV, without a user in it",
  ).default("memory").meta({
    description: "Where data is kept: memory (lost at exit), kv: or kv:FOLDER (a file)",
    group: OPERATION,
  }),
  storeTimeoutMs: whole(2_000, "Time that one operation of the store may take, in ms", {
    group: OPERATION,
  }),
  noSeal: toggle("Do not keep calls in progress across a planned restart", { group: OPERATION }),
  admin: admin.prefault({}),
  auth: auth.prefault({}),
  ...bridgeOptions,
  ...clusterOptions,
  log: log.prefault({}),
  ice: iceOptions.prefault({}),
  limits: limits.prefault({}),
  webhooks: webhookOptions.prefault({}),
  transport: transport.prefault({}),
  socketIo: socketIo.prefault({}),
  ...dialects as Record<never, z.ZodType>,
}));

/** A checked configuration; each dialect's options are under its name. */
export type Config =
  & z.infer<typeof ConfigSchema>
  & DialectOptions
  // Also by a name that is known only at run time.
  & { readonly [dialect: string]: unknown };

/** A path that others are below, as requests spell it: no doubled slashes, and one at its end. */
function toMount(path: string): string {
  return new URL(`http://localhost${path}/`).pathname.replace(/\/{2,}/g, "/");
}

function isStore(text: string): boolean {
  const [, place] = /^kv:(.*)$/s.exec(text) ?? [];
  if (place === undefined) return text === "memory";
  // Only a drive of Windows has one letter before a colon; a longer word is a misspelt scheme.
  if (!/^(:|file:|[a-z][a-z0-9+.-]+:\/\/)/i.test(place)) return !/\0/.test(place);
  if (!/^https?:/i.test(place) || !URL.canParse(place)) return false;
  // A user would be ignored and a password shown, because the token has a variable of its own.
  const { username, password } = new URL(place);
  return username === "" && password === "";
}
