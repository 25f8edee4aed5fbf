import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { SignJWT } from "jose";
import { ConfigError } from "../../src/config/load.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

const FULL = "a-full-token-of-an-operator";
const READ = "a-read-token-of-an-operator";
/** The token of another operator called Ann. */
const OTHER_FULL = "another-full-token-of-ann";
const TOKENS = ["--admin-tokens", `ann:full:${FULL}`, "--admin-tokens", `rob:read:${READ}`];

function start(...args: string[]): TestServer {
  return startTestServer({ args: [...TOKENS, ...args] });
}

async function member(server: TestServer, pool: string): Promise<WsClient> {
  const client = await WsClient.open(`${server.wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool } });
  await client.next();
  return client;
}

Deno.test("without a token there is no API", async () => {
  await using server = startTestServer();
  const response = await fetch(`${server.url}/admin/v1/server`);
  assertEquals([response.status, await response.text()], [404, "Not found\n"]);
});

Deno.test("a path with a malformed escape is a problem, after the token", async () => {
  await using server = start();
  const ask = async (path: string, token?: string): Promise<unknown[]> => {
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}${path}`, { headers });
    const { code, errors } = await response.json();
    return [response.status, response.headers.get("content-type"), code, errors];
  };
  const type = "application/problem+json";
  const errors = [{ pointer: "/path", detail: "malformed escape" }];
  for (const path of ["/admin/v1/peers/peerjs/%FF", "/admin/v1/rooms/ssp/%zz?q=1", "/admin/%80"]) {
    assertEquals(await ask(path), [401, type, "unauthorized", undefined], path);
    assertEquals(await ask(path, READ), [400, type, "invalid_request", errors], path);
  }
  const elsewhere = await fetch(`${server.url}/other/%FF`);
  assertEquals([elsewhere.status, await elsewhere.text()], [400, "Bad request target\n"]);
});

Deno.test("the token comes before the path, and the role before the change", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const nobody = admin.with(undefined);
  const missing = await nobody.get("/nothing");
  assertEquals([missing.status, missing.body.code], [401, "unauthorized"]);
  assertEquals(missing.headers.get("www-authenticate"), 'Bearer realm="signalbox"');
  const wrong = await admin.with("wrong").get("/server");
  const challenge = 'Bearer realm="signalbox", error="invalid_token"';
  assertEquals([wrong.status, wrong.headers.get("www-authenticate")], [401, challenge]);
  assertEquals((await admin.get("/nothing")).body.code, "not_found");
  const method = await admin.delete("/server");
  assertEquals([method.status, method.headers.get("allow")], [405, "GET, HEAD"]);

  const reader = admin.with(READ);
  const read = await reader.get("/server");
  assertEquals([read.status, read.headers.get("signalbox-role")], [200, "read"]);
  const refused = await reader.post("/peers/ssp/a%2Fb/kick");
  assertEquals([refused.status, refused.body.code], [403, "forbidden"]);
  const { items: [entry] } = (await reader.get("/log")).body;
  const { at, ...action } = entry;
  assertMatch(at, /^\d{4}-.*\.\d{3}Z$/);
  const kick = { actor: "rob", action: "kick peer", subject: ["ssp", "a/b"] };
  assertEquals(action, { ...kick, outcome: "forbidden" });
  assertEquals((await reader.put("/bans/user/u", { reason: "x" })).status, 403);
  const { items: [ban] } = (await reader.get("/log")).body;
  assertEquals([ban.action, ban.subject], ["ban user", ["u"]]);
  const endless = await fetch(`${server.url}/admin/v1/events`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${READ}` },
  });
  assertEquals([endless.status, endless.headers.get("allow")], [405, "GET"]);
});

Deno.test("a wrong token is refused unread after ten of an address in a minute", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const thief = admin.with("wrong");
  for (let time = 0; time < 10; time++) assertEquals((await thief.get("/server")).status, 401);
  const limited = await thief.get("/server");
  assertEquals([limited.status, limited.body.code], [429, "rate_limited"]);
  assert(Number(limited.headers.get("retry-after")) > 0);
  assertEquals((await admin.get("/server")).status, 200);
});

Deno.test("short tokens open, and the log warns of them", async () => {
  const args = ["--admin-tokens", "rob:read:short", "--metrics-tokens", "short", FULL];
  await using server = startTestServer({ args: [...TOKENS, ...args] });
  const admin = await AdminClient.open(server.url, "short");
  assertEquals((await admin.get("/server")).headers.get("signalbox-role"), "read");
  const warnings = server.log.filter(({ what }) => what === "tokens can be guessed");
  assertEquals(warnings.map(({ level, facts }) => [level, facts]), [
    ["warning", { count: 2, safeLength: 16 }],
  ]);
});

Deno.test("a token has a rate", async () => {
  await using server = start("--admin-requests-per-second=1", "--admin-request-burst=2");
  const admin = await AdminClient.open(server.url, FULL);
  const statuses = [];
  for (let time = 0; time < 3; time++) statuses.push((await admin.get("/server")).status);
  assertEquals(statuses, [200, 200, 429]);
});

Deno.test("pages of foreign origins are refused before the token, and listed ones may read", async () => {
  await using server = start("--admin-origins", "https://ops.example.org");
  const admin = await AdminClient.open(server.url, FULL);
  const nobody = admin.with(undefined);
  const from = (origin: string, site?: string) =>
    nobody.get("/server", {
      origin,
      ...(site === undefined ? {} : { "sec-fetch-site": site }),
    });
  assertEquals((await from("https://evil.example")).body.code, "forbidden_origin");
  assertEquals((await from(server.url, "cross-site")).body.code, "forbidden_origin");
  assertEquals((await from("http://127.0.0.1:1")).body.code, "unauthorized");
  assertEquals((await from("https://evil.example", "same-origin")).body.code, "unauthorized");
  const listed = await admin.get("/server", { origin: "https://ops.example.org" });
  const allowed = listed.headers.get("access-control-allow-origin");
  assertEquals([listed.status, allowed], [200, "https://ops.example.org"]);
  assertEquals((await admin.get("/server")).headers.get("access-control-allow-origin"), null);
});

Deno.test("the server, its peers and its rooms are reported", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, READ);
  await using peer = await openPeerJs(server.wsUrl, "a/b");
  await using one = await member(server, "pool");
  await using _two = await member(server, "pool");
  const report = (await admin.get("/server")).body;
  assertEquals(report.totals, { connections: 3, peers: 3, rooms: 1, calls: 0 });
  assertEquals([report.state, report.urls, report.auth.mode], ["ready", [server.url], "none"]);

  const { items, total, next } = (await admin.get("/peers?limit=2")).body;
  assertEquals([items.length, total], [2, 3]);
  const rest = (await admin.get(`/peers?limit=2&cursor=${next}`)).body;
  assertEquals([rest.items.length, rest.next, rest.total], [1, null, 3]);
  assertEquals(items[0].id, "a/b");
  const { body: alone } = await admin.get("/peers/peerjs/a%2Fb");
  const { connectedAt, connection, userAgent, ...facts } = alone;
  assert(connectedAt !== null && connection !== null && userAgent !== null);
  const nothing = { user: null, origin: null, expiresAt: null, info: null };
  assertEquals(facts, {
    ...{ dialect: "peerjs", id: "a/b", address: "127.0.0.1", transport: "websocket" },
    ...{ rooms: [], calls: 0, framesReceived: 0, framesSent: 1, bytesReceived: 0 },
    ...{ bytesSent: '{"type":"OPEN"}'.length, queuedBytes: 0, ...nothing },
  });
  assertEquals((await admin.get("/peers?room=pool")).body.total, 2);
  assertEquals((await admin.get("/peers?q=A%2F")).body.total, 1);
  assertEquals((await admin.get("/peers/peerjs/nobody")).status, 404);
  assertEquals((await admin.get("/peers/nothing/a")).status, 404);

  const [room] = (await admin.get("/rooms")).body.items;
  assertEquals([room.dialect, room.id, room.members, room.kept], ["ssp", "pool", 2, false]);
  const details = (await admin.get("/rooms/ssp/pool")).body;
  assertEquals([details.peers.length, details.standing], [2, []]);
  assert(peer !== undefined && one !== undefined);
});

Deno.test("defects of a request are named all at once", async () => {
  await using server = start("--admin-max-body-bytes=100");
  const admin = await AdminClient.open(server.url, FULL);
  const query = await admin.get("/peers?limit=0&colour=red&cursor=x");
  const pointers = query.body.errors.map(({ pointer }: { pointer: string }) => pointer);
  assertEquals([query.status, pointers.sort()], [400, ["/query/colour", "/query/limit"]]);
  assertEquals((await admin.get("/peers?cursor=x")).body.errors[0].pointer, "/query/cursor");
  const body = await admin.put("/bans/address/192.0.2.1", { lifetimeSeconds: 0 });
  const faults = body.body.errors.map(({ pointer }: { pointer: string }) => pointer);
  assertEquals([body.status, faults.sort()], [400, ["/lifetimeSeconds", "/reason"]]);
  assertEquals((await admin.put("/bans/address/nowhere", { reason: "" })).status, 400);
  assertEquals((await admin.send("POST", "/peers/ssp/a/kick", "{")).body.code, "invalid_request");
  const text = { "content-type": "text/plain" };
  assertEquals((await admin.send("POST", "/peers/ssp/a/kick", "{}", text)).status, 415);
  const large = JSON.stringify({ reason: "x".repeat(200) });
  assertEquals((await admin.send("POST", "/peers/ssp/a/kick", large)).status, 413);
});

Deno.test("a peer is kicked and its address banned until the ban is lifted", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const peer = await openPeerJs(server.wsUrl, "a");
  const kick = await admin.post("/peers/peerjs/a/kick", { reason: "noise", banSeconds: 60 });
  assertEquals([kick.status, kick.body], [200, { outcome: "kicked" }]);
  assertEquals(await peer.next(), '{"type":"ERROR","payload":{"msg":"Kicked"}}');
  await within("the end", peer.closed);
  const [ban] = (await admin.get("/bans")).body.items;
  assertEquals([ban.kind, ban.value, ban.reason], ["address", "127.0.0.1", "noise"]);
  assert(ban.expiresAt !== null);
  const lifted = await admin.send("DELETE", "/bans/address/127.0.0.1", '{"reason":"calm"}');
  assertEquals(lifted.body, { outcome: "lifted" });
  assertEquals((await admin.delete("/bans/address/127.0.0.1")).status, 404);
  assertEquals((await admin.post("/peers/peerjs/a/kick")).status, 404);
  const { items } = (await admin.get("/log")).body;
  const actions = items.map(({ action, outcome, reason }: Record<string, unknown>) =>
    [action, outcome, reason].join()
  );
  assertEquals(actions, [
    "kick peer,unknown,",
    "lift ban,unknown,",
    "lift ban,lifted,calm",
    "ban address,kept,noise",
    "kick peer,kicked,noise",
  ]);
});

Deno.test("a kick is answered 409 where the ban cannot be kept", async () => {
  await using server = start("--limits-max-bans=1");
  const admin = await AdminClient.open(server.url, FULL);
  await admin.put("/bans/address/192.0.2.1", { reason: "x" });
  const peer = await openPeerJs(server.wsUrl, "a");
  const kick = await admin.post("/peers/peerjs/a/kick", { banSeconds: 60 });
  const { code, detail } = kick.body;
  const expected = [409, "full", "The peer was kicked, but not banned"];
  assertEquals([kick.status, code, detail], expected);
  await within("the end", peer.closed);
  assertEquals((await admin.get("/bans")).body.total, 1);
});

Deno.test("a banned user is turned out, and refused with the next token", async () => {
  const user = "user-1";
  const token = "a-token-of-a-client";
  await using server = start("--auth-mode=tokens", "--auth-tokens", `${user}:${token}`);
  const admin = await AdminClient.open(server.url, FULL);
  const url = `${server.wsUrl}/gst?token=${token}`;
  const client = await WsClient.open(url);
  client.send(`HELLO ${user}`);
  await client.next();
  assertEquals((await admin.get(`/peers?user=${user}`)).body.total, 1);
  assertEquals((await admin.put(`/bans/user/${user}`, { reason: "x" })).body, { outcome: "kept" });
  assertEquals(await client.closed, { code: 1008, reason: "kicked" });
  const again = await WsClient.open(url);
  again.send(`HELLO ${user}`);
  assertEquals(await again.next(), "ERROR token is not valid");
  await again.closed;
  const [refusal] = (await admin.get("/refusals")).body.items;
  assertEquals([refusal.dialect, refusal.reason], ["gstreamer", "auth_denied"]);
});

Deno.test("rooms are kept, described, stopped and forgotten", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  assertEquals((await admin.put("/rooms/ssp/a%2Fb")).body, { outcome: "kept" });
  const described = await admin.put("/rooms/ssp/a%2Fb/members/robot/info", { role: "host" });
  assertEquals(described.body, { outcome: "described" });
  const empty = (await admin.get("/rooms/ssp/a%2Fb")).body;
  assertEquals([empty.members, empty.kept, empty.startedAt], [0, true, null]);
  assertEquals(empty.standing, [{ id: "robot", info: { role: "host" } }]);
  const client = await member(server, "a/b");
  assertEquals((await admin.post("/rooms/ssp/a%2Fb/stop", { reason: "late" })).body, {
    outcome: "stopped",
  });
  assertEquals((await client.closed).code, 1000);
  assertEquals((await admin.get("/log")).body.items[0].reason, "late");
  assertEquals((await admin.delete("/rooms/ssp/a%2Fb")).body, { outcome: "forgotten" });
  assertEquals((await admin.delete("/rooms/ssp/a%2Fb")).status, 404);
  assertEquals((await admin.post("/rooms/peerjs/a/stop")).status, 501);
  assertEquals((await admin.put("/rooms/gstreamer/a")).status, 501);
  assertEquals((await admin.put("/rooms/ssp/p", { settings: { maxMembers: 0 } })).status, 400);
});

Deno.test("a session of two GStreamer clients is a call", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, READ);
  const clients: WsClient[] = [];
  for (const id of ["a", "b"]) {
    const client = await WsClient.open(`${server.wsUrl}/gst`);
    client.send(`HELLO ${id}`);
    await client.next();
    clients.push(client);
  }
  const [a, b] = clients;
  a?.send("SESSION b");
  assertEquals(await a?.next(), "SESSION_OK");
  const { items: [call], total } = (await admin.get("/calls?dialect=gstreamer")).body;
  assertEquals([total, call.from, call.to], [1, "a", "b"]);
  assertEquals((await admin.get("/peers/gstreamer/b")).body.calls, 1);
  for (const client of [a, b]) await client?.[Symbol.asyncDispose]();
  await until("the call to end", async () => (await admin.get("/calls")).body.total === 0);
});

Deno.test("an idempotency key carries a change out once", async () => {
  await using server = start("--admin-tokens", `ann:full:${OTHER_FULL}`);
  const admin = await AdminClient.open(server.url, FULL);
  await using peer = await openPeerJs(server.wsUrl, "a");
  const key = { "idempotency-key": "one" };
  const first = await admin.post("/peers/peerjs/a/kick", { reason: "x" }, key);
  const again = await admin.post("/peers/peerjs/a/kick", { reason: "x" }, key);
  assertEquals([first.body, again.body], [{ outcome: "kicked" }, { outcome: "kicked" }]);
  const other = await admin.post("/peers/peerjs/a/kick", { reason: "y" }, key);
  assertEquals([other.status, other.body.code], [409, "conflict"]);
  assertEquals((await admin.get("/log")).body.total, 1);
  const colleague = await AdminClient.open(server.url, OTHER_FULL);
  const theirs = await colleague.post("/peers/peerjs/a/kick", { reason: "x" }, key);
  assertEquals(theirs.status, 404, "the key of another token of the same name");
  const long = await admin.post("/reload", {}, { "idempotency-key": "k".repeat(129) });
  assertEquals(long.status, 400);
  assert(peer !== undefined);
});

Deno.test("ids are reserved for a token, and released", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const dialect = (await admin.get("/server")).body.dialects[0].name;
  const kept = await admin.put(`/ids/${dialect}/robot`, { token: "secret", lifetimeSeconds: 60 });
  assertEquals(kept.body, { outcome: "kept" });
  const { items: [id] } = (await admin.get(`/ids?dialect=${dialect}`)).body;
  assertEquals(id.id, "robot");
  assertEquals((await admin.put(`/ids/${dialect}/robot`, { tokenSha256: "x" })).status, 400);
  assertEquals((await admin.put(`/ids/${dialect}/robot`, {})).status, 400);
  assertEquals((await admin.delete(`/ids/${dialect}/robot`)).body, { outcome: "forgotten" });
  assertEquals((await admin.delete(`/ids/${dialect}/robot`)).status, 404);
  assertEquals((await admin.put("/ids/gstreamer/a", { token: "x" })).status, 501);
});

Deno.test("a time that no date can hold is refused, and one in a token hides no peer", async () => {
  const secret = "k".repeat(32);
  await using server = start("--auth-mode", "jwt", "--auth-jwt-secret", secret);
  const admin = await AdminClient.open(server.url, FULL);
  const lifetimeSeconds = Number.MAX_SAFE_INTEGER;
  const ban = await admin.put("/bans/user/u", { reason: "x", lifetimeSeconds });
  const id = await admin.put("/ids/peerjs/i", { token: "x", lifetimeSeconds });
  assertEquals([ban.status, id.status], [400, 400]);
  assertEquals((await admin.get("/bans")).body.total, 0);
  assertEquals((await admin.get("/ids")).body.total, 0);
  const token = await new SignJWT({ sub: "u", signalbox: { until: 1e15 } })
    .setProtectedHeader({ alg: "HS256" }).setExpirationTime("10m")
    .sign(new TextEncoder().encode(secret));
  const client = await WsClient.open(`${server.wsUrl}/gst?token=${token}`);
  client.send("HELLO u");
  assertEquals(await client.next(), "HELLO");
  const { items: [peer] } = (await admin.get("/peers")).body;
  assertEquals([peer.id, peer.expiresAt], ["u", null]);
});

Deno.test("URLs are shown without their users and queries", async () => {
  const url = "https://user:password@127.0.0.1:1/hook?key=secret";
  const secret = `whsec_${btoa("x".repeat(32))}`;
  await using server = start("--webhooks-url", url, "--webhooks-secret", secret);
  const admin = await AdminClient.open(server.url, FULL);
  const { items } = (await admin.get("/config")).body;
  const { value } = items.find(({ option }: { option: string }) => option === "--webhooks-url");
  const [hook] = (await admin.get("/webhooks")).body.items;
  const shown = "https://127.0.0.1:1/hook";
  assertEquals([value, hook.url], [[shown], shown]);
});

Deno.test("options, metrics, webhooks, secrets and reload answer", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const { items } = (await admin.get("/config")).body;
  const item = (name: string) => items.find(({ option }: { option: string }) => option === name);
  assertEquals(item("--admin-tokens"), {
    ...{ option: "--admin-tokens", source: "flag", isSecret: true, isSet: true },
  });
  assertEquals(item("--port"), { option: "--port", value: 8080, source: "default" });
  assertEquals(JSON.stringify(items).includes(FULL), false);
  assertMatch((await admin.get("/metrics")).body, /^signalbox_peers/m);
  assertEquals((await admin.get("/webhooks")).body, { items: [] });
  assertEquals((await admin.post("/secrets/nothing/rotate")).status, 404);
  assertEquals((await admin.post("/reload")).body, { outcome: "reloaded" });
});

Deno.test("a drain refuses newcomers until it is taken back", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, FULL);
  const { instance } = (await admin.get("/server")).body;
  const ready = { state: "ready", connections: 0, instance };
  assertEquals((await admin.get("/drain")).body, ready);
  assertEquals((await admin.delete("/drain")).status, 404);
  const begun = await admin.post("/drain");
  assertEquals([begun.status, begun.body.state], [202, "draining"]);
  assertEquals((await admin.get("/server")).body.state, "draining");
  assertEquals((await admin.delete("/drain")).body, ready);
  await using _peer = await openPeerJs(server.wsUrl, "a");
});

Deno.test("a listener of its own serves operators alone", async () => {
  await using server = start("--admin-listen", "http://127.0.0.1:0");
  const { adminUrl = "" } = server;
  await using _peer = await openPeerJs(server.wsUrl, "a");
  const admin = await AdminClient.open(adminUrl, READ);
  assertEquals((await admin.get("/server")).body.totals.peers, 1);
  const statusOf = async (url: string) => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf(`${server.url}/admin/v1/server`), 404);
  assertEquals(await statusOf(`${server.url}/metrics`), 404);
  assertEquals(await statusOf(`${adminUrl}/metrics`), 200);
  assertEquals(await statusOf(`${adminUrl}/peerjs/id`), 404);
  for (const url of [server.url, adminUrl]) assertEquals(await statusOf(`${url}/readyz`), 200);
});

Deno.test("a page neither doubles nor leaves out a peer that stays while others come and go", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, READ);
  const staying: string[] = [];
  const clients: WsClient[] = [];
  for (let nth = 0; nth < 6; nth++) {
    clients.push(
      await openPeerJs(server.wsUrl, `stays-${nth}`),
      await openPeerJs(server.wsUrl, `goes-${nth}`),
    );
    staying.push(`stays-${nth}`);
  }
  const seen: string[] = [];
  let cursor: string | null = "";
  for (let page = 0; cursor !== null; page++) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const { items, next } = (await admin.get(`/peers?limit=2${query}`)).body;
    for (const { id } of items) seen.push(id);
    cursor = next;
    const leaves = clients[2 * page + 1];
    if (leaves === undefined) continue;
    await leaves[Symbol.asyncDispose]();
    clients.push(await openPeerJs(server.wsUrl, `comes-${page}`));
  }
  assertEquals(seen.filter((id) => id.startsWith("stays")), staying);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("an own listener needs a token, and a certificate for https", () => {
  const alone = ["--admin-listen", "http://127.0.0.1:0"];
  assertThrows(() => startTestServer({ args: alone }), ConfigError, "--admin-tokens");
  const secure = [...TOKENS, "--admin-listen", "https://127.0.0.1:0"];
  assertThrows(() => startTestServer({ args: secure }), ConfigError, "--tls-cert");
});

Deno.test("the log names the listener of operators", async () => {
  const args = [...TOKENS, "--admin-listen", "http://127.0.0.1:0"];
  await using server = await startServerProcess(args);
  const line = / INF serving operators url=(\S+) pages=\/console\n/;
  await until("the line", () => line.test(server.stderr()));
  const [, url = ""] = line.exec(server.stderr()) ?? [];
  const admin = await AdminClient.open(url, READ);
  assertEquals((await admin.get("/server")).body.urls, [server.url]);
});

Deno.test("a reload takes other tokens from their file, and names a file that is gone", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/tokens`;
  await Deno.writeTextFile(file, `ann:full:${FULL}\n`);
  await using server = startTestServer({ args: ["--admin-tokens-file", file] });
  const ann = await AdminClient.open(server.url, FULL);
  const bob = ann.with("another-token-of-an-operator");
  const news = await fetch(`${server.url}/admin/v1/events?types=peer.*`, {
    headers: { authorization: `Bearer ${FULL}` },
  });
  await Deno.writeTextFile(file, "bob:full:another-token-of-an-operator\n");
  assertEquals((await ann.post("/reload")).body, { outcome: "reloaded" });
  assertEquals([(await ann.get("/server")).status, (await bob.get("/server")).status], [401, 200]);
  assertEquals(await within("the end of the news", news.text()), ":\n\n");
  await Deno.remove(file);
  const failed = await bob.post("/reload");
  assertEquals([failed.status, failed.body.code], [503, "unavailable"]);
  assertMatch(failed.body.detail, /admin-tokens/);
  assertEquals((await bob.get("/server")).status, 200);
});
