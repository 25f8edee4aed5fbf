import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { isoTime } from "../../system/clock.ts";
import { answerWith, pageOf, pageQuery, paginate } from "../page.ts";
import type { SortKey } from "../sort_key.ts";
import type { AdminParts } from "../parts.ts";
import { type App, BASE, facts, json, problems } from "../route.ts";

const Refusal = z.strictObject({
  at: z.iso.datetime(),
  dialect: z.string(),
  address: z.string(),
  connection: z.string(),
  reason: z.string(),
  pool: z.string().optional(),
  user: z.string().optional(),
  count: z.int(),
  instance: z.string().meta({ description: "The process or node that refused" }),
}).meta({ id: "Refusal" });

const LogEntry = z.strictObject({
  at: z.iso.datetime(),
  actor: z.string(),
  action: z.string(),
  subject: z.array(z.string()),
  outcome: z.string(),
  reason: z.string().optional().meta({ description: "The operator's words, if there were any" }),
}).meta({ id: "LogEntry" });

/** Refusals of clients, and operators' actions. */
export function recordsResource(
  app: App,
  { operator, turns, server: { instance } }: AdminParts,
): void {
  const refusals = createRoute({
    method: "get",
    path: `${BASE}/refusals`,
    ...facts({ operationId: "listRefusals", summary: "Refusals, newest first", role: "read" }),
    request: { query: z.strictObject(pageQuery) },
    responses: {
      200: json(pageOf(Refusal, "RefusalPage"), "Refusals"),
      ...problems("invalid_request"),
    },
  });
  app.openapi(refusals, async (c) => {
    const page = await paginate(c.req.valid("query"), {
      items: placed(operator.refusals()),
      placeOf: ({ place }) => place,
      matches: () => true,
      view: ({ item: { atMs, ...more } }) => ({ at: isoTime(atMs), ...more, instance }),
    }, turns);
    return answerWith(page);
  });

  const log = createRoute({
    method: "get",
    path: `${BASE}/log`,
    ...facts({ operationId: "listLog", summary: "Operators' actions, newest first", role: "read" }),
    request: { query: z.strictObject({ ...pageQuery, actor: z.string().optional() }) },
    responses: {
      200: json(pageOf(LogEntry, "LogPage"), "Actions"),
      ...problems("invalid_request"),
    },
  });
  app.openapi(log, async (c) => {
    const query = c.req.valid("query");
    const page = await paginate(query, {
      items: placed(operator.log()),
      placeOf: ({ place }) => place,
      matches: ({ item }) => query.actor === undefined || item.actor === query.actor,
      view: ({ item: { atMs, subject, ...more } }) => ({
        at: isoTime(atMs),
        ...more,
        subject: [...subject],
      }),
    }, turns);
    return answerWith(page);
  });
}

interface Placed<T> {
  readonly item: T;
  readonly place: SortKey;
}

/**
 * Gives each item of a list, the newest first, a place that newer items do not move: its time, and
 * the number of older ones at the same moment.
 */
function placed<T extends { readonly atMs: number }>(items: readonly T[]): Placed<T>[] {
  const counts = new Map<number, number>();
  return items.map((item) => {
    const count = (counts.get(item.atMs) ?? 0) + 1;
    counts.set(item.atMs, count);
    return { item, place: [-item.atMs, count] };
  });
}
