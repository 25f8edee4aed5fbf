import { createRoute } from "@hono/zod-openapi";
import * as z from "zod";
import { checkKept, dialectOf, roomsOf } from "../dialects.ts";
import type { AdminParts } from "../parts.ts";
import { pathName } from "../path_name.ts";
import { mustHave, type Part } from "../reach.ts";
import { type App, BASE, changeProblems, facts, json, jsonBody, outcomeOf } from "../route.ts";

const path = `${BASE}/rooms/{dialect}/{room}/members/{id}/info`;
const params = z.object({ dialect: pathName, room: pathName, id: pathName });
const responses = {
  200: json(outcomeOf("described"), "The others know"),
  ...changeProblems("not_found", "full", "not_supported", "unavailable"),
};

/** The server's descriptions of members. */
export function membersResource(app: App, parts: AdminParts): void {
  const describe = (
    { actor, part }: { readonly actor: { readonly name: string }; readonly part?: Part },
    { dialect, room, id }: z.infer<typeof params>,
    info: unknown,
  ): void => {
    const { realm } = dialectOf(parts, dialect);
    mustHave(part, () => {
      const isHere = parts.hub.overview.peer(realm, id) !== undefined;
      return isHere && parts.hub.member(realm, room, id) !== undefined;
    });
    const rooms = roomsOf(parts, actor.name, dialect);
    checkKept(rooms.describe(room, id, info), "", "the protocol has no such description");
  };
  const put = createRoute({
    method: "put",
    path,
    ...facts({
      operationId: "describeMember",
      summary: "Set the server's description of a member",
      role: "full",
      action: "describe member",
      reach: "home",
    }),
    request: {
      params,
      body: { required: true, ...jsonBody(z.unknown()) },
    },
    responses,
  });
  app.openapi(put, (c) => {
    describe(c.env, c.req.valid("param"), c.req.valid("json"));
    return c.json({ outcome: "described" as const }, 200);
  });
  const remove = createRoute({
    method: "delete",
    path,
    ...facts({
      operationId: "undescribeMember",
      summary: "Take the server's description of a member back",
      role: "full",
      action: "describe member",
      reach: "home",
    }),
    request: { params },
    responses,
  });
  app.openapi(remove, (c) => {
    describe(c.env, c.req.valid("param"), null);
    return c.json({ outcome: "described" as const }, 200);
  });
}
