import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { isoTime } from "../../system/clock.ts";
import { answerWith, pageOf, pageQuery, paginate } from "../page.ts";
import { placing } from "../sort_key.ts";
import type { AdminParts } from "../parts.ts";
import { type App, BASE, facts, json, problems } from "../route.ts";

const Call = z.strictObject({
  dialect: z.string(),
  id: z.string(),
  from: z.string(),
  to: z.string(),
  node: z.string().optional().meta({ description: "The caller's node; only in a cluster" }),
  startedAt: z.iso.datetime(),
}).meta({ id: "Call" });

/** Calls under way, of the protocols whose calls the server knows. */
export function callsResource(app: App, parts: AdminParts): void {
  const { hub, clock, wallNow, turns, fleet } = parts;
  const route = createRoute({
    method: "get",
    path: `${BASE}/calls`,
    ...facts({
      operationId: "listCalls",
      summary: "Calls, oldest first",
      role: "read",
      reach: "list",
    }),
    request: { query: z.strictObject({ ...pageQuery, dialect: z.string().optional() }) },
    responses: { 200: json(pageOf(Call, "CallPage"), "Calls"), ...problems("invalid_request") },
  });
  app.openapi(route, async (c) => {
    const query = c.req.valid("query");
    const page = await paginate(
      query,
      {
        items: hub.openCalls.list(),
        placeOf: placing(parts, ({ startedAt }) => startedAt, ({ serial }) => serial),
        matches: ({ dialect }) => query.dialect === undefined || dialect === query.dialect,
        view: ({ dialect, id, from, to, startedAt }) => {
          const since = isoTime(wallNow() + startedAt - clock.now());
          return { dialect, id, from, to, ...(fleet && { node: fleet.node }), startedAt: since };
        },
      },
      turns,
      c.env.part,
    );
    return answerWith(page);
  });
}
