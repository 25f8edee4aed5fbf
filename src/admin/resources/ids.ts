import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { checkKept, idsOf } from "../dialects.ts";
import { answerWith, pageOf, pageQuery, paginate } from "../page.ts";
import type { AdminParts } from "../parts.ts";
import { pathName } from "../path_name.ts";
import { Problem } from "../problem.ts";
import {
  type App,
  BASE,
  changeProblems,
  expiryOf,
  facts,
  json,
  jsonBody,
  lifetimeSeconds,
  outcomeOf,
  problems,
} from "../route.ts";

const Id = z.strictObject({
  dialect: z.string(),
  id: z.string(),
  expiresAt: z.iso.datetime().nullable(),
}).meta({ id: "Id" });

const Holder = z.union([
  z.strictObject({ token: z.string().min(1), lifetimeSeconds }),
  z.strictObject({ tokenSha256: z.string().min(1), lifetimeSeconds }),
], "expected token or tokenSha256, and perhaps lifetimeSeconds").meta({ id: "IdHolder" });

const path = `${BASE}/ids/{dialect}/{id}`;
const params = z.object({ dialect: pathName, id: pathName });

/** Ids that operators reserved. */
export function idsResource(app: App, parts: AdminParts): void {
  readIds(app, parts);
  changeIds(app, parts);
}

function readIds(app: App, parts: AdminParts): void {
  const list = createRoute({
    method: "get",
    path: `${BASE}/ids`,
    ...facts({ operationId: "listIds", summary: "Ids that operators reserved", role: "read" }),
    request: { query: z.strictObject({ ...pageQuery, dialect: z.string().optional() }) },
    responses: { 200: json(pageOf(Id, "IdPage"), "Ids"), ...problems("invalid_request") },
  });
  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const all = [...parts.operator.ids].flatMap(([dialect, ids]) =>
      ids.list().map((one) => ({ dialect, ...one }))
    ).sort((a, b) => `${a.dialect}\0${a.id}` < `${b.dialect}\0${b.id}` ? -1 : 1);
    const page = await paginate(query, {
      items: all,
      placeOf: ({ dialect, id }) => [dialect, id],
      matches: ({ dialect }) => query.dialect === undefined || dialect === query.dialect,
      view: ({ dialect, id, expiresAtMs }) => ({
        dialect,
        id,
        expiresAt: expiryOf(expiresAtMs),
      }),
    }, parts.turns);
    return answerWith(page);
  });
}

function changeIds(app: App, parts: AdminParts): void {
  const put = createRoute({
    method: "put",
    path,
    ...facts({
      operationId: "reserveId",
      summary: "Reserve an id for the owner of a token",
      role: "full",
      action: "reserve id",
    }),
    request: {
      params,
      body: { required: true, ...jsonBody(Holder) },
    },
    responses: {
      200: json(outcomeOf("kept"), "The id is reserved"),
      ...changeProblems("not_found", "full", "not_supported"),
    },
  });
  app.openapi(put, async (c) => {
    const { dialect, id } = c.req.valid("param");
    const body = c.req.valid("json");
    const holder = "token" in body ? { token: body.token } : { digest: body.tokenSha256 };
    const lifetimeMs = body.lifetimeSeconds === undefined ? [] : [1_000 * body.lifetimeSeconds];
    const outcome = await idsOf(parts, c.env.actor.name, dialect).reserve(
      id,
      holder,
      ...lifetimeMs,
    );
    checkKept(outcome, "/tokenSha256", "no SHA-256, or the id cannot be a key");
    return c.json({ outcome: "kept" as const }, 200);
  });

  const remove = createRoute({
    method: "delete",
    path,
    ...facts({
      operationId: "forgetId",
      summary: "Release an id",
      role: "full",
      action: "forget id",
    }),
    request: { params },
    responses: {
      200: json(outcomeOf("forgotten"), "The id is free"),
      ...changeProblems("not_found", "not_supported", "unavailable"),
    },
  });
  app.openapi(remove, async (c) => {
    const { dialect, id } = c.req.valid("param");
    const forgetting = idsOf(parts, c.env.actor.name, dialect).forget(id);
    const isDone = await forgetting.catch(() => {
      throw new Problem("unavailable");
    });
    if (!isDone) throw new Problem("not_found");
    return c.json({ outcome: "forgotten" as const }, 200);
  });
}
