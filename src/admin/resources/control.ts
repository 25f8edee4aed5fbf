import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { dialectOf } from "../dialects.ts";
import type { AdminParts } from "../parts.ts";
import { pathName } from "../path_name.ts";
import { Problem } from "../problem.ts";
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

const Drain = z.strictObject({
  state: z.enum(["ready", "draining"]),
  connections: z.int(),
  instance: z.string().meta({ description: "The process or node that drains, and no other" }),
}).meta({ id: "Drain" });

const DRAIN = `${BASE}/drain`;

/** Secrets, drain and reload. */
export function controlResource(app: App, parts: AdminParts): void {
  secrets(app, parts);
  drain(app, parts);
  const reload = createRoute({
    method: "post",
    path: `${BASE}/reload`,
    ...facts({
      operationId: "reload",
      summary: "Read secrets and keys again",
      role: "full",
      action: "reload",
    }),
    responses: {
      200: json(outcomeOf("reloaded"), "All could be used"),
      ...changeProblems("unavailable"),
    },
  });
  app.openapi(reload, async (c) => {
    const faults = await parts.reload();
    const outcome = faults.length === 0 ? "reloaded" : "failed";
    parts.operator.as(c.env.actor.name).note("reload", [], outcome);
    if (faults.length > 0) throw new Problem("unavailable", { detail: faults.join("; ") });
    return c.json({ outcome: "reloaded" as const }, 200);
  });
}

function secrets(app: App, parts: AdminParts): void {
  const route = createRoute({
    method: "post",
    path: `${BASE}/secrets/{dialect}/rotate`,
    ...facts({
      operationId: "rotateSecret",
      summary: "Give a protocol a new secret behind its clients' proofs",
      role: "full",
      action: "rotate secret",
    }),
    request: { params: z.object({ dialect: pathName }) },
    responses: {
      200: json(z.strictObject({ outcome: z.enum(["rotated", "unused"]) }), "The outcome"),
      ...changeProblems("not_found", "unavailable"),
    },
  });
  app.openapi(route, async (c) => {
    const { name } = dialectOf(parts, c.req.valid("param").dialect);
    const outcome = await parts.operator.as(c.env.actor.name).rotateSecret(name);
    if (outcome === "unknown") throw new Problem("not_found");
    if (outcome === "failed") throw new Problem("unavailable", { detail: "The store has failed" });
    return c.json({ outcome }, 200);
  });
}

function drain(app: App, parts: AdminParts): void {
  readDrain(app, parts);
  changeDrain(app, parts);
}

function readDrain(app: App, parts: AdminParts): void {
  const read = createRoute({
    method: "get",
    path: DRAIN,
    ...facts({ operationId: "getDrain", summary: "Whether newcomers are refused", role: "read" }),
    responses: { 200: json(Drain, "The state"), ...problems() },
  });
  app.openapi(read, (c) => c.json(drainOf(parts), 200));
}

function changeDrain(app: App, parts: AdminParts): void {
  const start = createRoute({
    method: "post",
    path: DRAIN,
    ...facts({
      operationId: "startDrain",
      summary: "Refuse newcomers, and close the connected over a time",
      role: "full",
      action: "start drain",
    }),
    request: {
      body: jsonBody(z.strictObject({
        closeOverSeconds: z.number().min(0).max(86_400).optional(),
        exit: z.boolean().optional(),
      })),
    },
    responses: {
      202: json(Drain, "The drain has begun"),
      ...changeProblems(),
    },
  });
  app.openapi(start, (c) => {
    parts.operator.as(c.env.actor.name).note("start drain", [], "draining");
    parts.drain(c.req.valid("json"));
    return c.json(drainOf(parts), 202);
  });

  const stop = createRoute({
    method: "delete",
    path: DRAIN,
    ...facts({
      operationId: "endDrain",
      summary: "Admit newcomers again; impossible after `exit`",
      role: "full",
      action: "end drain",
    }),
    responses: { 200: json(Drain, "The state"), ...changeProblems("not_found", "unavailable") },
  });
  app.openapi(stop, (c) => {
    const operator = parts.operator.as(c.env.actor.name);
    const wasDraining = parts.server.state() === "draining";
    const isDone = wasDraining && parts.undrain();
    operator.note("end drain", [], isDone ? "ready" : wasDraining ? "leaving" : "unknown");
    if (!wasDraining) throw new Problem("not_found", { detail: "The server does not drain" });
    if (!isDone) throw new Problem("unavailable", { detail: "The process is going to end" });
    return c.json(drainOf(parts), 200);
  });
}

function drainOf({ server }: AdminParts): z.infer<typeof Drain> {
  const state = server.state() === "draining" ? "draining" : "ready";
  return { state, connections: server.connections(), instance: server.instance };
}
