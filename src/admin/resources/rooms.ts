import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import type { OpenRoom, PresentPeer } from "../../core/peer.ts";
import type { OperatedRoom, RoomOperations } from "../../dialects/dialect.ts";
import { isoTime } from "../../system/clock.ts";
import { checkKept, dialectOf, roomsOf, supported } from "../dialects.ts";
import type { Fleet } from "../fleet.ts";
import {
  answerWith,
  inPlace,
  type Page,
  pageOf,
  pageQuery,
  type PageRequest,
  type PageSource,
  paginate,
} from "../page.ts";
import { compare, type SortKey } from "../sort_key.ts";
import type { AdminParts } from "../parts.ts";
import { pathName } from "../path_name.ts";
import { Problem } from "../problem.ts";
import { mustHave, type Part } from "../reach.ts";
import {
  type App,
  BASE,
  changeProblems,
  facts,
  json,
  jsonBody,
  outcomeOf,
  problems,
  reasonBody,
} from "../route.ts";

const shape = {
  dialect: z.string(),
  id: z.string(),
  members: z.int(),
  startedAt: z.iso.datetime().nullable(),
  kept: z.boolean(),
  infoBytes: z.int(),
  nodes: z.array(z.string()).optional().meta({
    description: "Nodes of its members; only in a cluster",
  }),
};
const Room = z.strictObject(shape).meta({ id: "Room" });
const RoomDetails = z.strictObject({
  ...shape,
  peers: z.array(z.strictObject({
    id: z.string(),
    user: z.string().nullable(),
    info: z.unknown(),
    node: z.string().optional(),
  })),
  standing: z.array(z.strictObject({ id: z.string(), info: z.unknown() })),
}).meta({ id: "RoomDetails" });

const params = z.object({ dialect: pathName, room: pathName });
const PATH = `${BASE}/rooms/{dialect}/{room}`;

/** Rooms: their members, and what an operator makes of them. */
export function roomsResource(app: App, parts: AdminParts): void {
  readRooms(app, parts);
  stopRooms(app, parts);
  keepRooms(app, parts);
}

function readRooms(app: App, parts: AdminParts): void {
  const list = createRoute({
    method: "get",
    path: `${BASE}/rooms`,
    ...facts({ operationId: "listRooms", summary: "Rooms", role: "read", reach: "list" }),
    request: {
      query: z.strictObject({
        ...pageQuery,
        dialect: z.string().optional(),
        q: z.string().optional().meta({ description: "Part of the id, in any case" }),
      }),
    },
    responses: { 200: json(pageOf(Room, "RoomPage"), "Rooms"), ...problems("invalid_request") },
  });
  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const part = query.q?.toLowerCase();
    const source: PageSource<RoomEntry, z.infer<typeof Room>> = {
      items: entries(parts),
      placeOf: ({ place }) => place,
      matches: ({ dialect, id }) =>
        (query.dialect === undefined || dialect === query.dialect) &&
        (part === undefined || id.toLowerCase().includes(part)),
      view: ({ view }) => view(),
    };
    const page = c.env.part === undefined
      ? await paginate(query, source, parts.turns)
      : await pageOfNode(parts, query, source, c.env.part);
    return answerWith(page);
  });

  const one = createRoute({
    method: "get",
    path: PATH,
    ...facts({
      operationId: "getRoom",
      summary: "One room and its members",
      role: "read",
      reach: "all",
    }),
    request: { params },
    responses: {
      200: json(RoomDetails, "The room"),
      ...problems("invalid_request", "not_found", "unavailable"),
    },
  });
  app.openapi(one, (c) => {
    const { dialect, room } = c.req.valid("param");
    mustHave(c.env.part, () => isOpen(parts, dialect, room));
    return c.json(details(parts, dialect, room), 200);
  });
}

function stopRooms(app: App, parts: AdminParts): void {
  const stop = createRoute({
    method: "post",
    path: `${PATH}/stop`,
    ...facts({
      operationId: "stopRoom",
      summary: "End a room: its members are informed and closed",
      role: "full",
      action: "stop room",
      reach: "home",
    }),
    request: { params, body: reasonBody },
    responses: {
      200: json(outcomeOf("stopped"), "The room has ended"),
      ...changeProblems("not_found", "not_supported", "unavailable"),
    },
  });
  app.openapi(stop, (c) => {
    const { dialect, room } = c.req.valid("param");
    mustHave(c.env.part, () => isOpen(parts, dialect, room));
    const { reason } = c.req.valid("json");
    const isDone = roomsOf(parts, c.env.actor.name, dialect).stop(room, reason);
    if (!isDone) throw new Problem("not_found");
    return c.json({ outcome: "stopped" as const }, 200);
  });
}

function keepRooms(app: App, parts: AdminParts): void {
  const keep = createRoute({
    method: "put",
    path: PATH,
    ...facts({
      operationId: "keepRoom",
      summary: "Keep a room, without members and over restarts",
      role: "full",
      action: "keep room",
    }),
    request: {
      params,
      body: jsonBody(z.strictObject({ settings: z.unknown().optional() })),
    },
    responses: {
      200: json(outcomeOf("kept"), "The room is kept"),
      ...changeProblems("not_found", "full", "not_supported"),
    },
  });
  app.openapi(keep, (c) => {
    const { dialect, room } = c.req.valid("param");
    const keep = supported(roomsOf(parts, c.env.actor.name, dialect).keep);
    const detail = "the room's name or its settings are not valid";
    checkKept(keep(room, c.req.valid("json").settings), "/settings", detail);
    return c.json({ outcome: "kept" as const }, 200);
  });

  const forget = createRoute({
    method: "delete",
    path: PATH,
    ...facts({
      operationId: "forgetRoom",
      summary: "Keep a room no longer: it ends with its last member",
      role: "full",
      action: "forget room",
    }),
    request: { params },
    responses: {
      200: json(outcomeOf("forgotten"), "The room is not kept any more"),
      ...changeProblems("not_found", "not_supported"),
    },
  });
  app.openapi(forget, (c) => {
    const { dialect, room } = c.req.valid("param");
    const forget = supported(roomsOf(parts, c.env.actor.name, dialect).forget);
    if (!forget(room)) throw new Problem("not_found");
    return c.json({ outcome: "forgotten" as const }, 200);
  });
}

/** A room with members here, or with clients that have no ids. */
function isOpen(parts: AdminParts, name: string, id: string): boolean {
  const { realm, dialect: { operations } } = dialectOf(parts, name);
  if (operations === undefined) return true; // Its refusal is everybody's.
  if (parts.hub.overview.room(realm, id) !== undefined) return true;
  return operations.listIdle?.().some((room) => room.id === id && room.facts !== undefined) ===
    true;
}

/**
 * One node's part of a page. Several nodes know the same room, so rooms are in the order of their
 * names, and each is counted once: a kept one by the node that is asked, another by the node of its
 * first member.
 */
async function pageOfNode(
  parts: AdminParts,
  query: PageRequest,
  source: PageSource<RoomEntry, z.infer<typeof Room>>,
  part: Part,
): Promise<Page<z.infer<typeof Room>>> {
  let total = 0;
  const ordered = { ...source, placeOf: ({ dialect, id }: RoomEntry) => [dialect, id] };
  const matches = (entry: RoomEntry): boolean => {
    const isMeant = source.matches(entry);
    const isCounted = entry.isKept ? part.turn === "first" : entry.isLed;
    if (isMeant && isCounted) total++;
    return isMeant;
  };
  const items = await inPlace(query, { ...ordered, matches }, parts.turns);
  const page = await paginate(query, { ...ordered, items }, parts.turns, part);
  return { ...page, total };
}

interface RoomEntry {
  readonly dialect: string;
  readonly id: string;
  readonly place: SortKey;
  readonly isKept: boolean;
  /** False if its first member is on another node. */
  readonly isLed: boolean;
  readonly view: () => z.infer<typeof Room>;
}

/** Rooms with members by their start, then the others by their names. */
function* entries(parts: AdminParts): Generator<RoomEntry> {
  for (const room of parts.hub.overview.rooms()) {
    const { dialect, id, serial, members: [first] } = room;
    const isLed = first?.receiver.isElsewhere !== true;
    const facts = { isLed, isKept: isKept(parts, room) };
    yield { dialect, id, place: [0, serial], ...facts, view: () => viewOpen(parts, room) };
  }
  const idle = parts.dialects.flatMap(({ name }) => idleRooms(parts, name));
  idle.sort((a, b) => compare([a.dialect, a.id], [b.dialect, b.id]));
  for (const room of idle) {
    const { dialect, id, kept } = room;
    const facts = { isLed: true, isKept: kept };
    yield { dialect, id, place: [1, dialect, id], ...facts, view: () => room };
  }
}

/** The rooms of a dialect that have no members of the hub's: kept ones, and topics. */
function idleRooms(parts: AdminParts, name: string): z.infer<typeof Room>[] {
  const { realm, dialect } = dialectOf(parts, name);
  const { operations } = dialect;
  // Rooms of the others exist by their members alone, whose list costs more.
  if (operations?.listIdle === undefined) return [];
  const idle = [...operations.listIdle()].filter(({ id }) =>
    parts.hub.overview.room(realm, id) === undefined
  );
  // Topics of two spellings may have one name.
  const byId = Map.groupBy(idle, ({ id }) => id);
  return [...byId].map(([id, rooms]) => viewIdle(operations, name, id, rooms));
}

function viewIdle(
  operations: RoomOperations,
  dialect: string,
  id: string,
  rooms: readonly OperatedRoom[],
): z.infer<typeof Room> {
  const members = rooms.reduce((sum, { facts }) => sum + Number(facts?.["subscribers"] ?? 0), 0);
  const kept = operations.isKept?.(id) === true;
  return { dialect, id, members, startedAt: null, kept, infoBytes: 0 };
}

function viewOpen(parts: AdminParts, room: OpenRoom): z.infer<typeof Room> {
  const { dialect, id, members, startedAt, infoBytes } = room;
  const { clock, wallNow, fleet } = parts;
  const since = isoTime(wallNow() + startedAt - clock.now());
  const nodes = fleet && [...new Set([...members].map((member) => nodeOf(member, fleet)))].sort();
  const kept = isKept(parts, room);
  const view = { dialect, id, members: members.size, startedAt: since, kept, infoBytes };
  return nodes === undefined ? view : { ...view, nodes };
}

function isKept({ dialects }: AdminParts, { realm, id }: OpenRoom): boolean {
  return dialects.some((one) =>
    one.realm === realm && one.dialect.operations?.isKept?.(id) === true
  );
}

function nodeOf({ receiver }: PresentPeer, fleet: Fleet): string {
  return receiver.node ?? fleet.node;
}

function details(parts: AdminParts, name: string, id: string): z.infer<typeof RoomDetails> {
  const { realm, dialect: { operations } } = dialectOf(parts, name);
  const room = operations === undefined ? undefined : parts.hub.overview.room(realm, id);
  const idle = room === undefined ? idleRooms(parts, name).find((one) => one.id === id) : undefined;
  const view = room === undefined ? idle : viewOpen(parts, room);
  if (view === undefined) throw new Problem("not_found");
  const peers = [...room?.members ?? []].map((member) => ({
    id: member.id,
    user: member.user ?? null,
    info: member.info,
    ...(parts.fleet && { node: nodeOf(member, parts.fleet) }),
  }));
  const standing = operations?.standing?.(id) ?? [];
  return { ...view, peers, standing: standing.map(({ id, info }) => ({ id, info })) };
}
