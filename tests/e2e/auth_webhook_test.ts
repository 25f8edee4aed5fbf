import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Webhook } from "standardwebhooks";
import { ConfigError } from "../../src/config/load.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { freePort } from "../helpers/process/ports.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The webhook of authentication on the real wire; tests/auth tries every answer.

const SECRET = `whsec_${btoa("a secret of twenty-four.")}`;
const ALICE = "a-token-of-alice";

interface Question {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, string | null>>;
}

/** A webhook of an operator; it verifies each question before it answers. */
function startWebhook(answer: (question: Question) => Response | Promise<Response>): {
  url: string;
  asked: Question[];
  ids: string[];
} & AsyncDisposable {
  const [asked, ids]: [Question[], string[]] = [[], []];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const headers = Object.fromEntries(request.headers);
      // It throws unless the signature is right, and the time now.
      const question = new Webhook(SECRET).verify(await request.text(), headers) as Question;
      asked.push(question);
      ids.push(headers["webhook-id"] ?? "");
      return answer(question);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/ask?key=hidden-in-the-query`,
    asked,
    ids,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function argsFor(url: string): string[] {
  return [
    ...["--auth-mode", "webhook", "--auth-webhook-url", url, "--auth-webhook-secret", SECRET],
    "--auth-webhook-timeout-ms=20000",
  ];
}

/** The first frame of a PeerJS client. */
async function first(server: TestServer, id: string, token: string): Promise<unknown> {
  const query = `key=peerjs&id=${id}&token=${token}`;
  await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
  return await client.nextJson();
}

function refusal(msg: string): unknown {
  return { type: "ERROR", payload: { msg } };
}

Deno.test("mode webhook: each client is asked about once, by a signed request", async () => {
  await using webhook = startWebhook(({ data }) =>
    data["token"] === ALICE
      ? Response.json({ allow: true, sub: "alice" })
      : Response.json({ allow: false, reason: "has not paid" })
  );
  await using server = startTestServer({ args: argsFor(webhook.url) });
  assertEquals(await first(server, "alice", ALICE), { type: "OPEN" });
  assertEquals(await first(server, "alice", ALICE), { type: "OPEN" });
  assertEquals(webhook.asked.length, 1);
  assertEquals(await first(server, "bob", ALICE), refusal("Id is not allowed"));
  assertEquals(await first(server, "eve", "a-token-of-eve"), refusal("Token is not valid"));
  const [question] = webhook.asked;
  const { connection, userAgent, ...data } = question?.data ?? {};
  assertEquals([question?.type, typeof connection, typeof userAgent], ["auth", "string", "string"]);
  assert(!Number.isNaN(Date.parse(question?.timestamp ?? "")));
  const client = { address: "127.0.0.1", origin: null };
  assertEquals(data, { dialect: "peerjs", token: ALICE, id: "alice", room: null, ...client });
  assert(webhook.ids.every((id) => id.startsWith("evt_")), webhook.ids.join());
  const denied = server.log.find(({ facts }) => facts["reason"] === "auth_denied");
  assertEquals(denied?.facts["remark"], "has not paid");
  assertEquals(/a-token-of|hidden-in/.test(JSON.stringify(server.log)), false);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, "\nsignalbox_auth_cache_hits_total 1\n");
  assertStringIncludes(metrics, 'signalbox_auth_duration_seconds_count{mode="webhook"} 4\n');
});

Deno.test("mode webhook: an address has no more than its places, and others have theirs", async () => {
  const held = Promise.withResolvers<void>();
  await using webhook = startWebhook(async ({ data }) => {
    if (data["id"] === "slow") await held.promise;
    return Response.json({ allow: true });
  });
  const args = ["--auth-webhook-max-pending-per-address=1", "--trust-proxy=127.0.0.1"];
  await using server = startTestServer({
    args: [...argsFor(webhook.url), ...args, "--ice-servers=stun:stun.example.org"],
  });
  const slow = first(server, "slow", ALICE);
  await until("the question", () => webhook.asked.length === 1);
  assertEquals(await first(server, "b", ALICE), refusal("Cannot check the token now"));
  const refused = server.log.find(({ facts }) => facts["reason"] === "auth_unavailable");
  assertEquals(refused?.facts["remark"], "too many checks of its address are under way");
  const headers = { authorization: `Bearer ${ALICE}`, "x-forwarded-for": "192.0.2.9" };
  const neighbour = await fetch(`${server.url}/ice`, { headers });
  await neighbour.body?.cancel();
  assertEquals([neighbour.status, webhook.asked.length], [200, 2]);
  held.resolve();
  assertEquals(await slow, { type: "OPEN" });
  assertEquals(await first(server, "b", ALICE), { type: "OPEN" });
});

Deno.test("mode webhook: while it fails, clients are refused or admitted, with a warning a minute", async () => {
  for (const fail of ["closed", "open"]) {
    await using webhook = startWebhook(() => new Response("oops", { status: 500 }));
    const clock = new FakeClock();
    const args = [
      ...argsFor(webhook.url),
      "--auth-webhook-retries=0",
      `--auth-webhook-fail=${fail}`,
    ];
    await using server = startTestServer({ args, clock });
    const expected = fail === "open" ? { type: "OPEN" } : refusal("Cannot check the token now");
    const warnings = (): unknown[] =>
      server.log.filter(({ level }) => level === "warning").map(({ facts }) => facts);
    const warning = { error: "status 500", outcome: fail === "open" ? "admitted" : "refused" };
    for (const id of ["a", "b", "c"]) assertEquals(await first(server, id, "t"), expected);
    assertEquals(warnings(), [{ ...warning, clients: 1 }]);
    clock.advance(60_000);
    assertEquals(await first(server, "d", "t"), expected);
    assertEquals(warnings(), [{ ...warning, clients: 1 }, { ...warning, clients: 3 }]);
    const outcome = fail === "open" ? "fail_open" : "unavailable";
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const series = `signalbox_auth_attempts_total{dialect="peerjs",outcome="${outcome}"} 4`;
    assertStringIncludes(metrics, series);
  }
});

Deno.test("mode webhook: an address that nobody listens at is a warning without the query", async () => {
  const url = `http://127.0.0.1:${freePort()}/ask?key=hidden-in-the-query`;
  await using server = startTestServer({ args: argsFor(url) });
  assertEquals(await first(server, "a", ALICE), refusal("Cannot check the token now"));
  const warning = server.log.find(({ level }) => level === "warning");
  assertStringIncludes(String(warning?.facts["error"]), "127.0.0.1");
  assertEquals(/a-token-of|hidden-in/.test(JSON.stringify(server.log)), false);
});

Deno.test("a webhook of authentication needs its URL, a secret and its mode", () => {
  const objection = (...args: string[]): string =>
    assertThrows(() => startTestServer({ args }), ConfigError).messages.join();
  const [mode, url, secret] = [
    ["--auth-mode", "webhook"],
    ["--auth-webhook-url", "https://example.org/ask"],
    ["--auth-webhook-secret", SECRET],
  ] as const;
  assertStringIncludes(objection(...mode, ...secret), "without --auth-webhook-url");
  assertStringIncludes(objection(...mode, ...url), "without --auth-webhook-secret");
  assertStringIncludes(objection(...url), "--auth-webhook-url with --auth-mode none");
  const jwt = ["--auth-mode", "jwt", "--auth-jwt-secret", "x".repeat(32)];
  assertStringIncludes(objection(...jwt, ...secret), "--auth-webhook-secret with --auth-mode jwt");
  const short = objection(...mode, ...url, "--auth-webhook-secret", "whsec_c2hvcnQ=");
  assertStringIncludes(short, "must be whsec_ and 24 to 64 bytes in base64");
  assertEquals(short.includes("c2hvcnQ"), false);
  assertStringIncludes(objection(...mode, ...secret, "--auth-webhook-url", "ftp://a"), "http");
});
