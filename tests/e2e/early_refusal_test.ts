import { assert, assertEquals } from "@std/assert";
import { RawHttp } from "../helpers/wire/raw_http.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// y-webrtc returns within milliseconds to a socket that was opened and closed, and slowly to one that
// never opened. Topics therefore refuses its clients before the upgrade (topics §8).

const TOKEN = "a-token-for-the-lobby";
const AUTH = ["--auth-mode", "tokens", "--auth-tokens", TOKEN];

/** Sends a WebSocket handshake. */
async function shakeHands(
  { url }: TestServer,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly http: RawHttp; readonly status: number; readonly body: string }> {
  const http = await RawHttp.connect(url);
  const fields = Object.entries({
    host: new URL(url).host,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  });
  await http.write(`GET ${target} HTTP/1.1\r\n`);
  await http.write(`${fields.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n`);
  const { status, headers: answered } = await http.head();
  assertEquals(answered.get("www-authenticate"), status === 401 ? "Bearer" : undefined);
  assertEquals(answered.get("retry-after"), status === 503 ? "5" : undefined);
  if (status === 101) return { http, status, body: "" };
  const length = Number(answered.get("content-length"));
  return { http, status, body: await bodyOf(http, length) };
}

async function bodyOf(http: RawHttp, length: number): Promise<string> {
  await http.endWriting();
  const body = await http.rest();
  assertEquals(body.length, length);
  return body;
}

async function statusOf(...args: Parameters<typeof shakeHands>): Promise<number> {
  const { http, status } = await shakeHands(...args);
  http[Symbol.dispose]();
  return status;
}

Deno.test("topics: a client without a valid token gets 401 before the upgrade", async () => {
  await using server = startTestServer({ args: AUTH });
  for (
    const [target, body] of [
      ["/topics", "Token is missing\n"],
      ["/topics?token=", "Token is missing\n"],
      ["/topics?token=another-token-here", "Token is not valid\n"],
    ] as const
  ) {
    const refused = await shakeHands(server, target);
    refused.http[Symbol.dispose]();
    assertEquals([refused.status, refused.body], [401, body]);
  }
  const reasons = server.log.map(({ what, facts }) => `${what} ${facts["reason"]}`);
  assertEquals(reasons.filter((line) => line === "refused auth_missing").length, 2);
  assertEquals(reasons.filter((line) => line === "refused auth_denied").length, 1);
  assertEquals(JSON.stringify(server.log).includes("another-token"), false);
  assertEquals(await server.gauge("signalbox_connections"), 0);
});

Deno.test("topics: a token in the query or in a header admits before the upgrade", async () => {
  await using server = startTestServer({ args: AUTH });
  const headers = { authorization: `Bearer ${TOKEN}` };
  assertEquals(await statusOf(server, "/topics", headers), 101);
  await using client = await WsClient.open(`${server.wsUrl}/topics?token=${TOKEN}`);
  client.send({ type: "ping" });
  assertEquals(await client.nextJson(), { type: "pong" });
});

Deno.test("topics: at the shared path / a token is checked after the opening", async () => {
  await using server = startTestServer({ args: AUTH });
  await using client = await WsClient.open(`${server.wsUrl}/`);
  client.send({ type: "ping" });
  assertEquals((await client.closed).code, 1008);
});

Deno.test("topics: a foreign origin and a banned address get 403, a full server 503", async () => {
  await using server = startTestServer({
    args: ["--allowed-origins", "https://a.example", "--limits-max-connections", "1"],
  });
  const origin = "https://a.example";
  assertEquals(await statusOf(server, "/topics", { origin: "https://b.example" }), 403);
  const { http, status } = await shakeHands(server, "/topics", { origin });
  assertEquals(status, 101);
  assertEquals(await statusOf(server, "/topics", { origin }), 503);
  http[Symbol.dispose]();
  await until(
    "the place to be free",
    async () => await server.gauge("signalbox_connections") === 0,
  );
  server.operator.bans.ban("127.0.0.1", { reason: "test" });
  assertEquals(await statusOf(server, "/topics", { origin }), 403);
  const reasons = server.log.flatMap(({ what, facts }) =>
    what === "refused" ? [facts["reason"]] : []
  );
  assertEquals(reasons, ["origin_forbidden", "server_full", "address_banned"]);
  assertEquals(await server.gauge("signalbox_connections"), 0);
});

Deno.test("topics: a refusal that is delayed holds its place only so long", async () => {
  await using server = startTestServer({
    args: [...AUTH, "--auth-failure-burst", "1", "--auth-max-delay-ms", "200"],
  });
  const statuses = await Promise.all(
    Array.from({ length: 5 }, () => statusOf(server, "/topics?token=a-wrong-token-again")),
  );
  assertEquals(statuses, Array(5).fill(401));
  assert(await server.gauge("signalbox_connections") === 0);
});
