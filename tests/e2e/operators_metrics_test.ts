import { assertEquals } from "@std/assert";
import { exportJWK, generateKeyPair } from "jose";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FULL_TOKEN, startForOperators } from "../helpers/wire/operators.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";

// Metrics of what operators and other people's servers do (operations notes, section 7).

/** The values of some series; undefined for one that is not shown. */
async function valuesOf(
  server: TestServer,
  ...series: readonly string[]
): Promise<(number | undefined)[]> {
  const lines = (await (await fetch(`${server.url}/metrics`)).text()).split("\n");
  return series.map((one) => {
    const line = lines.find((line) => line.startsWith(`signalbox_${one} `));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  });
}

/** Waits until series have these values. */
async function untilValues(
  server: TestServer,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  const values = JSON.stringify(Object.values(expected));
  await until(
    JSON.stringify(expected),
    async () => JSON.stringify(await valuesOf(server, ...Object.keys(expected))) === values,
  );
}

/** Somebody else's server, which answers by a function. */
function startReceiver(
  answer: () => Response | Promise<Response>,
): AsyncDisposable & { readonly url: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (one) => {
    await one.body?.cancel();
    return await answer();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("requests of operators are counted by status, and their streams are shown", async () => {
  await using server = startForOperators();
  const get = async (path: string, token: string): Promise<Response> =>
    await fetch(`${server.url}/admin/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  for (const [path, token] of [["/server", FULL_TOKEN], ["/peers", FULL_TOKEN], ["/peers", "x"]]) {
    await (await get(path ?? "", token ?? "")).body?.cancel();
  }
  assertEquals(
    await valuesOf(
      server,
      'admin_requests_total{status="200"}',
      'admin_requests_total{status="401"}',
      "admin_streams",
    ),
    [2, 1, 0],
  );
  const stream = await get("/events", FULL_TOKEN);
  assertEquals(await valuesOf(server, "admin_streams"), [1]);
  await stream.body?.cancel();
  await untilValues(server, { admin_streams: 0 });
});

Deno.test("fetches of the issuer's keys are counted by outcome, and the keys have an age", async () => {
  const { publicKey } = await generateKeyPair("ES256");
  const jwk = { ...await exportJWK(publicKey), kid: "a" };
  let isUp = false;
  await using issuer = startReceiver(() =>
    isUp ? Response.json({ keys: [jwk] }) : new Response(null, { status: 500 })
  );
  const clock = new FakeClock();
  await using server = startTestServer({
    args: ["--auth-mode=jwt", "--auth-jwks", issuer.url, "--auth-jwt-audience=calls"],
    clock,
  });
  const [failed, ok] = ["failed", "ok"].map((one) => `auth_jwks_fetches_total{outcome="${one}"}`);
  await untilValues(server, { [failed ?? ""]: 1, auth_jwks_age_seconds: -1 });
  isUp = true;
  clock.advance(30_000);
  await untilValues(server, { [failed ?? ""]: 1, [ok ?? ""]: 1, auth_jwks_age_seconds: 0 });
  clock.advance(20_000);
  assertEquals(await valuesOf(server, "auth_jwks_age_seconds"), [20]);
});

Deno.test("an event that waits for its receiver is shown with its age, and an attempt with its duration", async () => {
  const held = Promise.withResolvers<Response>();
  let asked = 0;
  await using receiver = startReceiver(() => {
    asked++;
    return held.promise;
  });
  const clock = new FakeClock();
  const secret = `whsec_${btoa("a secret of twenty-four.")}`;
  await using server = startTestServer({
    args: ["--webhooks-url", receiver.url, "--webhooks-secret", secret],
    clock,
  });
  await until("the first attempt", () => asked === 1);
  clock.advance(5_000);
  const [queued, age] = await valuesOf(
    server,
    "webhook_queued_events",
    "webhook_oldest_event_seconds",
  );
  assertEquals([queued, age], [1, 5]);
  held.resolve(new Response(null, { status: 204 }));
  await untilValues(server, {
    'webhook_deliveries_total{outcome="delivered"}': 1,
    webhook_queued_events: 0,
    webhook_duration_seconds_count: 1,
    webhook_duration_seconds_sum: 5,
  });
});
