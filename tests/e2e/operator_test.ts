import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { RawHttp } from "../helpers/wire/raw_http.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { startTestServer, startTestServerWithStore } from "../helpers/wire/server.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { type Closing, WsClient } from "../helpers/wire/ws_client.ts";

// The operator's actions on a running server, and their effect on clients.

const SECRET = "a-token-that-nobody-may-read";

/** The frames that are left to read, and the end of the connection. */
async function rest(client: WsClient): Promise<[unknown[], Closing]> {
  const closing = await within("the end of the connection", client.closed);
  return [[...client.unread], closing];
}

/** A client of each dialect that is spoken over WebSockets: where, what it says, how many answers. */
const KINDS: readonly [path: string, greeting: string | undefined, answers: number][] = [
  ["/peerjs?key=peerjs&id=a&token=t", undefined, 1],
  ["/gst", "HELLO a", 1],
  ["/ssp", '{"type":"rtc:join","data":{"pool":"p"}}', 1],
  ["/webrtcsink", '{"type":"setPeerStatus","roles":[]}', 1],
  ["/simple", '{"event":"join","room":"r"}', 2],
  // Nobody knows yet whose it is.
  ["/", undefined, 0],
];

Deno.test("a ban turns out the connected clients of its address in a newcomer's words, and nobody else", async () => {
  await using server = startTestServer({ args: ["--trust-proxy", "127.0.0.1"] });
  const { wsUrl, operator } = server;
  const clients: WsClient[] = [];
  for (const [path, greeting, answers] of KINDS) {
    const client = await WsClient.open(`${wsUrl}${path}`);
    if (greeting !== undefined) client.send(greeting);
    for (let answer = 0; answer < answers; answer++) await client.next();
    clients.push(client);
  }
  const forwarded = { "X-Forwarded-For": "198.51.100.1" };
  using other = await RawSocket.upgrade(peerJsUrl(wsUrl, "other"), forwarded);
  assertEquals(await other.next(), '{"type":"OPEN"}');

  assertEquals(operator.bans.ban("127.0.0.1", { reason: "floods" }), "kept");
  for (const [at, client] of clients.entries()) {
    const [path = ""] = KINDS[at] ?? [];
    await using newcomer = await WsClient.open(`${wsUrl}${path}`);
    assertEquals(await rest(client), await rest(newcomer), path);
  }
  other.send('{"type":"OFFER","dst":"other","payload":"still here"}');
  assertEquals(JSON.parse(await other.next()).payload, "still here");
  assertEquals(await server.gauge("signalbox_peers"), 1);

  assertEquals([operator.bans.lift("127.0.0.1"), operator.bans.lift("127.0.0.1")], [true, false]);
  await using _again = await openPeerJs(wsUrl, "a");
});

Deno.test("a ban ends event streams and Socket.IO connections, too", async () => {
  await using server = startTestServer();
  const { url, wsUrl, operator } = server;
  const stream = await fetch(`${url}/simple?room=r`, { headers: { accept: "text/event-stream" } });
  const polling = await PollingClient.open(url, 4);
  const websocket = await WsClient.open(`${wsUrl}/socket.io/?EIO=4&transport=websocket`);
  await websocket.next();
  assertEquals(operator.bans.ban("::ffff:127.0.0.1", { reason: "floods" }), "kept");
  const text = await within("the end of the stream", stream.text());
  assert(text.includes('"code":"forbidden"'), text);
  // It gets the reason in its dialect's words, and enters no namespace again.
  assertEquals((await polling.poll()).at(-1), "41");
  await polling.send("40");
  assertEquals(await polling.poll(), ['44{"message":"Forbidden"}']);
  assertEquals((await rest(websocket))[1].code, 1013);
  await until("the end of both", async () => await server.gauge("signalbox_connections") === 0);
  const refused = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  assertEquals([refused.status, await refused.json()], [403, { code: 4, message: "Forbidden" }]);
});

Deno.test("a ban of a user ends all that its tokens opened, whether it is a peer or waits for an id", async () => {
  const token = "a-token-of-alice";
  await using server = startTestServer({
    args: ["--auth-mode=tokens", "--auth-tokens", `alice:${token}`, "--peerjs-max-take-overs=1"],
    // No claim that waits comes to its time.
    clock: new FakeClock(),
  });
  const { url, wsUrl, operator } = server;
  const topics = await WsClient.open(`${wsUrl}/topics?token=${token}`);
  topics.send({ type: "ping" });
  assertEquals(await topics.nextJson(), { type: "pong" });
  const replaced = await openPeerJs(wsUrl, "alice", { token });
  const holder = await openPeerJs(wsUrl, "alice", { token });
  await within("the take-over", replaced.closed);
  const waiting = await WsClient.open(peerJsUrl(wsUrl, "alice", { token }));
  await until("the third token to be checked", async () => {
    const granted = 'signalbox_auth_attempts_total{dialect="peerjs",outcome="granted"} 3\n';
    return (await (await fetch(`${url}/metrics`)).text()).includes(granted);
  });
  assertEquals(operator.userBans.ban("alice", { reason: "floods" }), "kept");
  const kicked = '{"type":"ERROR","payload":{"msg":"Kicked"}}';
  for (const client of [holder, waiting]) assertEquals((await rest(client))[0], [kicked]);
  assertEquals(await rest(topics), [[], { code: 1008, reason: "kicked" }]);
  await until("the end of all", async () => await server.gauge("signalbox_connections") === 0);
});

Deno.test("a client whose address is banned while its message comes is refused", async () => {
  await using server = startTestServer();
  using slow = await RawHttp.connect(server.url);
  const join = '{"event":"join","room":"lobby"}';
  const lines = ["POST /simple HTTP/1.1", "Host: localhost", "Accept: text/event-stream"];
  await slow.write([...lines, `Content-Length: ${join.length}`, "", ""].join("\r\n"));
  await until("the request", async () => await server.gauge("signalbox_addresses") === 1);
  assertEquals(server.operator.bans.ban("127.0.0.1", { reason: "floods" }), "kept");
  await slow.write(join);
  assertEquals((await slow.head()).status, 403);
  assertEquals(await server.gauge("signalbox_peers"), 0);
});

Deno.test("whatever an operator does is in the log, with its outcome and without any secret", async () => {
  await using server = startTestServer({ args: ["--simple-secret", "the operator's own"] });
  const ann = server.operator.as("ann");
  const [pools, rooms, ids] = [
    ann.rooms.get("ssp"),
    ann.rooms.get("simple"),
    ann.ids.get("peerjs"),
  ];
  assert(pools?.keep && pools.forget && rooms && ids);
  pools.keep("lobby", {});
  pools.describe("lobby", "topic", { text: SECRET });
  pools.stop("lobby");
  pools.forget("lobby");
  assertEquals([rooms.keep, rooms.forget], [undefined, undefined]);
  rooms.describe("r", "nobody", { text: SECRET });
  await ids.reserve("camera", { token: SECRET });
  await ids.reserve("camera", { digest: SECRET });
  await ids.forget("camera");
  ann.bans.ban("192.0.2.0/24", { reason: "floods" });
  ann.bans.ban("2001:db8:1:2::1", { reason: "floods", lifetimeMs: 1_000 });
  ann.bans.lift("2001:db8:1:2::2", "it is calm");
  for (const dialect of ["peerjs", "simple", "ssp", "nothing"]) await ann.rotateSecret(dialect);
  server.operator.bans.lift("192.0.2.1");
  // To look is no action.
  assertEquals([...pools.list(), ...ids.list(), ...ann.bans.list()], []);

  const log = ann.log();
  assertEquals(
    log.toReversed().map(({ actor, action, subject, outcome, reason }) =>
      `${actor}: ${action} ${subject.join(" ")}: ${outcome}${
        reason === undefined ? "" : ` (${reason})`
      }`
    ),
    [
      "ann: keep room ssp lobby: kept",
      "ann: describe member ssp lobby topic: described",
      "ann: stop room ssp lobby: unknown",
      "ann: forget room ssp lobby: forgotten",
      "ann: describe member simple r nobody: unknown",
      "ann: reserve id peerjs camera: kept",
      "ann: reserve id peerjs camera: invalid",
      "ann: forget id peerjs camera: forgotten",
      "ann: ban address 192.0.2.0/24: invalid (floods)",
      "ann: ban address 2001:db8:1:2::/64: kept (floods)",
      "ann: lift ban 2001:db8:1:2::/64: lifted (it is calm)",
      "ann: rotate secret peerjs: rotated",
      "ann: rotate secret simple: unused",
      "ann: rotate secret ssp: unused",
      "ann: rotate secret nothing: unknown",
      "operator: lift ban 192.0.2.1: unknown",
    ],
  );
  assert(log.every(({ atMs }) => Math.abs(atMs - Date.now()) < 60_000));
  assert(!JSON.stringify(log).includes(SECRET));
  assertEquals(ann.log(1).map(({ actor }) => actor), ["operator"]);
});

Deno.test("a description that is no JSON is invalid, and one that is changes no more", async () => {
  await using server = startTestServer();
  const pools = server.operator.rooms.get("ssp");
  await using client = await WsClient.open(`${server.wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool: "p" } });
  const { data: { client_id: id } } = await client.nextJson() as { data: { client_id: string } };
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  for (const description of [undefined, () => {}, Symbol("none"), 1n, { n: 1n }, NaN, cyclic]) {
    assertEquals(pools?.describe("p", id, description), "invalid");
  }
  assertEquals(server.operator.log(1)[0]?.outcome, "invalid");
  const description: Record<string, unknown> = { n: 1 };
  assertEquals(pools?.describe("p", id, description), "described");
  description["n"] = cyclic;
  await using other = await WsClient.open(`${server.wsUrl}/ssp`);
  other.send({ type: "rtc:join", data: { pool: "p" } });
  const { data } = await other.nextJson() as { data: { descriptions: unknown; client_id: string } };
  assertEquals(data.descriptions, { [id]: { n: 1 }, [data.client_id]: null });
});

Deno.test("an operator sees what clients were refused", async () => {
  await using server = startTestServer({ args: ["--ssp-private"] });
  await using client = await WsClient.open(`${server.wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool: "attic" } });
  await client.next();
  const [refusal, ...others] = server.operator.refusals();
  assertEquals(others, []);
  const { dialect, address, reason, pool, count } = refusal ?? {};
  assertEquals([dialect, address, reason], ["ssp", "127.0.0.1", "no-such-pool"]);
  assertEquals([pool, count], ["attic", 1]);
});

Deno.test("an operator's actions hold after a restart, and a rotated secret is no loss", async () => {
  await using folder = await TempFolder.make();
  const args = ["--store", `kv:${folder.path}`, "--peerjs-server-ids-only"];
  const issue = async (url: string): Promise<string> =>
    await (await fetch(`${url}/peerjs/id`)).text();
  const first = await startTestServerWithStore({ args });
  const [old, reserved] = [await issue(first.url), await issue(first.url)];
  const ids = first.operator.ids.get("peerjs");
  assertEquals(await ids?.reserve(reserved, { token: "mine" }, 3_600_000), "kept");
  assertEquals(await first.operator.rotateSecret("peerjs"), "rotated");
  first.operator.bans.ban("192.0.2.1", { reason: "floods" });
  const fresh = await issue(first.url);
  assertEquals(await first.operator.flush(), true);
  await first.stop();

  await using second = await startTestServerWithStore({ args });
  for (const id of [old, fresh, await issue(second.url)]) {
    await using _client = await openPeerJs(second.wsUrl, id);
  }
  await using thief = await WsClient.open(peerJsUrl(second.wsUrl, reserved, { token: "yours" }));
  assertEquals((await thief.nextJson() as { type: string }).type, "ID-TAKEN");
  await using _holder = await openPeerJs(second.wsUrl, reserved, { token: "mine" });
  assertEquals(second.operator.bans.list().map(({ value }) => value), ["192.0.2.1"]);
  await until("the log to be read", () => second.operator.log().length === 3);
  await second.operator.rotateSecret("peerjs");
  await using late = await WsClient.open(peerJsUrl(second.wsUrl, old));
  assertEquals((await late.nextJson() as { type: string }).type, "ERROR");
});
