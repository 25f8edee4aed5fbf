import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readTarget, readVisit, type Target } from "../../src/http/visit.ts";

/** A request as the runtime hands it on: its URL is the Host header before the target as it came. */
function request(target: string, headers: Record<string, string> = {}): Request {
  const { host = "localhost" } = headers;
  const given = { url: `http://${host}${target}`, headers: new Headers(headers) };
  // Only these two are read, and no constructor takes such URLs.
  return given as unknown as Request;
}

/** Path and query of what was read. */
function textOf(target: Target): string {
  return typeof target === "string" ? target : `${target.url.pathname}${target.url.search}`;
}

Deno.test("a request's path and query are read beside whatever Host header", () => {
  const hosts = ["a.example", "::1:8080", "fe80::1%eth0", "[fe80::1%25eth0]:80", "a:99999999", "["];
  for (const host of [...hosts, "u:p@h", "a_b", "", "127.1"]) {
    const target = readTarget(request("/a/b?c=%2F&d", { host }), "");
    assertEquals(textOf(target), "/a/b?c=%2F&d", host);
  }
});

Deno.test("a Host header with characters that no host has is refused, as HTTP demands", () => {
  for (const host of ["a b", "a/b", "a?b", "a#b", "a\\b"]) {
    assertEquals(readTarget(request("/", { host }), ""), "bad");
  }
});

Deno.test("an absolute target counts, and not the Host header beside it", () => {
  const given = { url: "http://other/x?y", headers: new Headers({ host: "oth" }) };
  assertEquals(textOf(readTarget(given as unknown as Request, "")), "/x?y");
  assertEquals(
    textOf(readTarget({ ...given, url: "http://other" } as unknown as Request, "")),
    "/",
  );
});

Deno.test("doubled slashes in a path count as one, and those of a query are the client's", () => {
  const cases = { "//a///b//": "/a/b/", "//": "/", "//x": "/x", "/a?b=//": "/a?b=//" };
  for (const [target, expected] of Object.entries(cases)) {
    assertEquals(textOf(readTarget(request(target), "")), expected);
  }
});

Deno.test("a base path is removed, and nothing beside it is found", () => {
  const below = { "/s": "/", "/s/": "/", "/s//a": "/a", "//s/a?q": "/a?q", "/s/s": "/s" };
  for (const [target, expected] of Object.entries(below)) {
    assertEquals(textOf(readTarget(request(target), "/s")), expected);
  }
  for (const target of ["/", "/sa", "/a/s", "/S/a", "/s%2Fa"]) {
    assertEquals(readTarget(request(target), "/s"), "elsewhere");
  }
});

Deno.test("an escape that is broken, or no UTF-8, makes a target bad", () => {
  for (const target of ["/%zz", "/%ff", "/s/%"]) {
    assertEquals(readTarget(request(target), ""), "bad");
  }
});

Deno.test("no target and no Host header are too odd to be read, and none leaves the base path", () => {
  const text = fc.string({ unit: "binary-ascii", maxLength: 30 });
  fc.assert(fc.property(text, text, (path, host) => {
    const headers = { get: (name: string) => name === "host" ? host : null };
    const given = { url: `http://${host}/${path}`, headers };
    const target = readTarget(given as unknown as Request, "/s");
    if (typeof target !== "string") assertEquals(target.url.hostname, "localhost");
  }));
});

const URL_HERE = new URL("http://localhost/");

function visit(headers: Record<string, string>): ReturnType<typeof readVisit> {
  return readVisit(request("/", headers), URL_HERE, "192.0.2.1");
}

Deno.test("a visit holds what a client shows, and no cookie", () => {
  const headers = {
    "origin": "https://a.example",
    "user-agent": "test/1",
    "authorization": "Bearer t0ken",
    "sec-websocket-protocol": "a,b , c",
    "cookie": "session=s3cret",
  };
  assertEquals(visit(headers), {
    url: URL_HERE,
    bearer: "t0ken",
    protocols: ["a", "b", "c"],
    origin: "https://a.example",
    userAgent: "test/1",
    address: "192.0.2.1",
  });
  const { bearer, protocols, origin, userAgent } = visit({});
  assertEquals([bearer, protocols, origin, userAgent], [undefined, [], undefined, undefined]);
});

Deno.test("a bearer subprotocol is a token, and goes before the header", () => {
  const authorization = "Bearer header";
  const both = visit({ authorization, "sec-websocket-protocol": "signalbox, bearer.a.b-c" });
  assertEquals([both.bearer, both.protocols], ["a.b-c", ["signalbox"]]);
  const empty = visit({ authorization, "sec-websocket-protocol": "bearer., x" });
  assertEquals([empty.bearer, empty.protocols], ["header", ["x"]]);
});

Deno.test("an Authorization header of another scheme, or without a token, holds none", () => {
  for (const authorization of ["Basic dTpw", "Bearer", "Bearer ", "Bearer a b", "bearertoken"]) {
    assertEquals(visit({ authorization }).bearer, undefined, authorization);
  }
  assertEquals(visit({ authorization: "bearer  x" }).bearer, "x");
});
