import { assert, assertEquals, assertThrows } from "@std/assert";
import type { HttpRoute, UpgradeRoute } from "../../src/http/route.ts";
import { DIALECTS } from "../../src/dialects/mod.ts";
import { allowedMethods, type OwnedRoute, Router } from "../../src/http/router.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { ScriptedSession } from "../helpers/session/scripted_session.ts";

const LIMITS: UpgradeRoute["limits"] = {
  maxFrameBytes: 1,
  framesPerSecond: 1,
  frameBurst: 1,
  bytesPerSecond: Infinity,
  byteBurst: Infinity,
  identifyTimeoutMs: 1,
  maxHeldFrames: 1,
  floodTimeoutMs: 1,
  floodPauseMs: 1,
  maxQueuedBytes: 1,
  stallTimeoutMs: 1,
};

function get(owner: string, path: string): OwnedRoute<HttpRoute> {
  const handle = (): Response => new Response(null);
  return { owner, route: { kind: "http", method: "GET", path, access: "open", handle } };
}

function upgrade(owner: string, path: string): OwnedRoute<UpgradeRoute> {
  const connect: UpgradeRoute["connect"] = (_visit, link) => new ScriptedSession(link);
  return { owner, route: { kind: "upgrade", path, limits: LIMITS, connect } };
}

/** The owner that answers a plain request, and the owner that takes an upgrade. */
function owners(router: Router, path: string): [string | undefined, string | undefined] {
  const { resources: [resource], upgrade } = router.match(path);
  return [resource?.owner, upgrade?.owner];
}

Deno.test("an exact path belongs to its route, and nothing else does", () => {
  const router = new Router([get("a", "/x"), get("b", "/x/y")]);
  assertEquals(owners(router, "/x"), ["a", undefined]);
  assertEquals(owners(router, "/x/y"), ["b", undefined]);
  for (const path of ["/", "/X", "/x/y/z", "/xy", "x", ""]) {
    assertEquals(owners(router, path), [undefined, undefined]);
  }
});

Deno.test("a trailing slash is nothing, in a route and in a request", () => {
  const router = new Router([get("a", "/x"), get("b", "/y/"), get("c", "/"), get("d", "/z/*/")]);
  for (const path of ["/x", "/x/"]) assertEquals(owners(router, path)[0], "a");
  for (const path of ["/y", "/y/"]) assertEquals(owners(router, path)[0], "b");
  assertEquals(owners(router, "/")[0], "c");
  for (const path of ["/z/1", "/z/1/"]) assertEquals(owners(router, path)[0], "d");
});

Deno.test("a socket and a plain resource may share a path, of whatever owners", () => {
  const router = new Router([get("a", "/"), upgrade("b", "/")]);
  assertEquals(owners(router, "/"), ["a", "b"]);
});

Deno.test("two of a kind at one path are a mistake", () => {
  assertThrows(() => new Router([get("a", "/x"), get("b", "/x/")]), RangeError, '"/x"');
  assertThrows(() => new Router([upgrade("a", "/x"), upgrade("a", "/x")]), RangeError);
});

Deno.test("a wildcard stands for one segment that is not empty", () => {
  const router = new Router([get("a", "/*/id")]);
  for (const path of ["/x/id", "/%20/id", "/id/id", "/__proto__/id", "/x/id/"]) {
    assertEquals(owners(router, path)[0], "a");
  }
  for (const path of ["/id", "//id", "/x/y/id", "/x/id/y", "/x/ids", "/x"]) {
    assertEquals(owners(router, path), [undefined, undefined]);
  }
  assertEquals(owners(router, "/x/id"), ["a", undefined]);
});

Deno.test("an exact path wins over a wildcard", () => {
  const router = new Router([get("a", "/*/id"), get("a", "/x/id"), get("b", "/mine/*")]);
  assertEquals(router.match("/x/id").resources[0]?.route.path, "/x/id");
  assertEquals(router.match("/y/id").resources[0]?.route.path, "/*/id");
  assertEquals(owners(router, "/mine/y")[0], "b");
});

Deno.test("a wildcard does not reach into what belongs to another owner", () => {
  const router = new Router([get("a", "/*/id"), get("b", "/health"), upgrade("c", "/gst")]);
  for (const path of ["/health/id", "/gst/id"]) {
    assertEquals(owners(router, path), [undefined, undefined]);
  }
  assertEquals(owners(router, "/other/id")[0], "a");
});

Deno.test("an owner's wildcard reaches beside its own exact paths, in whatever order", () => {
  const own = [get("a", "/*/id"), upgrade("a", "/a")];
  const foreign = upgrade("b", "/a/b");
  for (const routes of [[...own, foreign], [foreign, ...own], [...own].reverse()]) {
    assertEquals(owners(new Router(routes), "/a/id")[0], "a");
  }
});

Deno.test("each dialect is reached at its default paths, beside all others", () => {
  const benches = DIALECTS.map((dialect) => new DialectBench(dialect));
  const routes = benches.flatMap((bench) =>
    bench.routes.map((route) => ({ owner: bench.realm, route }))
  );
  const router = new Router(routes);
  for (const { owner, route } of routes) {
    const { resources, upgrade, guests } = router.match(route.path.replace("*", "any"));
    const isGuest = route.kind === "upgrade" && route.recognises !== undefined;
    const found = isGuest ? guests : [route.kind === "http" ? resources[0] : upgrade];
    assert(found.some((one) => one?.owner === owner), `${route.path} of ${owner}`);
  }
  for (const bench of benches) bench[Symbol.dispose]();
});

Deno.test("Allow names every method that the routes of a path answer, and OPTIONS", () => {
  const methods = (...routes: OwnedRoute[]): string =>
    allowedMethods(new Router(routes).match("/x"));
  const at = (method: HttpRoute["method"]): OwnedRoute => {
    const { owner, route } = get("a", "/x");
    return { owner, route: { ...route, method } };
  };
  assertEquals(methods(get("a", "/x")), "GET, HEAD, OPTIONS");
  assertEquals(methods(upgrade("a", "/x")), "GET, HEAD, OPTIONS");
  assertEquals(methods(at("PUT"), at("DELETE")), "PUT, DELETE, OPTIONS");
  assertEquals(methods(at("POST"), upgrade("b", "/x")), "GET, HEAD, POST, OPTIONS");
});

Deno.test("resources of two methods, or for a preferred type, share a path; others do not", () => {
  const plain = get("a", "/x");
  const page = { owner: "b", route: { ...plain.route, prefers: "text/html" } } as const;
  const put = { owner: "c", route: { ...plain.route, method: "PUT" } } as const;
  const router = new Router([plain, page, put]);
  const { resources } = router.match("/x");
  assertEquals(resources.map(({ owner }) => owner), ["b", "a", "c"]);
  assertThrows(() => new Router([plain, page, page]), RangeError, '"/x"');
  assertThrows(() => new Router([put, put]), RangeError, '"/x"');
});
