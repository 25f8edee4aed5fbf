import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import type { PresentPeer } from "../../core/peer.ts";
import type { Traffic } from "../../transport/links.ts";
import { isoTime } from "../../system/clock.ts";
import { checkKept, dialectOf } from "../dialects.ts";
import { answerWith, pageOf, pageQuery, paginate } from "../page.ts";
import { placing } from "../sort_key.ts";
import type { AdminParts } from "../parts.ts";
import { pathName } from "../path_name.ts";
import { Problem } from "../problem.ts";
import { mustHave } from "../reach.ts";
import {
  type App,
  BASE,
  changeProblems,
  facts,
  json,
  jsonBody,
  outcomeOf,
  problems,
} from "../route.ts";

const Peer = z.strictObject({
  dialect: z.string(),
  id: z.string(),
  node: z.string().optional().meta({ description: "Its node; only in a cluster" }),
  user: z.string().nullable(),
  address: z.string().nullable(),
  connection: z.string().nullable(),
  transport: z.enum(["websocket", "polling", "event-stream"]).nullable(),
  connectedAt: z.iso.datetime().nullable(),
  expiresAt: z.iso.datetime().nullable(),
  rooms: z.array(z.string()),
  calls: z.int(),
  info: z.unknown(),
  framesReceived: z.int(),
  framesSent: z.int(),
  bytesReceived: z.int(),
  bytesSent: z.int(),
  queuedBytes: z.int(),
  origin: z.string().nullable(),
  userAgent: z.string().nullable(),
}).meta({ id: "Peer" });

const Kick = z.strictObject({
  reason: z.string().max(512).optional(),
  banSeconds: z.int().min(1).max(10 * 366 * 86_400).optional().meta({
    description: "Bans the peer's user for so long, or its address if it has none",
  }),
}).meta({ id: "Kick" });

/** The end of the year 9999. A token's `until` may lie beyond every date: such a peer stays. */
const LAST_DATE_MS = Date.UTC(9999, 11, 31);

const params = z.object({ dialect: pathName, id: pathName });

/** The peers that are present. */
export function peersResource(app: App, parts: AdminParts): void {
  readPeers(app, parts);
  kickPeers(app, parts);
}

function readPeers(app: App, parts: AdminParts): void {
  const list = createRoute({
    method: "get",
    path: `${BASE}/peers`,
    ...facts({
      operationId: "listPeers",
      summary: "Peers, oldest first",
      role: "read",
      reach: "list",
    }),
    request: {
      query: z.strictObject({
        ...pageQuery,
        dialect: z.string().optional(),
        room: z.string().optional(),
        user: z.string().optional(),
        address: z.string().optional(),
        q: z.string().optional().meta({ description: "Part of the id or user, in any case" }),
      }),
    },
    responses: { 200: json(pageOf(Peer, "PeerPage"), "Peers"), ...problems("invalid_request") },
  });
  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const page = await paginate(
      query,
      {
        items: parts.hub.overview.peers(),
        placeOf: placing(parts, ({ joinedAt }) => joinedAt, ({ handle }) => handle.fence),
        matches: matching(query),
        view: (peer) => view(peer, parts),
      },
      parts.turns,
      c.env.part,
    );
    return answerWith(page);
  });

  const one = createRoute({
    method: "get",
    path: `${BASE}/peers/{dialect}/{id}`,
    ...facts({ operationId: "getPeer", summary: "One peer", role: "read", reach: "home" }),
    request: { params },
    responses: {
      200: json(Peer, "The peer"),
      ...problems("invalid_request", "not_found", "unavailable"),
    },
  });
  app.openapi(one, (c) => {
    const { dialect, id } = c.req.valid("param");
    const peer = peerOf(parts, dialect, id);
    if (peer === undefined) throw new Problem("not_found");
    return c.json(view(peer, parts), 200);
  });
}

function kickPeers(app: App, parts: AdminParts): void {
  const kick = createRoute({
    method: "post",
    path: `${BASE}/peers/{dialect}/{id}/kick`,
    ...facts({
      operationId: "kickPeer",
      summary: "Remove a peer, with all its connections",
      role: "full",
      action: "kick peer",
      reach: "home",
    }),
    request: { params, body: jsonBody(Kick) },
    responses: {
      200: json(outcomeOf("kicked"), "The peer is gone"),
      ...changeProblems("not_found", "full", "unavailable"),
    },
  });
  app.openapi(kick, (c) => {
    const { dialect, id } = c.req.valid("param");
    mustHave(c.env.part, () => peerOf(parts, dialect, id) !== undefined);
    const operator = parts.operator.as(c.env.actor.name);
    const outcome = operator.kick(dialect, id, c.req.valid("json"));
    const detail = "The peer was kicked, but not banned";
    if (outcome === "full") throw new Problem("full", { detail });
    checkKept(outcome, "/banSeconds", detail);
    return c.json({ outcome: "kicked" as const }, 200);
  });
}

/** A peer of this node. */
function peerOf(parts: AdminParts, dialect: string, id: string): PresentPeer | undefined {
  const peer = parts.hub.overview.peer(dialectOf(parts, dialect).realm, id);
  return peer?.dialect === dialect ? peer : undefined;
}

interface PeerQuery {
  readonly dialect?: string | undefined;
  readonly room?: string | undefined;
  readonly user?: string | undefined;
  readonly address?: string | undefined;
  readonly q?: string | undefined;
}

function matching({ dialect, room, user, address, q }: PeerQuery): (peer: PresentPeer) => boolean {
  const part = q?.toLowerCase();
  return (peer) =>
    (dialect === undefined || peer.dialect === dialect) &&
    (user === undefined || peer.user === user) &&
    (room === undefined || roomsOf(peer).includes(room)) &&
    (address === undefined || peer.receiver.links.some((link) => link.address === address)) &&
    (part === undefined || peer.id.toLowerCase().includes(part) ||
      peer.user?.toLowerCase().includes(part) === true);
}

function roomsOf({ rooms }: PresentPeer): string[] {
  return [...rooms ?? []].filter(({ kind }) => kind === "room").map(({ id }) => id);
}

function view(
  peer: PresentPeer,
  { hub, connections, clock, wallNow, fleet }: AdminParts,
): z.infer<typeof Peer> {
  const own = peer.receiver.links.flatMap(({ id }) => connections.find(id) ?? []);
  const [first] = own;
  const timeOf = (moment: number | undefined): string | null => {
    const atMs = wallNow() + (moment ?? Infinity) - clock.now();
    return atMs > LAST_DATE_MS ? null : isoTime(atMs);
  };
  const sum = (name: keyof Traffic | "queuedBytes"): number =>
    own.reduce((total, connection) => total + connection[name], 0);
  return {
    dialect: peer.dialect,
    id: peer.id,
    ...(fleet && { node: fleet.node }),
    user: peer.user ?? null,
    address: first?.address ?? null,
    connection: first?.id ?? null,
    transport: first?.transport ?? null,
    connectedAt: timeOf(first?.openedAt),
    expiresAt: timeOf(first?.expiresAt),
    rooms: roomsOf(peer),
    calls: hub.openCalls.countOfPeer(peer.handle),
    info: peer.info,
    framesReceived: sum("framesReceived"),
    framesSent: sum("framesSent"),
    bytesReceived: sum("bytesReceived"),
    bytesSent: sum("bytesSent"),
    queuedBytes: sum("queuedBytes"),
    origin: first?.origin ?? null,
    userAgent: first?.userAgent ?? null,
  };
}
