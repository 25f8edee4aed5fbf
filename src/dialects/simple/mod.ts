import * as z from "zod";
import { EncodeOnce } from "../kit/encode_once.ts";
import type { HttpRoute, Route } from "../../http/route.ts";
import { defineDialect, type OpenDialect } from "../dialect.ts";
import { JsonOnce } from "../kit/json_once.ts";
import { KIB, linkLimitOptions, MIB, pathText, toggle, whole } from "../kit/options.ts";
import { secretOf } from "../kit/secret.ts";
import { passFor } from "../kit/pass.ts";
import { tokensOption } from "../kit/tokens.ts";
import types from "./client/client.d.ts" with { type: "text" };
import client from "./client/client.js" with { type: "text" };
import { Departed } from "./departed.ts";
import { EventStream } from "./event_stream.ts";
import { HeldInstances } from "./held.ts";
import { joinOfStream, joinOfUrl, post } from "./http.ts";
import { Nodes } from "./nodes.ts";
import { operations } from "./operations.ts";
import { Posts } from "./posts.ts";
import { Secrets } from "./secrets.ts";
import type { SimpleServer } from "./server.ts";
import { seal, unseal } from "./sealed.ts";
import { SimpleSession } from "./session.ts";
import { KeptTotal } from "./signal_log.ts";
import { refusalResponse, WIRE } from "./wire.ts";

/** How often instances are looked at whose time may be up. */
const SWEEP_MS = 250;

const options = z.strictObject({
  path: pathText.regex(/[^/]$/, "expected a path such as /simple, without a slash at its end")
    .default("/simple")
    .meta({
      description: "Path for Simple Signalling clients",
    }),
  secret: z.string().min(16).optional().meta({
    description: "Secret that keeps ids with their owners across restarts, at least 16 characters",
    secret: true,
  }),
  trustIds: toggle("Accept p_id without p_secret, in frames and URLs; for closed networks only"),
  tokens: tokensOption("ROOM"),
  iceServers: z.array(z.string().min(1)).default([]).meta({
    description: "URL of a STUN server to send to clients; may be given several times",
  }),
  resumeMs: whole(30_000, "Time that a lost connection is held for its client, in ms", { min: 0 }),
  leaveHoldMs: whole(
    3_000,
    "Time that a connection is held that closed with 1001, as when a proxy is reloaded, in ms",
    { min: 0 },
  ),
  maxMembers: whole(256, "Peers in one room, at most --limits-max-room-members", { max: 100_000 }),
  maxInstances: whole(16, "Connections of one peer"),
  maxRoomLength: whole(128, "Longest room name, in UTF-16 units"),
  maxFields: whole(64, "Custom fields of one peer"),
  maxFieldNameLength: whole(64, "Longest name of a custom field, in UTF-16 units"),
  maxFieldsBytes: whole(8 * KIB, "Bytes of all custom fields of one peer, as JSON"),
  // Every member receives all of it when the peer or another connection of it joins.
  maxDescriptionBytes: whole(256 * KIB, "Bytes of everything that one peer publishes, as JSON"),
  maxDepth: whole(32, "Levels of nesting in a message", { max: 1_000 }),
  maxCallLength: whole(128, "Longest name of a call, in UTF-16 units"),
  maxCandidates: whole(256, "ICE candidates that one connection may publish"),
  maxKeptSignals: whole(128, "Signals kept for one connection, or queued while it is lost"),
  maxKeptBytes: whole(MIB, "Bytes kept for one connection, or queued while it is lost"),
  maxKeptBytesTotal: whole(64 * MIB, "Bytes kept for all connections together", { max: 2 ** 40 }),
  // Longer than it takes to notice a loss: signals sent before that have arrived.
  keepMs: whole(60_000, "Minimum time that signals for a WebSocket client are kept, in ms"),
  maxDeparted: whole(
    10_000,
    "Closed event streams to remember, so that a late request gets a clear answer",
  ),
  maxTakeBacks: whole(
    5,
    "Times that a connection may be taken back within --simple-take-back-window-ms",
  ),
  takeBackWindowMs: whole(10_000, "Time in which take-backs are counted, in ms"),
  moveMs: whole(
    5_000,
    "Time in which the state of a peer follows it to another node of a cluster, in ms",
    { min: 500, max: 60_000, isRare: true },
  ),
  bodyTimeoutMs: whole(20_000, "Time until a posted message must be complete, in ms"),
  ...linkLimitOptions({ maxFrameBytes: 256 * KIB, identifyTimeoutMs: 10_000 }),
});

type Options = z.output<typeof options>;

/** Simple Signalling: rooms in which the server keeps a description of every peer. */
export const simple = defineDialect({
  name: "simple",
  title: "Simple",
  options,
  bridging: { meet: "new Room(room)" },
  tokens: ({ tokens }) => tokens,
  open(options, context): OpenDialect {
    const { hub, realm, dialect, isBridged, clock, iceServers, store, basePath, authenticator } =
      context;
    const { path } = options;
    const ownIceServers = options.iceServers.map((urls) => ({ urls }));
    const server: SimpleServer = {
      hub,
      realm,
      dialect,
      clock,
      authenticator,
      idHalf: isBridged ? "low" : "any",
      trustIds: options.trustIds,
      secrets: new Secrets(secretOf(() => options.secret, store.secret)),
      limits: options,
      news: new EncodeOnce(),
      json: new JsonOnce(),
      rooms: store.rooms,
      held: new HeldInstances(options),
      departed: new Departed(options.maxDeparted),
      posts: new Posts(clock),
      total: new KeptTotal(),
      claims: new Map(),
      nodes: undefined,
      isBridged,
      warn: context.warn,
      resumeMs: options.resumeMs,
      maxFrameBytes: options.maxFrameBytes,
      iceServers: (identity) => [...iceServers(identity), ...ownIceServers],
    };
    const homes = hub.elsewhere?.homes;
    const nodes = homes && new Nodes(server, homes);
    server.nodes = nodes;
    if (isBridged) hub.rulesOf(realm).limit(dialect, () => options.maxMembers);
    const unsealed = unseal(server, store);
    using timers = new DisposableStack();
    timers.use(clock.every(SWEEP_MS, () => expire(server)));
    timers.use(clock.every(options.keepMs, () => server.total.age()));
    if (nodes !== undefined) timers.use(nodes);
    const running = timers.move();
    return {
      routes: routesOf(options, server),
      entrances: [{
        path,
        scheme: "ws",
        hint: `new Room(name), from ${basePath}${path}/client.js`,
      }],
      operations: operations(server),
      usesStoredSecret: options.secret === undefined,
      gauges: [
        { name: "lost_instances", read: () => server.held.size },
        { name: "kept_signal_bytes", read: () => server.total.bytes },
        ...(nodes?.gauges ?? []),
      ],
      ...(nodes && { counters: nodes.counters, moveAway: () => nodes.leave(unsealed) }),
      seal: () => ({ items: seal(server), lifetimeMs: options.resumeMs }),
      [Symbol.dispose]: () => running.dispose(),
    };
  },
});

/** One path for sockets, event streams and posts, and the client's files below it. */
function routesOf(options: Options, server: SimpleServer): Route[] {
  const { path } = options;
  return [
    {
      kind: "upgrade",
      path,
      protocols: ["simple"],
      acceptsAnyProtocol: true,
      limits: options,
      // Clients come back with their secrets, a little later (§7).
      goingAwayCode: 1012,
      connect: (visit, link) => {
        const readJoin = () => joinOfUrl(visit.url, server);
        return new SimpleSession(link, server, passFor(server, visit, link), readJoin);
      },
    },
    {
      kind: "stream",
      path,
      limits: options,
      bodyTimeoutMs: options.bodyTimeoutMs,
      connect: (visit, link, posting) => {
        const stream = new EventStream(link);
        const readJoin = () => joinOfStream(visit.url, posting, server);
        const pass = passFor(server, visit, link);
        return new SimpleSession(stream, server, pass, readJoin, { stream });
      },
      post: (visit, posting) => post(server, posting, visit),
      refuse: refusalResponse,
      wordFor: (code) => WIRE[code].word,
    },
    textAt(`${path}/client.js`, client, "text/javascript"),
    textAt(`${path}/client.d.ts`, types, "application/typescript"),
  ];
}

/** Ends the holding of instances whose time is up. */
function expire({ hub, held, clock, nodes }: SimpleServer): void {
  nodes?.sweep();
  // While the server ends no time runs out: instances are sealed with the rest of theirs.
  if (!hub.isSilent) held.expire(clock.now());
}

function textAt(path: string, text: string, type: string): HttpRoute {
  const headers = { "content-type": `${type}; charset=utf-8` };
  const handle = (): Response => new Response(text, { headers });
  return { kind: "http", method: "GET", path, access: "open", handle };
}
