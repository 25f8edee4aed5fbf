import { assert, assertEquals } from "@std/assert";
import { segment } from "../../src/console/api.js";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { openGst, openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Operators reach every peer and room that a client can make. The paths are the console's own.

const TOKEN = "a-token-of-an-operator";
const HALF = "\ud800";

/** Names that URLs, proxies and path matching are likely to change. */
const WORDS = [".", "..", "...", "%2e%2e", "%2F", "%", "a/b", "//", "é#?&;", '=".."', "=", "kick"];
const TEXTS = [...WORDS, "a b", `a${HALF}b`, "\0", "\r\n"];
const LONGEST = "€".repeat(512);

/** A client that is in; disposing of it ends it. */
type Client = AsyncDisposable;
type Enter = (server: TestServer, name: string) => Promise<Client>;

async function say(url: string, message: Record<string, unknown>): Promise<Client> {
  const client = await WsClient.open(url);
  client.send(message);
  await client.next();
  return client;
}

const PEERS: Readonly<Record<string, readonly [names: readonly string[], enter: Enter]>> = {
  peerjs: [
    [...WORDS, "a b", "\0", LONGEST],
    async ({ wsUrl }, id) => await openPeerJs(wsUrl, id),
  ],
  gstreamer: [[...WORDS, LONGEST], async ({ wsUrl }, id) => await openGst(wsUrl, id)],
  owt: [[...TEXTS, LONGEST], async ({ url }, token) => {
    const client = await PollingClient.open(url, 4);
    await client.send(`420["authentication",${JSON.stringify({ token })}]`);
    await client.next();
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }],
};

const ROOMS: Readonly<Record<string, readonly [names: readonly string[], enter: Enter]>> = {
  gstreamer: [[...WORDS, LONGEST], async ({ wsUrl }, room) => {
    const client = await openInRoom(wsUrl, "member", room);
    await client.next();
    return client;
  }],
  ssp: [
    [...TEXTS, "€".repeat(128)],
    async ({ wsUrl }, pool) => await say(`${wsUrl}/ssp`, { type: "rtc:join", data: { pool } }),
  ],
  simple: [
    [...WORDS, "a b", `a${HALF}b`, "€".repeat(128)],
    async ({ wsUrl }, room) => await say(`${wsUrl}/simple`, { event: "join", room }),
  ],
  topics: [[...TEXTS, "", LONGEST], async ({ wsUrl }, topic) => {
    const client = await WsClient.open(`${wsUrl}/topics`);
    client.send({ type: "subscribe", topics: [topic] });
    client.send({ type: "ping" });
    await client.next();
    return client;
  }],
};

/** A server without limits that so many clients of one address would meet. */
function start(): TestServer {
  const args = ["--admin-tokens", TOKEN, "--limits-connection-burst=1000"];
  return startTestServer({ args: [...args, "--admin-request-burst=1000"] });
}

for (const [dialect, [names, enter]] of Object.entries(PEERS)) {
  Deno.test(`operators find and kick a peer of ${dialect} by any id`, async () => {
    await using server = start();
    const admin = await AdminClient.open(server.url, TOKEN);
    for (const name of names) {
      await using _client = await enter(server, name);
      const path = `/peers/${dialect}/${segment(name)}`;
      assertEquals((await admin.get(path)).body.id, name);
      assertEquals((await admin.post(`${path}/kick`)).body, { outcome: "kicked" }, path);
      await until("the end", async () => (await admin.get(path)).status === 404);
    }
  });
}

for (const [dialect, [names, enter]] of Object.entries(ROOMS)) {
  Deno.test(`operators find and stop a room of ${dialect} by any name`, async () => {
    await using server = start();
    const admin = await AdminClient.open(server.url, TOKEN);
    for (const name of names) {
      await using _client = await enter(server, name);
      const path = `/rooms/${dialect}/${segment(name)}`;
      assertEquals((await admin.get(path)).body.id, name);
      assertEquals((await admin.post(`${path}/stop`)).body, { outcome: "stopped" }, path);
      await until("the end", async () => (await admin.get(path)).status === 404);
    }
  });
}

Deno.test("operators find a peer by the id that the server made", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, TOKEN);
  await using _sink = await WsClient.open(`${server.wsUrl}/webrtcsink`);
  await using _member = await ROOMS["ssp"]?.[1](server, "p") ?? new AsyncDisposableStack();
  await using _fred = await ROOMS["simple"]?.[1](server, "r") ?? new AsyncDisposableStack();
  const { items } = (await admin.get("/peers")).body;
  const dialects = items.map(({ dialect }: { dialect: string }) => dialect).sort();
  assertEquals(dialects, ["simple", "ssp", "webrtcsink"]);
  for (const { dialect, id } of items) {
    assertEquals((await admin.get(`/peers/${dialect}/${segment(id)}`)).body.id, id);
  }
});

Deno.test("a name may be written as JSON behind =, and nothing else is read as such", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, TOKEN);
  await using _plain = await openPeerJs(server.wsUrl, "a");
  await using _quoted = await openPeerJs(server.wsUrl, '="a"');
  const idAt = async (path: string): Promise<unknown> =>
    (await admin.get(`/peers/peerjs/${path}`)).body.id;
  assertEquals(await idAt('="a"'), "a");
  assertEquals(await idAt("=%22%5cu0061%22"), "a");
  assertEquals(await idAt("%3D%22a%22"), '="a"');
  assertEquals(await idAt("%3d%22a%22"), '="a"');
  const broken = await admin.get("/peers/peerjs/=%22a");
  assertEquals([broken.status, broken.body.errors[0].pointer], [400, "/path"]);
  const kick = await admin.post("/peers/peerjs/=%22a/kick");
  assertEquals([kick.status, kick.body.code], [400, "invalid_request"]);
});

Deno.test("a path that dots or slashes change leads to nothing else", async () => {
  await using server = start();
  const admin = await AdminClient.open(server.url, TOKEN);
  await using _peer = await openPeerJs(server.wsUrl, "kick");
  for (const path of ["/peers/peerjs/../kick", "/peers/peerjs//kick", "/peers/peerjs/%2e/kick"]) {
    const { status, body } = await fetch(`${server.url}/admin/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    await body?.cancel();
    assert(status === 404 || status === 405, `${path}: ${status}`);
  }
  assertEquals((await admin.get("/peers")).body.total, 1);
});
