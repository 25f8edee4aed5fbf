import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { ConfigError } from "../../src/config/load.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Authentication on the real wire; tests/auth tries every refusal in every dialect.

const ALICE = "a-token-of-alice";
const LOBBY = "a-token-for-the-lobby";
const ARGS = [
  "--auth-mode",
  "tokens",
  "--auth-tokens",
  `alice:${ALICE}`,
  "--auth-tokens",
  `${LOBBY}@lobby`,
];

/** The first frame of a connection. */
async function first(url: string): Promise<unknown> {
  await using client = await WsClient.open(url);
  return await client.nextJson();
}

Deno.test("mode tokens: clients are admitted by token and id, and refusals are logged without a token", async () => {
  await using server = startTestServer({ args: ARGS });
  const peer = (key: string, id: string): string =>
    `${server.wsUrl}/peerjs?key=${key}&id=${id}&token=random`;
  assertEquals(await first(peer(ALICE, "alice")), { type: "OPEN" });
  const refusal = (msg: string): unknown => ({ type: "ERROR", payload: { msg } });
  assertEquals(await first(peer(ALICE, "bob")), refusal("Id is not allowed"));
  assertEquals(await first(peer("not-a-token-at-all", "alice")), refusal("Token is not valid"));
  assertEquals(await first(peer(LOBBY, "anybody")), { type: "OPEN" });
  const reasons = server.log.flatMap(({ facts }) => facts["reason"] ?? []);
  assert(reasons.includes("auth_id") && reasons.includes("auth_denied"), reasons.join());
  assertEquals(JSON.stringify(server.log).includes("a-token"), false);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const outcome of ["granted", "id", "denied"]) {
    const count = outcome === "granted" ? 2 : 1;
    const series = `signalbox_auth_attempts_total{dialect="peerjs",outcome="${outcome}"} ${count}`;
    assertStringIncludes(metrics, series);
  }
  assertStringIncludes(metrics, 'signalbox_refusals_total{dialect="peerjs",reason="auth_id"} 1');
});

Deno.test("mode tokens: a header, a subprotocol or a posted join brings the token of Simple", async () => {
  await using server = startTestServer({ args: ARGS });
  const open = (token: string, body: unknown): Promise<Response> =>
    fetch(`${server.url}/simple`, {
      method: "POST",
      headers: {
        accept: "text/event-stream",
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
  const statusOf = async (response: Promise<Response>): Promise<number> => {
    const { status, body } = await response;
    await body?.cancel();
    return status;
  };
  const join = { event: "join", room: "lobby" };
  assertEquals(await statusOf(open(LOBBY, join)), 200);
  assertEquals(await statusOf(open("", { ...join, token: LOBBY })), 200);
  assertEquals(await statusOf(open(LOBBY, { ...join, room: "attic" })), 403);
  assertEquals(await statusOf(open("", join)), 401);
  assertEquals(await statusOf(open("x".repeat(16), join)), 401);
  const offered = ["signalbox", `bearer.${LOBBY}`];
  const socket = new WebSocket(`${server.wsUrl}/simple?room=lobby`, offered);
  const message = await new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
  assertStringIncludes(String(message), '"room":"lobby"');
  assertEquals(socket.protocol, "signalbox");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("dialects that are left out of --auth-dialects stay open", async () => {
  await using server = startTestServer({ args: [...ARGS, "--auth-dialects", "owt"] });
  assertEquals(await first(`${server.wsUrl}/peerjs?key=peerjs&id=a&token=t`), { type: "OPEN" });
});

Deno.test("mode jwt: keys of an issuer are fetched, and until then the server is not ready", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const set = JSON.stringify({ keys: [{ ...await exportJWK(publicKey), kid: "k" }] });
  let isUp = false;
  await using issuer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => isUp ? new Response(set) : Response.redirect("http://127.0.0.1:1/"),
  );
  const clock = new FakeClock();
  await using server = startTestServer({
    args: [
      ...["--auth-mode", "jwt", "--auth-jwks", `http://127.0.0.1:${issuer.addr.port}/keys`],
      ...["--auth-jwt-audience", "calls"],
    ],
    clock,
  });
  const token = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "ES256", kid: "k" })
    .setAudience("calls").setExpirationTime("10m").sign(privateKey);
  const url = `${server.wsUrl}/peerjs?key=${token}&id=alice&token=random`;
  const unavailable = { type: "ERROR", payload: { msg: "Cannot check the token now" } };
  assertEquals(await first(url), unavailable);
  const ready = await fetch(`${server.url}/readyz`);
  assertEquals([ready.status, await ready.text()], [503, "not ready: no keys\n"]);
  isUp = true;
  clock.advance(30_000);
  assertEquals(await first(url), { type: "OPEN" });
  const late = await fetch(`${server.url}/readyz`);
  assertEquals([late.status, await late.text()], [200, "ready\n"]);
});

Deno.test("mode jwt: a token that is checked before the upgrade opens the socket, and the server goes on", async () => {
  const secret = "a secret of more than thirty-two bytes";
  await using server = startTestServer({ args: ["--auth-mode=jwt", "--auth-jwt-secret", secret] });
  const token = await new SignJWT({ sub: "alice" }).setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("10m").sign(new TextEncoder().encode(secret));
  for (let nth = 0; nth < 2; nth++) {
    await using client = await WsClient.open(`${server.wsUrl}/topics?token=${token}`);
    client.send({ type: "ping" });
    assertEquals(await client.nextJson(), { type: "pong" });
  }
  assertEquals(await (await fetch(`${server.url}/healthz`)).text(), "OK\n");
});

Deno.test("webrtcsink: a role that the token does not grant is refused, and the client stays", async () => {
  const secret = "a secret of more than thirty-two bytes";
  await using server = startTestServer({ args: ["--auth-mode=jwt", "--auth-jwt-secret", secret] });
  const open = async (...roles: string[]): Promise<WsClient> => {
    const token = await new SignJWT({ sub: "alice", signalbox: { roles } })
      .setProtectedHeader({ alg: "HS256" }).setExpirationTime("10m")
      .sign(new TextEncoder().encode(secret));
    return await WsClient.open(`${server.wsUrl}/webrtcsink?token=${token}`);
  };
  const error = { type: "error", details: "Role is not allowed" };
  const status = (...roles: string[]) => ({ type: "setPeerStatus", roles });
  await using producer = await open("produce");
  const { peerId } = await producer.nextJson() as { peerId: string };
  producer.send(status("producer"));
  for (const role of ["consumer", "producer"] as const) {
    await using client = await open(role === "consumer" ? "produce" : "consume");
    await client.next();
    client.send(status(role));
    assertEquals(await client.nextJson(), error);
    // Watching needs no role, and the lists need none.
    client.send(status("listener"));
    assertEquals((await client.nextJson() as { roles: unknown }).roles, ["listener"]);
    client.send({ type: "list" });
    const { producers } = await client.nextJson() as { producers: { id: string }[] };
    assertEquals(producers.map(({ id }) => id), [peerId]);
  }
  await using other = await open("produce");
  await other.next();
  other.send({ type: "startSession", peerId });
  assertEquals(await other.nextJson(), error);
  await using consumer = await open("consume");
  await consumer.next();
  consumer.send({ type: "startSession", peerId });
  assertEquals((await consumer.nextJson() as { type: string }).type, "sessionStarted");
  const reasons = server.log.flatMap(({ what, facts }) => what === "refused" ? [facts.reason] : []);
  assertEquals(reasons, ["auth_role", "auth_role", "auth_role"]);
});

Deno.test("a token's end ends a connection that has sent nothing, at a path of several protocols too", async () => {
  const secret = "a secret of more than thirty-two bytes";
  const clock = new FakeClock();
  const paths = ["--webrtcsink-paths=/", "--gstreamer-paths=/gst"];
  const args = ["--auth-mode=jwt", "--auth-jwt-secret", secret, ...paths];
  await using server = startTestServer({ args, clock });
  // Ends in the last second of the jump: the time for the client's goodbye is not to pass as well.
  const until = Math.floor(Date.now() / 1_000) + 10;
  const token = await new SignJWT({ sub: "alice", signalbox: { until } })
    .setProtectedHeader({ alg: "HS256" }).setExpirationTime("10m")
    .sign(new TextEncoder().encode(secret));
  const client = await WsClient.open(`${server.wsUrl}/?token=${token}`);
  assertEquals((await client.nextJson() as { type: string }).type, "welcome");
  clock.advance(10_000);
  assertEquals(await client.nextJson(), { type: "error", details: "Token has expired" });
  assertEquals(await client.closed, { code: 1008, reason: "token expired" });
});

Deno.test("options of authentication that contradict each other end the start", () => {
  const objection = (...args: string[]): string =>
    assertThrows(() => startTestServer({ args }), ConfigError).messages.join();
  const own = ["--ssp-tokens", "a-token-of-ssp-alone"];
  assertStringIncludes(objection("--auth-mode", "tokens"), "without --auth-tokens");
  assertStringIncludes(objection(...ARGS.slice(2)), "--auth-mode none");
  const jwt = ["--auth-mode", "jwt"];
  const secret = ["--auth-jwt-secret", "x".repeat(32)];
  assertStringIncludes(objection(...jwt), "without --auth-jwt-secret");
  assertStringIncludes(objection(...jwt, ...secret, "--auth-jwks", "f"), "more than one of");
  assertStringIncludes(objection(...jwt, "--auth-jwt-secret", "short"), "at least 32 bytes");
  assertStringIncludes(objection(...secret), "--auth-jwt-secret with --auth-mode none");
  const foreign = ["--auth-webhook-retries=2", "--auth-jwks-timeout-ms=1", "--auth-jwt-claim=c"];
  const names = "--auth-jwt-claim --auth-jwks-timeout-ms --auth-webhook-retries".split(" ");
  assertEquals(
    objection(...ARGS, ...foreign).split(","),
    names.map((flag) => `Cannot use ${flag} with --auth-mode tokens`),
  );
  assertStringIncludes(
    objection(...jwt, "--auth-jwks", "https://a"),
    "without --auth-jwt-audience",
  );
  const remote = ["--auth-jwks", "http://a.example", "--auth-jwt-audience", "a"];
  assertStringIncludes(objection(...jwt, ...remote), "over http");
  const unfit = ["--auth-jwt-algorithms", "RS256"];
  assertStringIncludes(objection(...jwt, ...secret, ...unfit), "RS256 with --auth-jwt-secret");
  assertStringIncludes(objection(...ARGS, ...own), "--ssp-tokens beside --auth-mode tokens");
});
