import { OpenAPIHono } from "@hono/zod-openapi";
import type { Clock } from "../core/clock.ts";
import { readBody } from "../http/body.ts";
import { isDecodable } from "../http/visit.ts";
import type { Admitted, NamedOperator, OperatorAccess } from "./access.ts";
import { type Attempted, Idempotency } from "./idempotency.ts";
import type { AdminParts } from "./parts.ts";
import { type Defect, invalid, Problem } from "./problem.ts";
import { bansResource } from "./resources/bans.ts";
import { callsResource } from "./resources/calls.ts";
import { controlResource } from "./resources/control.ts";
import { factsResource } from "./resources/facts.ts";
import { idsResource } from "./resources/ids.ts";
import { membersResource } from "./resources/members.ts";
import { peersResource } from "./resources/peers.ts";
import { recordsResource } from "./resources/records.ts";
import { roomsResource } from "./resources/rooms.ts";
import { serverResource } from "./resources/server.ts";
import { type App, BASE, type Environment } from "./route.ts";
import { type FoundRoute, RouteTable } from "./route_table.ts";
import type { Part } from "./reach.ts";
import { type Handed, Spread } from "./spread.ts";

export interface AdminAppOptions {
  readonly access: OperatorAccess;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
  /** One request was answered with this status. */
  readonly onAnswered: (status: number) => void;
}

const BODY_TIMEOUT_MS = 20_000;
const ALWAYS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
/** The name of a page's origin, for headers that only browsers read. */
const CORS_HEADERS = "authorization, content-type, idempotency-key, last-event-id";

/** The API for operators: it checks the caller, then serves the resource. */
export class AdminApp {
  readonly #parts: AdminParts;
  readonly #options: AdminAppOptions;
  readonly #app: App;
  readonly #table: RouteTable;
  readonly #idempotency: Idempotency;
  readonly #document: string;
  /** Undefined on a server of one node. */
  readonly #spread: Spread | undefined;

  constructor(parts: AdminParts, options: AdminAppOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#idempotency = new Idempotency(options.clock.now);
    this.#app = appOf(parts, options);
    this.#document = documentOf(this.#app, parts);
    this.#table = new RouteTable(this.#app.openAPIRegistry.definitions);
    const carryOut = (request: Handed, part: Part): Promise<Response> | undefined =>
      this.#carryOut(request, part);
    this.#spread = parts.fleet && new Spread({ fleet: parts.fleet, carryOut });
  }

  /**
   * Answers a request; never rejects.
   * @param path and query, without the server's base path, as they came
   * @param address the client's
   */
  async handle(request: Request, path: string, address: string): Promise<Response> {
    const response = await this.#answer(request, path, address).catch((error) =>
      this.#worded(error)
    );
    for (const [name, value] of Object.entries(ALWAYS)) response.headers.set(name, value);
    const origin = request.headers.get("origin");
    if (origin !== null && this.#options.access.allowsOrigin(origin)) {
      response.headers.set("access-control-allow-origin", origin);
      response.headers.set("access-control-expose-headers", "signalbox-role, retry-after");
      response.headers.append("vary", "Origin");
    }
    this.#options.onAnswered(response.status);
    return response;
  }

  async #answer(request: Request, path: string, address: string): Promise<Response> {
    const { access } = this.#options;
    access.checkOrigin(request);
    const [pathname = ""] = path.split("?");
    const { method } = request;
    if (method === "OPTIONS" && access.allowsOrigin(request.headers.get("origin"))) {
      return preflight();
    }
    if (pathname === `${BASE}/openapi.json` && (method === "GET" || method === "HEAD")) {
      return new Response(this.#document, { headers: { "content-type": "application/json" } });
    }
    const actor = access.admit(request, address);
    const response = await this.#serve(request, path, actor).catch((error) => this.#worded(error));
    // A page that shows no acts to a reader has to know.
    response.headers.set("signalbox-role", actor.role);
    return response;
  }

  async #serve(request: Request, path: string, actor: Admitted): Promise<Response> {
    const [pathname = ""] = path.split("?");
    if (!isDecodable(pathname)) throw invalid({ pointer: "/path", detail: "malformed escape" });
    const { method } = request;
    // A stream of events has no end that HEAD could wait for.
    const isEndless = pathname === `${BASE}/events`;
    const route = isEndless && method === "HEAD" ? undefined : this.#table.find(method, pathname);
    if (route === undefined) {
      const allow = isEndless ? ["GET"] : this.#table.methodsAt(pathname);
      if (allow.length === 0) throw new Problem("not_found");
      throw new Problem("method_not_allowed", { headers: { allow: allow.join(", ") } });
    }
    if (route.role === "full" && actor.role === "read") {
      this.#noteForbidden(actor, route);
      throw new Problem("forbidden");
    }
    const body = await this.#readBody(request);
    const attempted: Attempted = { method, path, token: actor.digest, body };
    const key = request.headers.get("idempotency-key") ?? undefined;
    return await this.#idempotency.once(key, attempted, async () => {
      if (this.#spread !== undefined && route.reach !== undefined) {
        const { name, role } = actor;
        const handed = { method: method === "HEAD" ? "GET" : method, path, body };
        return await this.#spread.answer(route.reach, { ...handed, actor: { name, role } });
      }
      const inner = new Request(innerUrl(route, path), innerInit(request, body));
      return await this.#app.fetch(inner, { actor });
    });
  }

  /** Carries a node's part of a request out, its own or another node's; undefined if it may have none. */
  #carryOut({ method, path, body, actor }: Handed, part: Part): Promise<Response> | undefined {
    const route = this.#table.find(method, path.split("?")[0] ?? "");
    if (route?.reach === undefined || route.role === "full" && actor.role === "read") {
      return undefined;
    }
    const init = innerInit({ method, headers: new Headers() }, body);
    const inner = new Request(innerUrl(route, path), init);
    const isCurrent = (): boolean => true;
    return Promise.resolve(this.#app.fetch(inner, { actor: { ...actor, isCurrent }, part }));
  }

  #noteForbidden({ name }: NamedOperator, { action = "change", subject }: FoundRoute): void {
    const [kind = "", ...value] = subject;
    const operator = this.#parts.operator.as(name);
    // The paths of bans begin with their kind, which the log has in the action.
    if (action === "ban") operator.note(`ban ${kind}`, value, "forbidden");
    else operator.note(action, action === "lift ban" ? value : subject, "forbidden");
  }

  async #readBody(request: Request): Promise<string> {
    if (request.method === "GET" || request.method === "HEAD") return "";
    const { maxBodyBytes: maxBytes, clock } = this.#options;
    const read = await readBody(request, { maxBytes, timeoutMs: BODY_TIMEOUT_MS }, clock);
    if ("fault" in read) {
      if (read.fault === "too_large") throw new Problem("too_large");
      throw new Problem("invalid_request", { detail: "The body is no text, or came too slowly" });
    }
    const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (read.text !== "" && type !== "application/json") {
      throw new Problem("unsupported_media_type");
    }
    return read.text;
  }

  #worded(error: unknown): Response {
    if (error instanceof Problem) return error.response;
    this.#options.onFault(error);
    return new Problem("internal").response;
  }
}

function innerUrl({ innerPath }: FoundRoute, path: string): string {
  const query = path.indexOf("?");
  return `http://admin${innerPath}${query === -1 ? "" : path.slice(query)}`;
}

/** The request as the resources see it: an empty body of a change is an empty object. */
function innerInit(
  { method, headers }: Pick<Request, "method" | "headers">,
  body: string,
): RequestInit {
  const lastId = headers.get("last-event-id");
  const init = { method, headers: lastId === null ? {} : { "last-event-id": lastId } };
  const isChange = method === "POST" || method === "PUT";
  if (!isChange && body === "") return init;
  return {
    method,
    headers: { "content-type": "application/json" },
    body: body === "" ? "{}" : body,
  };
}

function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
      "access-control-allow-headers": CORS_HEADERS,
    },
  });
}

function appOf(parts: AdminParts, { onFault }: AdminAppOptions): App {
  const app = new OpenAPIHono<Environment>({
    // Paths stay as they came, so that an escaped slash in a name ends no segment.
    getPath: (request) => request.url.replace(/^\w+:\/\/[^/]*|[?#].*$/g, ""),
    defaultHook: (result) => {
      if (result.success) return;
      const prefix = result.target === "json" ? "" : `/${PREFIXES[result.target] ?? "path"}`;
      const errors = result.error.issues.flatMap((issue) => defectsOf(issue, prefix));
      return new Problem("invalid_request", { errors }).response;
    },
  });
  app.onError((error) => {
    if (error instanceof Problem) return error.response;
    if (isMalformed(error)) {
      const errors = [{ pointer: "", detail: "expected JSON" }];
      return new Problem("invalid_request", { errors }).response;
    }
    onFault(error);
    return new Problem("internal").response;
  });
  app.notFound(() => new Problem("not_found").response);
  for (const add of RESOURCES) add(app, parts);
  return app;
}

const PREFIXES: Readonly<Record<string, string>> = { query: "query", header: "header" };

const RESOURCES = [
  serverResource,
  peersResource,
  roomsResource,
  membersResource,
  callsResource,
  idsResource,
  bansResource,
  recordsResource,
  controlResource,
  factsResource,
];

/** The framework's own error for a body that it cannot read. */
function isMalformed(error: Error): boolean {
  return "status" in error && error.status === 400;
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function defectsOf(issue: Issue, prefix: string): Defect[] {
  const pointer = `${prefix}${issue.path.map((part) => `/${String(part)}`).join("")}`;
  const keys = "keys" in issue && Array.isArray(issue.keys) ? issue.keys : undefined;
  if (keys === undefined) return [{ pointer, detail: issue.message }];
  return keys.map((key) => ({ pointer: `${pointer}/${key}`, detail: "is not known" }));
}

/** The API's description, made from the schemas that check it. */
function documentOf(app: App, { server: { version, basePath } }: AdminParts): string {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: `${BASE}/openapi.json`,
    operationId: "getDocument",
    summary: "This document",
    security: [],
    "x-role": "none",
    responses: {
      200: {
        description: "OpenAPI 3.1",
        content: { "application/json": { schema: { type: "object" } } },
      },
    },
  });
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "signalbox admin API",
      version,
      description: "Peers, rooms, calls, bans and the state of a signalbox server.",
    },
    ...(basePath === "" ? {} : { servers: [{ url: basePath }] }),
  });
  return JSON.stringify(document);
}
