import { OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import * as z from "zod";
import { isoTime } from "../system/clock.ts";
import type { Admitted } from "./access.ts";
import type { Part, Reach } from "./reach.ts";
import { ProblemBody, type ProblemCode, statusOf, titleOf } from "./problem.ts";

/** A request's operator. */
export interface Environment {
  readonly Bindings: {
    readonly actor: Pick<Admitted, "name" | "isCurrent">;
    /** This node's part in a request that concerns several; undefined on a server of one node. */
    readonly part?: Part;
  };
}

export type App = OpenAPIHono<Environment>;

/** Every path begins with it. */
export const BASE = "/admin/v1";

/** Facts of a route that are the same for its document and its checks. */
export interface RouteFacts {
  readonly operationId: string;
  readonly summary: string;
  readonly role: "none" | "read" | "full";
  /** The name of the change in the operators' log. */
  readonly action?: string;
  /** The nodes of a cluster that it concerns; only the one that gets it by default. */
  readonly reach?: Reach;
  readonly problems?: readonly ProblemCode[];
}

/** The parts of a route's configuration that all routes share. */
interface Common {
  readonly operationId: string;
  readonly summary: string;
  readonly security: { bearer: string[] }[];
  readonly "x-role": RouteFacts["role"];
  readonly "x-action"?: string;
  readonly "x-reach"?: Reach;
}

export function facts({ operationId, summary, role, action, reach }: RouteFacts): Common {
  return {
    operationId,
    summary,
    security: role === "none" ? [] : [{ bearer: [] }],
    "x-role": role,
    ...(action === undefined ? {} : { "x-action": action }),
    ...(reach === undefined ? {} : { "x-reach": reach }),
  };
}

interface JsonContent<T extends z.ZodType> {
  readonly description: string;
  readonly content: { readonly "application/json": { readonly schema: T } };
}

/** An answer of JSON. */
export function json<T extends z.ZodType>(schema: T, description: string): JsonContent<T> {
  return { description, ...jsonBody(schema) };
}

type JsonBody<T extends z.ZodType> = Omit<JsonContent<T>, "description">;

/** A request's body of JSON, which may be missing. */
export function jsonBody<T extends z.ZodType>(schema: T): JsonBody<T> {
  return { content: { "application/json": { schema } } };
}

/** The answer to a change. */
export function outcomeOf<T extends string>(
  outcome: T,
): z.ZodObject<{ outcome: z.ZodLiteral<T> }> {
  return z.strictObject({ outcome: z.literal(outcome) });
}

const ALWAYS: readonly ProblemCode[] = [
  "unauthorized",
  "forbidden",
  "forbidden_origin",
  "rate_limited",
  "internal",
];

/** The same for a change, which has a body. */
export function changeProblems(...codes: ProblemCode[]): Record<never, never> {
  return problems("invalid_request", "too_large", "unsupported_media_type", "conflict", ...codes);
}

/** How long something is kept; without it, until it is taken back. A date has to hold its end. */
export const lifetimeSeconds = z.int().min(1).max(10 * 366 * 86_400).optional();

/** The end of something that is kept so long; null for no end. */
export function expiryOf(atMs: number): string | null {
  return atMs === Infinity ? null : isoTime(atMs);
}

/** The body of a change that may name its reason. */
export const reasonBody = jsonBody(z.strictObject({ reason: z.string().max(512).optional() }));

/** The problems of a route for its document; handlers throw them, so that no type needs them. */
export function problems(...codes: ProblemCode[]): Record<never, never> {
  const byStatus = Map.groupBy([...ALWAYS, ...codes], statusOf);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [status, {
      description: [...new Set(those)].map((code) => `${code}: ${titleOf(code)}`).join("; "),
      content: { "application/problem+json": { schema: ProblemBody } },
    }]),
  ) satisfies RouteConfig["responses"];
}
