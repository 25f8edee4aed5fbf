import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { isoTime } from "../../system/clock.ts";
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
  dialects: z.array(z.strictObject({
    name: z.string(),
    title: z.string(),
    peers: z.int(),
    rooms: z.int(),
    calls: z.int(),
  })),
}).meta({ id: "Server" });

/** The server itself: its state and its numbers. */
export function serverResource(app: App, parts: AdminParts): void {
  const route = createRoute({
    method: "get",
    path: `${BASE}/server`,
    ...facts({ operationId: "getServer", summary: "State and numbers", role: "read" }),
    responses: { 200: json(ServerReport, "The server"), ...problems() },
  });
  app.openapi(route, (c) => c.json(report(parts), 200));
}

function report({ server, hub, dialects, wallNow }: AdminParts): z.infer<typeof ServerReport> {
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
