import { assert, assertEquals } from "@std/assert";
import { isProbe, type OwnRouteOptions, ownRoutes, probesOf } from "../../src/http/own_routes.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { visitOf } from "../helpers/session/visit.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

type Answer = [status: number, type: string | null, text: string];

function newAsk(
  options: Partial<OwnRouteOptions> = {},
): (path: string) => Promise<Answer | undefined> {
  const routes = ownRoutes({
    health: "/health",
    metricsPath: undefined,
    metricsAccess: "open",
    basePath: "",
    expose: () => Promise.resolve(""),
    trouble: () => undefined,
    ...options,
  });
  return async (path) => {
    const found = routes.filter((route) => route.path === path);
    assert(found.length <= 1, `${path} is served twice`);
    const visit = visitOf(path);
    const response = await found[0]?.handle(new Request(visit.url), visit);
    if (response === undefined) return undefined;
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
}

const TEXT = "text/plain; charset=utf-8";

Deno.test("the server reports that it lives, as GStreamer's server does", async () => {
  const ask = newAsk();
  for (const path of ["/health", "/healthz"]) assertEquals(await ask(path), [200, TEXT, "OK\n"]);
});

Deno.test("the path of the health check can be chosen, also as one that exists", async () => {
  assertEquals(await newAsk({ health: "/alive" })("/alive"), [200, TEXT, "OK\n"]);
  assertEquals(await newAsk({ health: "/alive" })("/health"), undefined);
  assertEquals(await newAsk({ health: "/healthz" })("/healthz"), [200, TEXT, "OK\n"]);
});

Deno.test("a request for health or readiness is known by its path", () => {
  const probes = probesOf({ health: "/health" }, "/signal");
  const asks = (path: string): boolean => isProbe(new Request(`http://localhost${path}`), probes);
  for (const path of ["/signal/healthz", "/signal/readyz?verbose", "//signal//health"]) {
    assert(asks(path), path);
  }
  for (const path of ["/readyz", "/signal", "/signal/"]) assert(!asks(path), path);
  assertEquals([...probesOf({ health: "" }, "")], ["/healthz", "/readyz"]);
});

Deno.test("a problem is reported while the server serves, and does not end it", async () => {
  let trouble: string | undefined = "the store: the disk is full";
  const ask = newAsk({ trouble: () => trouble });
  assertEquals(await ask("/readyz"), [503, TEXT, "not ready: the store: the disk is full\n"]);
  assertEquals((await ask("/healthz"))?.[0], 200);
  trouble = undefined;
  assertEquals(await ask("/readyz"), [200, TEXT, "ready\n"]);
});

Deno.test("metrics are shown only where a path was chosen for them", async () => {
  assertEquals(await newAsk()("/metrics"), undefined);
  const metrics = new Metrics(new FakeClock());
  metrics.read("signalbox_held_bytes", () => 3, { dialect: "peerjs" });
  const answer = await newAsk({ metricsPath: "/metrics", expose: () => metrics.expose() })(
    "/metrics",
  );
  assertEquals(answer?.[1], "text/plain; version=0.0.4; charset=utf-8");
  assert(answer?.[2].includes('signalbox_held_bytes{dialect="peerjs"} 3\n'));
});
