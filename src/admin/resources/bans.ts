import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import type { Ban } from "../../core/kept.ts";
import { shownKey } from "../../http/address.ts";
import { checkKept } from "../dialects.ts";
import type { BanOperations } from "../operator.ts";
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
  reasonBody,
} from "../route.ts";

const BanBody = z.strictObject({
  kind: z.enum(["address", "user"]),
  value: z.string(),
  reason: z.string(),
  expiresAt: z.iso.datetime().nullable(),
}).meta({ id: "Ban" });

const path = `${BASE}/bans/{kind}/{value}`;
const params = z.object({ kind: pathName, value: pathName });

/** Clients that may not come in: by address, or by the user that a token names. */
export function bansResource(app: App, parts: AdminParts): void {
  readBans(app, parts);
  changeBans(app, parts);
}

function readBans(app: App, parts: AdminParts): void {
  const list = createRoute({
    method: "get",
    path: `${BASE}/bans`,
    ...facts({ operationId: "listBans", summary: "Bans", role: "read" }),
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: json(pageOf(BanBody, "BanPage"), "Bans"), ...problems("invalid_request") },
  });
  app.openapi(list, async (c) => {
    const { operator, turns } = parts;
    const all = [...operator.bans.list(), ...operator.userBans.list()]
      .sort((a, b) => `${a.kind}\0${a.value}` < `${b.kind}\0${b.value}` ? -1 : 1);
    const page = await paginate(c.req.valid("query"), {
      items: all,
      placeOf: ({ kind, value }) => [kind, value],
      matches: () => true,
      view,
    }, turns);
    return answerWith(page);
  });
}

function changeBans(app: App, parts: AdminParts): void {
  const operationsFor = (actor: string, kind: string): BanOperations => {
    const operator = parts.operator.as(actor);
    if (kind === "address") return operator.bans;
    if (kind === "user") return operator.userBans;
    throw new Problem("not_found");
  };
  const put = createRoute({
    method: "put",
    path,
    ...facts({
      operationId: "ban",
      summary: "Ban an address or a user, and turn out all that are connected",
      role: "full",
      action: "ban",
    }),
    request: {
      params,
      body: {
        required: true,
        ...jsonBody(z.strictObject({ reason: z.string().max(512), lifetimeSeconds })),
      },
    },
    responses: {
      200: json(outcomeOf("kept"), "The ban holds"),
      ...changeProblems("not_found", "full"),
    },
  });
  app.openapi(put, (c) => {
    const { kind, value } = c.req.valid("param");
    const { reason, lifetimeSeconds: seconds } = c.req.valid("json");
    const lifetime = seconds === undefined ? {} : { lifetimeMs: 1_000 * seconds };
    const outcome = operationsFor(c.env.actor.name, kind).ban(value, { reason, ...lifetime });
    const detail = kind === "address" ? "no address, and no /64 of IPv6" : "cannot be a key";
    checkKept(outcome, "/path/value", detail);
    return c.json({ outcome: "kept" as const }, 200);
  });

  const remove = createRoute({
    method: "delete",
    path,
    ...facts({
      operationId: "liftBan",
      summary: "Lift a ban",
      role: "full",
      action: "lift ban",
    }),
    request: { params, body: reasonBody },
    responses: {
      200: json(outcomeOf("lifted"), "The ban is over"),
      ...changeProblems("not_found"),
    },
  });
  app.openapi(remove, (c) => {
    const { kind, value } = c.req.valid("param");
    const { reason } = c.req.valid("json");
    if (!operationsFor(c.env.actor.name, kind).lift(value, reason)) throw new Problem("not_found");
    return c.json({ outcome: "lifted" as const }, 200);
  });
}

function view({ kind, value, reason, expiresAtMs }: Ban): z.infer<typeof BanBody> {
  const expiresAt = expiryOf(expiresAtMs);
  if (kind === "user") return { kind, value, reason, expiresAt };
  return { kind: "address", value: shownKey(value), reason, expiresAt };
}
