import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { WEBHOOK_TYPES } from "../../webhooks/types.ts";
import type { AdminParts } from "../parts.ts";
import { invalid } from "../problem.ts";
import { type App, BASE, facts, json, problems } from "../route.ts";

const ConfigItems = z.strictObject({
  items: z.array(z.strictObject({
    option: z.string(),
    value: z.unknown().optional(),
    source: z.enum(["flag", "variable", "file", "default"]),
    isSecret: z.literal(true).optional(),
    isSet: z.boolean().optional(),
  })),
}).meta({ id: "Config" });

const Webhooks = z.strictObject({
  items: z.array(z.strictObject({
    url: z.string(),
    queued: z.int(),
    oldestSeconds: z.number(),
    delivered: z.int(),
    failed: z.int(),
    dropped: z.int(),
    stopped: z.boolean(),
  })),
}).meta({ id: "Webhooks" });

const TYPES = [...WEBHOOK_TYPES, "refusal", "operator", "stats", "gap"];

/** Options, webhooks, metrics and the stream of events. */
export function factsResource(app: App, parts: AdminParts): void {
  readFacts(app, parts);
  streamEvents(app, parts);
}

function readFacts(app: App, parts: AdminParts): void {
  const config = createRoute({
    method: "get",
    path: `${BASE}/config`,
    ...facts({ operationId: "getConfig", summary: "Options and their values", role: "read" }),
    responses: { 200: json(ConfigItems, "All options; secrets without a value"), ...problems() },
  });
  app.openapi(config, (c) => c.json({ items: [...parts.configItems()] }, 200));

  const webhooks = createRoute({
    method: "get",
    path: `${BASE}/webhooks`,
    ...facts({ operationId: "getWebhooks", summary: "Webhooks and their queues", role: "read" }),
    responses: { 200: json(Webhooks, "The webhooks"), ...problems() },
  });
  app.openapi(webhooks, (c) => c.json({ items: [...parts.webhooks()] }, 200));

  const metrics = createRoute({
    method: "get",
    path: `${BASE}/metrics`,
    ...facts({ operationId: "getMetrics", summary: "Metrics for Prometheus", role: "read" }),
    responses: {
      200: {
        description: "Text exposition 0.0.4",
        content: { "text/plain": { schema: z.string() } },
      },
      ...problems(),
    },
  });
  app.openapi(metrics, async (c) => {
    const type = "text/plain; version=0.0.4; charset=utf-8";
    return c.text(await parts.expose(), 200, { "content-type": type });
  });
}

function streamEvents(app: App, parts: AdminParts): void {
  const events = createRoute({
    method: "get",
    path: `${BASE}/events`,
    ...facts({ operationId: "streamEvents", summary: "News as a stream of events", role: "read" }),
    request: {
      query: z.strictObject({
        types: z.string().optional().meta({
          description: "Types or prefixes with a star, such as peer.*,refusal; all by default",
        }),
      }),
      headers: z.object({
        "last-event-id": z.string().optional().meta({ description: "Replays what came after it" }),
      }),
    },
    responses: {
      200: {
        description: "Each `data` is the body of a webhook",
        content: { "text/event-stream": { schema: z.string() } },
      },
      ...problems("invalid_request", "unavailable"),
    },
  });
  app.openapi(events, (c) => {
    const wants = wanted(c.req.valid("query").types);
    const last = c.req.header("last-event-id");
    const lastId = last === undefined || last === "" ? undefined : Number(last);
    if (lastId !== undefined && !Number.isSafeInteger(lastId)) {
      throw invalid({ pointer: "/header/last-event-id", detail: "expected the id of an event" });
    }
    return parts.events.open(wants, lastId, c.env.actor.isCurrent);
  });
}

function wanted(types: string | undefined): (type: string) => boolean {
  if (types === undefined) return () => true;
  const patterns = types.split(",").map((one) => one.trim()).filter((one) => one !== "");
  const chosen = new Set(["gap"]);
  for (const pattern of patterns) {
    const prefix = /^([a-z.]*)\*$/.exec(pattern)?.[1];
    const found = TYPES.filter((type) =>
      prefix === undefined ? type === pattern : type.startsWith(prefix)
    );
    if (found.length === 0) {
      throw invalid({ pointer: "/query/types", detail: `no type of event is like "${pattern}"` });
    }
    for (const type of found) chosen.add(type);
  }
  return (type) => chosen.has(type);
}
