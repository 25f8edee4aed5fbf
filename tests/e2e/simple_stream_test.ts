import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import {
  codeOf,
  comeBack,
  dataTo,
  type Json,
  post,
  STREAM,
  StreamClient,
} from "../helpers/wire/stream_client.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { sideBySide } from "../helpers/wire/side_by_side.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

Deno.test("Simple stream: a URL joins, every event has the frame's name and an id", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  const [handshake, ready] = fred.joined;
  assertEquals(Object.keys(handshake?.data ?? {}), ["p_id", "room", "peers"]);
  assert(handshake?.id !== "" && ready?.id !== "");
  await using barney = await WsClient.open(`${server.wsUrl}/simple?room=r&name=Barney`);
  const seen = await barney.nextJson() as { p_id: string; peers: Json[] };
  assertEquals(seen.peers[0]?.["name"], "Fred");
  assertEquals((await fred.next()).event, "join");

  barney.send(dataTo(fred.id, "hello"));
  const signal = await fred.next();
  assertEquals([signal.event, signal.data["seq"], signal.data["data"]], ["signal", 1, "hello"]);
  assertEquals(await fred.post({ ...dataTo(seen.p_id, "hi"), ref: 1 }), [
    200,
    { event: "ok", delivered: 1, queued: 0, ref: 1 },
  ]);
  await barney.nextJson();
  assertEquals((await barney.nextJson() as Json)["data"], "hi");
  assertEquals(await fred.post({ event: "change", peer: { name: "F" } }), [200, { event: "ok" }]);
  assertEquals((await barney.nextJson() as Json)["event"], "change");
  assertEquals(await fred.post({ event: "ping", ref: 2 }), [200, { event: "pong", ref: 2 }]);
});

Deno.test("Simple stream: a posted join opens one, and leave by POST ends it", async () => {
  await using server = startTestServer();
  const join = { event: "join", room: "r", peer: { deep: [1] }, ref: 7 };
  await using fred = await StreamClient.open(server, "", {
    method: "POST",
    body: JSON.stringify(join),
  });
  assertEquals((await fred.next()).data, { event: "ok", ref: 7 });
  assertEquals(await fred.post({ event: "leave" }), [200, { event: "ok" }]);
  assertEquals(await fred.nextIfAny(), undefined);
  assertEquals((await fred.post({ event: "ping" }))[1]["code"], "unknown_instance");
  await until("it to be gone", async () => await server.gauge("signalbox_connections") === 0);
  assertEquals(await server.gauge("signalbox_peers"), 0);
});

Deno.test("Simple stream: one that breaks is lost, and goes on from its last event", async () => {
  await using server = startTestServer();
  const fred = await StreamClient.open(server);
  await using barney = await WsClient.open(`${server.wsUrl}/simple?room=r`);
  await barney.nextText();
  await barney.nextText();
  await fred.next();
  barney.send(dataTo(fred.id, 1));
  const first = await fred.next();
  await fred[Symbol.asyncDispose]();
  await until("the loss", async () => await server.gauge("signalbox_lost_instances") === 1);
  barney.send({ ...dataTo(fred.id, 2), ref: 1 });
  assertEquals(await barney.nextJson(), { event: "ok", delivered: 0, queued: 1, ref: 1 });
  // A lost instance may still speak.
  assertEquals((await fred.post({ event: "ping" }))[0], 200);

  const again = { headers: { "last-event-id": first.id } };
  await using back = await StreamClient.open(server, "?room=r&name=Fred", again);
  const { recovered, seq } = back.joined[1]?.data ?? {};
  assertEquals([back.credentials, recovered, seq], [fred.credentials, true, 1]);
  assertEquals((await back.next()).data["data"], 2);
  assertEquals(barney.unread, []);

  const useless = { headers: { "last-event-id": `${first.id}x` } };
  await using stranger = await StreamClient.open(server, "?room=r", useless);
  assert(stranger.id !== fred.id);
});

const eventSource = sideBySide("Simple stream: EventSource is a client");

eventSource("Simple stream: EventSource is all it takes, and comes back by itself", async () => {
  await using server = startTestServer();
  await using proxy = startTcpProxy(server.url);
  await using barney = await WsClient.open(`${server.wsUrl}/simple?room=r`);
  await barney.nextText();
  await barney.nextText();
  const source = new EventSource(`${proxy.url}/simple?room=r&name=Fred`);
  const heard: Json[] = [];
  for (const name of ["ready", "signal"]) {
    source.addEventListener(name, ({ data }) => heard.push(JSON.parse(data)));
  }
  try {
    await until("the join", () => heard.length === 1);
    const { peer } = await barney.nextJson() as { peer: Json };
    barney.send(dataTo(peer["peer_id"], 1));
    await until("the signal", () => heard.length === 2);
    proxy.cut();
    await until("the loss", async () => await server.gauge("signalbox_lost_instances") === 1);
    barney.send(dataTo(peer["peer_id"], 2));
    await until("what was missed", () => heard.length === 4);
    assertEquals(heard.map(({ data, recovered }) => data ?? recovered), [false, 1, true, 2]);
    assertEquals(heard[2]?.["p_secret"], heard[0]?.["p_secret"]);
    assertEquals(barney.unread, []);
  } finally {
    source.close();
  }
});

Deno.test("Simple stream: instances of one peer may be streams and sockets", async () => {
  await using server = startTestServer();
  await using stream = await StreamClient.open(server);
  await using socket = await WsClient.open(`${server.wsUrl}/simple`);
  const { p_id, p_secret } = stream.credentials;
  socket.send({ event: "join", room: "r", p_id, p_secret });
  assertEquals((await socket.nextJson() as Json)["p_id"], p_id);
  const ready = await socket.nextJson() as Json;
  assertEquals(ready["p_instance"], 1);
  socket.send(dataTo(p_id, "sibling"));
  assertEquals((await stream.next()).data["peer_instance"], 1);
  // A socket's instance may speak by POST too, with its own secret only.
  const own = { p_id, p_secret: ready["p_secret"], p_instance: 1 };
  assertEquals((await stream.post(dataTo(p_id, "post"), own))[0], 200);
  assertEquals((await stream.next()).data["data"], "post");
  const wrong = { ...own, p_secret };
  assertEquals((await stream.post({ event: "ping" }, wrong)).map(codeOf), [
    404,
    "unknown_instance",
  ]);

  // A stream's instance is taken back by a socket: the stream ends.
  socket.send({ event: "leave" });
  await socket.closed;
  await using taker = await WsClient.open(`${server.wsUrl}/simple`);
  taker.send({ event: "join", room: "r", ...stream.credentials, seq: 2 });
  await taker.nextText();
  assertEquals((await taker.nextJson() as Json)["recovered"], true);
  assertEquals(await stream.nextIfAny(), undefined);
});

Deno.test("Simple stream: a refusal is a status with the error frame", async () => {
  await using server = startTestServer({ args: ["--simple-max-members", "1"] });
  await using fred = await StreamClient.open(server);
  const { p_id, p_secret } = fred.credentials;
  const posts: [status: number, code: string, body: unknown][] = [
    [400, "bad_json", "hello"],
    [403, "bad_secret", { event: "nonsense" }],
    [400, "bad_frame", { event: "nonsense", ...fred.credentials }],
    [400, "bad_frame", { event: "change", ...fred.credentials }],
    [403, "bad_secret", { event: "ping" }],
    [403, "bad_secret", { event: "ping", p_id, p_instance: 0 }],
    [403, "bad_secret", { event: "ping", p_secret, p_instance: 0 }],
    [400, "bad_frame", { event: "ping", p_id, p_secret }],
    [400, "bad_frame", { event: "ping", p_id, p_secret, p_instance: "0" }],
    [400, "bad_frame", { event: "join", room: "r" }],
    [403, "bad_secret", { event: "ping", p_id, p_secret: `${p_secret}x`, p_instance: 0 }],
    [403, "bad_secret", { event: "ping", p_id: crypto.randomUUID(), p_secret, p_instance: 0 }],
    [404, "unknown_instance", { event: "ping", p_id, p_secret, p_instance: 1 }],
    [404, "unknown_peer", { ...dataTo("nobody", 1), ...fred.credentials }],
    [400, "already_joined", { event: "join", room: "r", ...fred.credentials }],
    [400, "reserved_field", { event: "change", peer: { peer_id: 1 }, ...fred.credentials }],
    [413, "too_large", { event: "change", peer: { a: "x".repeat(9_000) }, ...fred.credentials }],
    [413, "too_large", "x".repeat(262_145)],
  ];
  for (const [status, code, body] of posts) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    assertEquals((await post(server.url, text)).map(codeOf), [status, code]);
  }
  const streams: [status: number, code: string, query: string, body?: Json][] = [
    [409, "room_full", "?room=r"],
    [400, "bad_room", ""],
    [400, "bad_frame", "?room=r&p_secret=x"],
    [400, "bad_room", "?room="],
    [400, "reserved_field", "?room=x&peer_id=me"],
    [403, "bad_secret", "", { event: "join", room: "r", p_id }],
    [400, "bad_frame", "", { event: "leave" }],
  ];
  for (const [status, code, query, body] of streams) {
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${server.url}/simple${query}`, { headers: STREAM, ...sent });
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals([response.status, await response.json()].map(codeOf), [status, code]);
  }
  const { status, headers, body } = await fetch(`${server.url}/simple?room=r`);
  await body?.cancel();
  assertEquals([status, headers.get("upgrade")], [426, "websocket"]);
  await until("all to be gone", async () => await server.gauge("signalbox_connections") === 1);
});

Deno.test("Simple stream: without a good token the answer is 401, for another room 403", async () => {
  const [token, lobby] = ["0123456789abcdef", "a-token-for-the-lobby"];
  await using server = startTestServer({ args: ["--simple-tokens", token, `${lobby}@lobby`] });
  const cases: [status: number, code: string | undefined, query: string][] = [
    [401, "unauthorized", ""],
    [401, "unauthorized", "&token=wrong"],
    [403, "forbidden", `&token=${lobby}`],
    [200, undefined, `&token=${token}`],
  ];
  for (const [status, code, query] of cases) {
    const response = await fetch(`${server.url}/simple?room=r${query}`, { headers: STREAM });
    assertEquals(response.status, status);
    if (code === undefined) await response.body?.cancel();
    else assertEquals((await response.json())["code"], code);
  }
});

Deno.test("Simple stream: a post that never ends is a bad frame after its time", async () => {
  await using server = startTestServer({ args: ["--simple-body-timeout-ms", "100"] });
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const begun = writer.write(new TextEncoder().encode('{"event":'));
  const response = await fetch(`${server.url}/simple`, { method: "POST", body: readable });
  assertEquals([response.status, await response.json()].map(codeOf), [400, "bad_frame"]);
  await Promise.allSettled([begun, writer.abort()]);
});

Deno.test("Simple stream: posts are bounded by rate", async () => {
  await using server = startTestServer({
    args: ["--simple-frame-burst", "3", "--simple-frames-per-second", "1"],
    clock: new FakeClock(), // no allowance grows meanwhile
  });
  await using fred = await StreamClient.open(server);
  const statuses: number[] = [];
  for (let n = 0; n < 5; n++) statuses.push((await fred.post({ event: "ping" }))[0]);
  assertEquals(statuses, [200, 200, 200, 429, 429]);
});

Deno.test("Simple stream: origins and CORS are the server's", async () => {
  const origin = "https://app.example.org";
  await using server = startTestServer({ args: ["--allowed-origins", origin] });
  const ask = (from: string) =>
    fetch(`${server.url}/simple?room=r`, { headers: { ...STREAM, origin: from } });
  const refused = await ask("https://evil.example.org");
  assertEquals(refused.status, 403);
  assertStringIncludes(await refused.text(), "forbidden");
  const allowed = await ask(origin);
  assertEquals(allowed.headers.get("access-control-allow-origin"), origin);
  await allowed.body?.cancel();
});

Deno.test("Simple stream: a server that goes away ends its streams", async () => {
  const server = startTestServer();
  await using fred = await StreamClient.open(server);
  await server.stop();
  assertEquals(await fred.nextIfAny(), undefined);
});

Deno.test("Simple stream: a client that comes back keeps the changes of its description", async () => {
  await using server = startTestServer();
  const fred = await StreamClient.open(server);
  await using barney = await WsClient.open(`${server.wsUrl}/simple?room=r`);
  await barney.nextText();
  await barney.nextText();
  await fred.post({ event: "change", peer: { name: "Frederick" } });
  assertEquals((await barney.nextJson() as Json)["event"], "change");
  await fred.next();
  await fred[Symbol.asyncDispose]();
  const again = { headers: { "last-event-id": fred.lastId } };
  await using _back = await StreamClient.open(server, "?room=r&name=Fred", again);
  await using wilma = await WsClient.open(`${server.wsUrl}/simple?room=r`);
  const { peers } = await wilma.nextJson() as { peers: Json[] };
  assertEquals(peers.map(({ name }) => name), ["Frederick", undefined]);
  assertEquals((await barney.nextJson() as Json)["event"], "join");
});

Deno.test("Simple stream: a client that has left is asked not to come back", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  await fred.post({ event: "leave" });
  assertEquals(await fred.nextIfAny(), undefined);
  assertEquals(await comeBack(server, fred.lastId), 204);
  // Also one that has not heard the end of its stream.
  assertEquals(await comeBack(server, fred.joined[0]?.id ?? ""), 204);
  assertEquals(await server.gauge("signalbox_peers"), 0);
});

Deno.test("Simple stream: the client that has taken an instance over keeps it", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  const [{ id: lastId = "" } = {}] = fred.joined;
  await using taker = await WsClient.open(`${server.wsUrl}/simple`);
  taker.send({ event: "join", room: "r", ...fred.credentials, seq: 0 });
  await taker.nextText();
  await taker.nextText();
  assertEquals(await fred.nextIfAny(), undefined);
  assertEquals(await comeBack(server, fred.lastId), 204);
  // Also one that has not heard of it, because it was cut off.
  assertEquals(await comeBack(server, lastId), 204);
  taker.send({ event: "ping", ref: 1 });
  assertEquals(await taker.nextJson(), { event: "pong", ref: 1 });
});

eventSource("Simple stream: EventSource stops by itself after leave", async () => {
  await using server = startTestServer();
  const source = new EventSource(`${server.url}/simple?room=r`);
  try {
    const credentials = Promise.withResolvers<Json>();
    let p_id: unknown;
    source.addEventListener("handshake", ({ data }) => p_id = JSON.parse(data).p_id);
    source.addEventListener("ready", ({ data }) => {
      const { p_secret, p_instance } = JSON.parse(data);
      credentials.resolve({ p_id, p_secret, p_instance });
    });
    const frame = { event: "leave", ...await within("the join", credentials.promise) };
    assertEquals((await post(server.url, JSON.stringify(frame)))[0], 200);
    await until("it to give up", () => source.readyState === EventSource.CLOSED);
    assertEquals(await server.gauge("signalbox_peers"), 0);
  } finally {
    source.close();
  }
});

Deno.test("Simple stream: an address has only so many posts that prove nothing", async () => {
  const clock = new FakeClock(); // no allowance grows meanwhile
  const args = ["--limits-connection-burst", "4"];
  await using server = startTestServer({ args, clock });
  await using fred = await StreamClient.open(server);
  for (let sent = 0; sent < 9; sent++) {
    assertEquals((await fred.post({ event: "ping" }))[0], 200, "its own frames are no stranger's");
  }
  const bodies = ["hello", '{"event":"ping"}', "x".repeat(262_145), "{}"];
  const statuses: number[] = [];
  for (const body of bodies) statuses.push((await post(server.url, body))[0]);
  assertEquals(statuses, [400, 403, 413, 403]);
  assertEquals((await post(server.url, "hello")).map(codeOf), [429, "rate_limited"]);
  clock.advance(1_000);
  assertEquals((await post(server.url, "hello"))[0], 400);
});
