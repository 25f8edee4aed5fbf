import { assert, assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";
import { FULL_TOKEN, READ_TOKEN, startForOperators } from "../helpers/wire/operators.ts";
import type { TestServer } from "../helpers/wire/server.ts";

// The resources of the API for operators, and the changes that it carries out.

/** The token of another operator called Ann. */
const OTHER_FULL = "another-full-token-of-ann";

async function member(server: TestServer, pool: string): Promise<WsClient> {
  const client = await WsClient.open(`${server.wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool } });
  await client.next();
  return client;
}

Deno.test("the server, its peers and its rooms are reported", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, READ_TOKEN);
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
  await using server = startForOperators("--admin-max-body-bytes=100");
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators("--limits-max-bans=1");
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators("--auth-mode=tokens", "--auth-tokens", `${user}:${token}`);
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, READ_TOKEN);
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
  await using server = startForOperators("--admin-tokens", `ann:full:${OTHER_FULL}`);
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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
  await using server = startForOperators("--auth-mode", "jwt", "--auth-jwt-secret", secret);
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
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

Deno.test("a page neither doubles nor leaves out a peer that stays while others come and go", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, READ_TOKEN);
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
