import { assert, assertEquals } from "@std/assert";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { StreamClient } from "../helpers/wire/stream_client.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

const TOKEN = "a-token-of-an-operator";
const ARGS = ["--admin-tokens", TOKEN];

Deno.test("a peer is reported with the transport that carries it", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  const poller = await PollingClient.open(server.url, 4, "&token=bob");
  assertEquals(await poller.next(), '42["server-authenticated",{"uid":"bob"}]');
  const polling = (await admin.get("/peers/owt/bob")).body;
  assertEquals([polling.transport, polling.framesSent > 0], ["polling", true]);
  await poller.close();
  await using fred = await StreamClient.open(server, "?room=r");
  const stream = (await admin.get(`/peers/simple/${encodeURIComponent(fred.id)}`)).body;
  assertEquals([stream.transport, stream.rooms], ["event-stream", ["r"]]);
});

Deno.test("a peer of Simple is one, while it is held too, and a kick ends all of it", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  const mate = await WsClient.open(`${server.wsUrl}/simple`);
  mate.send({ event: "join", room: "r" });
  for (let frame = 0; frame < 2; frame++) await mate.next();
  const socket = await RawSocket.upgrade(`${server.wsUrl}/simple`);
  socket.send('{"event":"join","room":"r"}');
  const { peer: { peer_id: id } } = JSON.parse(String(await mate.next()));
  const path = `/peers/simple/${encodeURIComponent(id)}`;
  const connected = (await admin.get(path)).body;
  assert(connected.connection !== null);
  socket[Symbol.dispose]();
  await until("the peer to be held", async () => (await admin.get(path)).body.connection === null);
  const held = (await admin.get(path)).body;
  assertEquals([held.transport, held.address, held.rooms], [null, null, ["r"]]);
  assertEquals((await admin.get("/rooms/simple/r")).body.members, 2);
  assertEquals((await admin.post(`${path}/kick`)).body, { outcome: "kicked" });
  const leave = JSON.parse(String(await mate.next()));
  assertEquals([leave.event, leave.reason], ["leave", "kicked"]);
  assertEquals((await admin.get(path)).status, 404);
  await mate[Symbol.asyncDispose]();
});

Deno.test("a member of a pool is kicked: the pool goes on, and the others learn of it", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  const [first, second] = [
    await WsClient.open(`${server.wsUrl}/ssp`),
    await WsClient.open(`${server.wsUrl}/ssp`),
  ];
  const join = { type: "rtc:join", data: { pool: "p" } };
  first.send(join);
  const id = JSON.parse(String(await first.next())).data.client_id;
  second.send(join);
  for (const client of [first, second]) await client.next();
  assertEquals((await admin.post(`/peers/ssp/${id}/kick`)).body, { outcome: "kicked" });
  assertEquals(JSON.parse(String(await first.next())), { type: "rtc:stop", data: {} });
  assertEquals((await first.closed).code, 1000);
  assertEquals(JSON.parse(String(await second.next())).type, "rtc:close");
  assertEquals((await admin.get("/rooms/ssp/p")).body.members, 1);
  await second[Symbol.asyncDispose]();
});

Deno.test("a webrtcsink session is a call from the peer that started it", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  const ids: string[] = [];
  const clients: WsClient[] = [];
  for (const role of ["producer", "listener"]) {
    const client = await WsClient.open(`${server.wsUrl}/webrtcsink`);
    ids.push(JSON.parse(String(await client.next())).peerId);
    client.send({ type: "setPeerStatus", roles: [role] });
    if (role === "listener") await client.next();
    clients.push(client);
  }
  const [producer, consumer] = clients;
  consumer?.send({ type: "startSession", peerId: ids[0] });
  const { sessionId } = JSON.parse(String(await consumer?.next()));
  const { items: [call] } = (await admin.get("/calls?dialect=webrtcsink")).body;
  assertEquals([call.id, call.from, call.to], [sessionId, ids[1], ids[0]]);
  assertEquals((await admin.get("/rooms")).body.total, 0);
  await producer?.[Symbol.asyncDispose]();
  await until("the call to end", async () => (await admin.get("/calls")).body.total === 0);
  await consumer?.[Symbol.asyncDispose]();
});

Deno.test("a topic is listed once, whichever way its subscribers spell it", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  await using client = await WsClient.open(`${server.wsUrl}/topics`);
  client.send({ type: "subscribe", topics: ["t"] });
  client.send({ type: "subscribe", topic: "t" });
  client.send({ type: "ping" });
  await client.next();
  const { items, total } = (await admin.get("/rooms?dialect=topics")).body;
  assertEquals([total, items.length, items[0].id, items[0].members], [1, 1, "t", 2]);
});

Deno.test("a bridged room is listed once, with all its members", async () => {
  await using server = startTestServer({ args: [...ARGS, "--bridge", "all"] });
  const admin = await AdminClient.open(server.url, TOKEN);
  const member = await WsClient.open(`${server.wsUrl}/ssp`);
  member.send({ type: "rtc:join", data: { pool: "r" } });
  await member.next();
  const fred = await WsClient.open(`${server.wsUrl}/simple`);
  fred.send({ event: "join", room: "r" });
  await fred.next();
  const { items, total } = (await admin.get("/rooms")).body;
  assertEquals([total, items[0].dialect, items[0].members], [1, "ssp", 2]);
  assertEquals((await admin.get("/rooms/simple/r")).body.peers.length, 2);
  for (const client of [member, fred]) await client[Symbol.asyncDispose]();
});
