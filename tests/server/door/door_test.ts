import { assertEquals, assertStringIncludes } from "@std/assert";
import { DIALECTS } from "../../../src/dialects/mod.ts";
import { Door, type DoorOptions } from "../../../src/server/door/door.ts";
import { TrustedProxies } from "../../../src/http/address.ts";
import { CorsPolicy } from "../../../src/http/cors.ts";
import { Gate, type GateLimits } from "../../../src/http/gate.ts";
import type { HttpRoute } from "../../../src/http/route.ts";
import { landingRoute } from "../../../src/http/landing.ts";
import { ownRoutes } from "../../../src/http/own_routes.ts";
import { type OwnedRoute, Router } from "../../../src/http/router.ts";
import { Connections } from "../../../src/transport/connections.ts";
import { serveTransport } from "../../../src/transport/serve/mod.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { DialectBench } from "../../helpers/session/dialect.ts";
import { NO_BUDGET } from "../../helpers/session/budget.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";

// A door without a listener: everything but the upgrade itself, which the runtime only makes for a
// request of its own server.

const WIDE: GateLimits = {
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  connectionsPerSecond: Infinity,
  connectionBurst: Infinity,
  maxAddresses: 100_000,
  maxRefusalConnections: 100,
};
const PAGE = "<!doctype html><title>page</title>";
const HANDSHAKE = {
  "host": "localhost",
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** A door as the server makes it, with all dialects behind it. */
class Bench implements Disposable {
  readonly turnedAway: string[] = [];
  readonly hints: string[] = [];
  readonly faults: unknown[] = [];
  /** Set while the server ends. */
  isClosed = false;
  /** Set while the other nodes of the cluster are out of reach. */
  isUnreachable = false;
  readonly gate: Gate;
  readonly door: Door;
  readonly #undo = new DisposableStack();

  constructor(
    { limits = {}, origins = [], ...options }: Partial<DoorOptions> & {
      readonly limits?: Partial<GateLimits>;
      readonly origins?: readonly string[];
    } = {},
  ) {
    const clock = new FakeClock();
    const silent = { opened: () => {}, refused: () => {}, ended: () => {}, failed: () => {} };
    this.gate = new Gate({ ...WIDE, ...limits }, origins, clock.now);
    this.door = new Door({
      router: new Router(this.#routes()),
      gate: this.gate,
      cors: new CorsPolicy(origins),
      proxies: new TrustedProxies(["10.0.0.1"]),
      connections: this.#undo.use(new Connections(clock, silent, NO_BUDGET)),
      transport: serveTransport(clock),
      clock,
      maxSilenceMs: 30_000,
      basePath: "",
      isClosed: () => this.isClosed,
      isUnreachable: () => this.isUnreachable,
      onTurnedAway: ({ dialect, address }, status) =>
        this.turnedAway.push(`${dialect} ${address} ${status}`),
      signpost: {
        refused: ({ pathname, status }) => this.hints.push(`${status} ${pathname}`),
        foreignOrigin: (_, origin) => this.hints.push(`origin ${origin}`),
        silent: (_, pathname) => this.hints.push(`silent ${pathname}`),
        untrustedProxy: (address) => this.hints.push(`proxy ${address}`),
      },
      onRequestRefused: ({ dialect, address }, { code }, word) =>
        this.turnedAway.push(`${dialect} ${address} ${code} ${word}`),
      onFault: (error) => this.faults.push(error),
      ...options,
    });
  }

  ask(target: string, init: RequestInit = {}): Response {
    return this.#handle(new Request(`http://signalbox.test${target}`, init), "192.0.2.1");
  }

  async askAsync(target: string, init: RequestInit = {}): Promise<Response> {
    return await this.door.handle(new Request(`http://signalbox.test${target}`, init), "192.0.2.1");
  }

  connect(target: string, headers: Record<string, string> = {}, remote = "192.0.2.1"): Response {
    const request = new Request(`http://signalbox.test${target}`, {
      headers: { ...HANDSHAKE, ...headers },
    });
    return this.#handle(request, remote);
  }

  /** Only a route with a body to read takes its time, and there is none here. */
  #handle(request: Request, remote: string): Response {
    const response = this.door.handle(request, remote);
    if (!(response instanceof Response)) throw new Error("Expected an answer at once");
    return response;
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }

  #routes(): OwnedRoute[] {
    const own = ownRoutes({
      health: "/health",
      metricsPath: undefined,
      basePath: "",
      metricsAccess: "open",
      expose: () => Promise.resolve(""),
      trouble: () => undefined,
    });
    const dialects = DIALECTS.map((dialect) => this.#undo.use(new DialectBench(dialect)));
    return [
      ...[...own, landingRoute(PAGE)].map((route) => ({ owner: "server", route })),
      ...dialects.flatMap(({ realm, routes }) => routes.map((route) => ({ owner: realm, route }))),
    ];
  }
}

const HTML = { headers: { accept: "text/html" } };

Deno.test("at / a browser gets the page, and a client PeerJS's document", async () => {
  using bench = new Bench();
  const page = bench.ask("/", HTML);
  assertEquals([page.status, await page.text()], [200, PAGE]);
  assertStringIncludes(page.headers.get("content-security-policy") ?? "", "default-src 'none'");
  for (const headers of [{}, { accept: "*/*" }, { accept: "application/json" }]) {
    const about = bench.ask("/", { headers });
    assertEquals((await about.json()).name, "PeerJS Server");
    assertEquals(about.headers.get("vary"), "Accept");
  }
  assertEquals(page.headers.get("vary"), "Accept");
});

Deno.test("elsewhere a browser gets what everybody gets", async () => {
  using bench = new Bench();
  assertEquals(await bench.ask("/health", HTML).text(), "OK\n");
  assertEquals(bench.ask("/nowhere", HTML).status, 404);
});

for (
  const [method, target, status] of [
    ["GET", "/health", 200],
    ["HEAD", "/health", 200],
    ["GET", "/health/", 200],
    ["GET", "/health?x", 200],
    ["POST", "/health", 405],
    ["GET", "/peerjs/id", 200],
    ["HEAD", "/peerjs/id", 200],
    ["GET", "/peerjs/peers", 401],
    ["PUT", "/peerjs/id", 405],
    ["DELETE", "/", 405],
    ["GET", "/peerjs", 426],
    ["GET", "/gst", 426],
    ["POST", "/gst", 405],
    ["GET", "/nowhere", 404],
    ["POST", "/nowhere", 404],
    ["GET", "/health/id", 404],
    ["GET", "/gst/peers", 404],
    ["GET", "/%zz/id", 400],
    ["GET", "/%ff/id", 400],
    ["OPTIONS", "/peerjs/id", 204],
    ["OPTIONS", "/", 204],
  ] as const
) {
  Deno.test(`${method} ${target} is answered ${status}`, () => {
    using bench = new Bench();
    const response = bench.ask(target, { method });
    assertEquals(response.status, status);
    if (status === 405) assertEquals(response.headers.get("allow"), "GET, HEAD, OPTIONS");
    if (status === 426) assertEquals(response.headers.get("upgrade"), "websocket");
  });
}

Deno.test("every plain answer may be read by pages of every origin", () => {
  using bench = new Bench();
  const headers = { origin: "https://a.example" };
  const targets = ["/", "/health", "/peerjs/id", "/peerjs/peers", "/peerjs", "/nowhere", "/%zz/id"];
  for (const target of targets) {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const response = bench.ask(target, { method, headers });
      const allowed = response.headers.get("access-control-allow-origin");
      assertEquals([target, method, allowed], [target, method, "https://a.example"]);
      assertStringIncludes(response.headers.get("vary") ?? "", "Origin");
    }
  }
});

Deno.test("no answer repeats what it was asked", async () => {
  using bench = new Bench();
  for (const target of ["/<mark>", "/peerjs/<mark>", "/%3Cmark%3E/peers", "/?<mark>"]) {
    assertEquals((await bench.ask(target).text()).includes("mark"), false);
  }
});

Deno.test("a WebSocket where none is accepted is answered 404, a broken target 400", () => {
  using bench = new Bench();
  for (const target of ["/nowhere", "/health", "/peerjs/id", "/gst/x"]) {
    assertEquals(bench.connect(target).status, 404);
  }
  assertEquals(bench.connect("/%zz").status, 400);
  // The likeliest mistake of a person who moves over: a signpost has to see it.
  assertEquals(bench.hints, ["404 /nowhere", "404 /health", "404 /peerjs/id", "404 /gst/x"]);
});

Deno.test("a broken handshake is answered by a status, and reported", () => {
  using bench = new Bench();
  assertEquals(bench.connect("/gst", { "sec-websocket-version": "8" }).status, 426);
  assertEquals(bench.connect("/peerjs", { "sec-websocket-key": "x" }).status, 400);
  assertEquals(bench.connect("/", { connection: "close" }).status, 400);
  assertEquals(bench.turnedAway, ["peerjs 192.0.2.1 400", "gstreamer 192.0.2.1 400"]);
  assertEquals(bench.hints[0], "426 /gst");
  assertEquals(bench.gate.connections, 0);
});

Deno.test("a handshake as clients make it is carried out, and takes a place", () => {
  using bench = new Bench();
  for (const target of ["/", "/gst", "/peerjs?key=peerjs&id=a&token=t"]) {
    assertEquals(bench.connect(target).status, 101);
  }
  assertEquals([bench.gate.connections, bench.turnedAway], [3, []]);
});

Deno.test("a refused client is let in for the reason: a page could not read a status", () => {
  using bench = new Bench({ origins: ["https://a.example"] });
  assertEquals(bench.connect("/peerjs", { origin: "https://b.example" }).status, 101);
  assertEquals(bench.gate.connections, 0);
});

Deno.test("when not even a refusal can be afforded the answer is 503, with a time to return", () => {
  using bench = new Bench({ limits: { maxConnections: 0 } });
  for (let nth = 0; nth < 100; nth++) bench.gate.admit("192.0.2.9", null);
  const response = bench.connect("/gst");
  assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
});

Deno.test("while the server ends nobody is let in, and plain answers go on", () => {
  using bench = new Bench();
  bench.isClosed = true;
  assertEquals(bench.connect("/gst").status, 503);
  assertEquals([bench.ask("/health").status, bench.gate.connections], [200, 0]);
});

Deno.test("while other nodes are out of reach, a load balancer is sent to the next node", async () => {
  using bench = new Bench();
  bench.isUnreachable = true;
  const passedOn = bench.connect("/webrtcsink", { "x-forwarded-for": "198.51.100.7" }, "10.0.0.1");
  assertEquals([passedOn.status, passedOn.headers.get("retry-after")], [503, "1"]);
  assertEquals(await passedOn.text(), "Server is not available, try again\n");
  assertEquals(bench.turnedAway, ["webrtcsink 198.51.100.7 503"]);
  assertEquals(bench.connect("/nowhere", {}, "10.0.0.1").status, 404);
  assertEquals(bench.connect("/webrtcsink").status, 101);
});

Deno.test("a message whose body comes to its end while the server ends is not taken any more", async () => {
  using bench = new Bench();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const request = new Request("http://signalbox.test/simple", { method: "POST", body: readable });
  const answer = bench.door.handle(request, "192.0.2.1");
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode('{"event":"ping"'));
  bench.isClosed = true;
  await writer.write(new TextEncoder().encode("}"));
  await writer.close();
  const { status, headers } = await answer;
  assertEquals([status, headers.get("retry-after"), bench.faults], [503, "5", []]);
  assertEquals(bench.gate.connections, 0);
});

Deno.test("the address is the client's own behind a trusted proxy, and only there", () => {
  using bench = new Bench();
  const headers = { "x-forwarded-for": "203.0.113.9", "sec-websocket-key": "broken" };
  bench.connect("/gst", headers, "10.0.0.1");
  bench.connect("/gst", headers, "192.0.2.1");
  assertEquals(bench.turnedAway, ["gstreamer 203.0.113.9 400", "gstreamer 192.0.2.1 400"]);
});

Deno.test("a fault of a handler is reported, and answered 500 to that one client", () => {
  const fault = new Error("bug");
  const handle = (): Response => {
    throw fault;
  };
  const route = { kind: "http", method: "GET", path: "/broken", access: "open", handle } as const;
  using bench = new Bench({ router: new Router([{ owner: "server", route }]) });
  const headers = { origin: "https://a.example" };
  const response = bench.ask("/broken", { headers });
  assertEquals([response.status, bench.faults], [500, [fault]]);
  assertEquals(response.headers.get("access-control-allow-origin"), "https://a.example");
  assertEquals(bench.ask("/nowhere").status, 404);
});

Deno.test("a resource is asked for access before it answers, and may take its time", async () => {
  const asked: string[] = [];
  const answer = (name: string): Promise<Response> => {
    asked.push(name);
    return Promise.resolve(new Response(name));
  };
  const base = { kind: "http", path: "/x" } as const;
  const refuse = (): Promise<Response> => Promise.resolve(new Response(null, { status: 401 }));
  const routes: HttpRoute[] = [
    { ...base, method: "GET", access: () => undefined, handle: () => answer("get") },
    { ...base, method: "PUT", access: "open", handle: () => answer("put") },
    { ...base, method: "DELETE", access: refuse, handle: () => answer("delete") },
  ];
  using bench = new Bench({
    router: new Router(routes.map((route) => ({ owner: "server", route }))),
  });
  const statuses = [];
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "POST"]) {
    statuses.push((await bench.askAsync("/x", { method })).status);
  }
  assertEquals([statuses, asked], [[200, 200, 200, 401, 405], ["get", "get", "put"]]);
  const { headers } = await bench.askAsync("/x", { method: "POST" });
  assertEquals(headers.get("allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
});

Deno.test("a refused POST is reported with the code and the dialect's word for it", async () => {
  using bench = new Bench();
  const post = async (body: string): Promise<number> =>
    (await bench.askAsync("/simple", { method: "POST", body })).status;
  assertEquals(await post("hello"), 400);
  assertEquals(await post('{"event":"ping","p_id":"x","p_secret":"x","p_instance":0}'), 403);
  assertEquals(await post(`"${"x".repeat(2 ** 20)}"`), 413);
  assertEquals(bench.turnedAway, [
    "simple 192.0.2.1 not_json bad_json",
    "simple 192.0.2.1 id_not_issued bad_secret",
    "simple 192.0.2.1 frame_too_large too_large",
  ]);
  assertEquals(bench.gate.connections, 0);
});

Deno.test("below a base path a WebSocket beside it is answered 404, and reported", () => {
  using bench = new Bench({ basePath: "/signal" });
  assertEquals([bench.connect("/signal/gst").status, bench.connect("/gst").status], [101, 404]);
  assertEquals([bench.ask("/signal/health").status, bench.ask("/health").status], [200, 404]);
  assertEquals(bench.ask("/gst?token=x#y").status, 404);
  const refused = bench.hints.filter((hint) => hint.startsWith("404"));
  assertEquals(refused, ["404 /gst", "404 /health", "404 /gst"]);
  assertEquals(bench.ask("/health", { method: "OPTIONS" }).status, 204);
});

Deno.test("the server's own time to notice a silent client holds for every protocol by default", () => {
  const silences = new Map<string, number>();
  let path = "";
  const transport: Transport = {
    keepsConnections: false,
    listen: () => {
      throw new Error("Cannot listen in this test");
    },
    upgrade(_request, maxSilenceMs): undefined {
      silences.set(path, maxSilenceMs);
      return undefined; // refused: there is no connection to upgrade
    },
  };
  using bench = new Bench({ transport, maxSilenceMs: 600_000 });
  const paths = ["/", "/peerjs", "/gst", "/ssp", "/ssp/v1", "/ssp/auto", "/simple", "/webrtcsink"];
  for (path of [...paths, "/topics"]) assertEquals(bench.connect(path).status, 400);
  assertEquals([...silences.values()], Array(9).fill(600_000));
});
