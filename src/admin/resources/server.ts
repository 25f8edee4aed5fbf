import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { isoTime } from "../../system/clock.ts";
import type { Fleet } from "../fleet.ts";
import type { AdminParts } from "../parts.ts";
import { type App, BASE, facts, json, problems } from "../route.ts";

const Totals = z.strictObject({
  connections: z.int(),
  peers: z.int(),
  rooms: z.int(),
  calls: z.int(),
});

const ServerReport = z.strictObject({
  version: z.string(),
  deno: z.string(),
  startedAt: z.iso.datetime(),
  uptimeSeconds: z.number(),
  instance: z.string(),
  urls: z.array(z.string()),
  store: z.strictObject({
    kind: z.string(),
    up: z.boolean(),
    trouble: z.string().nullable(),
  }),
  auth: z.strictObject({ mode: z.string(), dialects: z.array(z.string()) }),
  state: z.enum(["starting", "ready", "draining"]),
  totals: Totals,
  cluster: z.strictObject({
    name: z.string(),
    node: z.string().meta({ description: "The node that answers" }),
    up: z.boolean().meta({ description: "False while the shared engine is away" }),
    nodes: z.array(z.strictObject({
      name: z.string(),
      since: z.iso.datetime(),
      peers: z.int().nullable(),
      connections: z.int().nullable(),
    })).meta({ description: "Living nodes; without numbers where one did not answer" }),
  }).optional().meta({ description: "The nodes of a cluster; all other numbers are this node's" }),
  dialects: z.array(z.strictObject({
    name: z.string(),
    title: z.string(),
    peers: z.int(),
    rooms: z.int(),
    calls: z.int(),
  })),
}).meta({ id: "Server" });
type ServerReport = z.infer<typeof ServerReport>;

/** The server itself: its state and its numbers. */
export function serverResource(app: App, parts: AdminParts): void {
  const route = createRoute({
    method: "get",
    path: `${BASE}/server`,
    ...facts({ operationId: "getServer", summary: "State and numbers", role: "read" }),
    responses: { 200: json(ServerReport, "The server"), ...problems() },
  });
  parts.fleet?.answer(FIGURES, () => Promise.resolve(figuresOf(parts)));
  app.openapi(route, async (c) => {
    const { fleet } = parts;
    const cluster = fleet && await clusterOf(fleet, figuresOf(parts));
    return c.json({ ...report(parts), ...(cluster && { cluster }) }, 200);
  });
}

const FIGURES = "figures";
const Figures = z.strictObject({ peers: z.int(), connections: z.int() });
type Figures = z.infer<typeof Figures>;

function figuresOf({ hub, server }: AdminParts): Figures {
  return { peers: hub.peerCount, connections: server.connections() };
}

async function clusterOf(fleet: Fleet, own: Figures): Promise<ServerReport["cluster"]> {
  const { cluster: name, node, isUp } = fleet;
  await fleet.meetAll();
  const nodes = fleet.nodes().map(async ({ name, sinceMs }) => {
    const answer = name === node ? own : await fleet.ask(name, FIGURES, null);
    const { peers = null, connections = null } = Figures.safeParse(answer).data ?? {};
    return { name, since: isoTime(sinceMs), peers, connections };
  });
  const known = (await Promise.all(nodes)).sort((a, b) => a.name < b.name ? -1 : 1);
  return { name, node, up: isUp(), nodes: known };
}

function report({ server, hub, dialects, wallNow }: AdminParts): ServerReport {
  const { kind, trouble } = server.store();
  const { overview, openCalls } = hub;
  return {
    version: server.version,
    deno: server.deno,
    startedAt: isoTime(server.startedAtMs),
    uptimeSeconds: Math.max(0, Math.round(wallNow() - server.startedAtMs) / 1_000),
    instance: server.instance,
    urls: [...server.urls()],
    store: { kind, up: trouble === undefined, trouble: trouble ?? null },
    auth: { mode: server.auth.mode, dialects: [...server.auth.dialects] },
    state: server.state(),
    totals: {
      connections: server.connections(),
      peers: hub.peerCount,
      rooms: overview.roomCount(),
      calls: openCalls.size,
    },
    dialects: dialects.map(({ name, title, realm }) => ({
      name,
      title,
      peers: overview.peerCount(realm, name),
      rooms: overview.roomCount(name),
      calls: openCalls.countOfDialect(name),
    })),
  };
}
