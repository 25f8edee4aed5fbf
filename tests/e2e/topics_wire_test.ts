import { assert, assertEquals } from "@std/assert";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Transport and metrics of the dialect over the real wire; its behaviour is in tests/dialects/topics.

async function enter(server: TestServer, path: string, topic: string): Promise<WsClient> {
  const client = await WsClient.open(server.wsUrl + path);
  client.send({ type: "subscribe", topics: [topic] });
  client.send({ type: "ping" });
  assertEquals(await client.nextJson(), { type: "pong" });
  return client;
}

async function metricsOf(server: TestServer): Promise<string> {
  return await (await fetch(`${server.url}/metrics`)).text();
}

Deno.test("topics: served at /topics with a slash and any query, and at / by the first message", async () => {
  await using server = startTestServer();
  const clients = [];
  for (const path of ["/topics", "/topics/", "/topics?room=x&token=y", "/"]) {
    clients.push(await enter(server, path, "a"));
  }
  clients[3]?.send({ type: "publish", topic: "a", data: 1 });
  for (const client of clients) {
    assertEquals(await client.nextJson(), { type: "publish", topic: "a", data: 1, clients: 4 });
  }
  for (const client of clients) await client[Symbol.asyncDispose]();
  await assertEmpty(server.url);
});

Deno.test("topics: three hundred subscribers get the publications of two pages in one order", async () => {
  await using server = startTestServer();
  await using first = await enter(server, "/topics", "a");
  const clients = await Promise.all(
    Array.from({ length: 299 }, () => enter(server, "/topics", "a")),
  );
  const publish = (client: WsClient, data: string): void =>
    client.send({ type: "publish", topic: "a", data });
  for (let nth = 0; nth < 20; nth++) {
    publish(first, `first ${nth}`);
    publish(clients[0] ?? first, `second ${nth}`);
  }
  const expected: unknown[] = [];
  for (let nth = 0; nth < 40; nth++) expected.push(await first.nextJson());
  for (const client of clients) {
    for (const publication of expected) assertEquals(await client.nextJson(), publication);
  }
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("topics: a plain request gets 426 with the protocol to upgrade to", async () => {
  await using server = startTestServer();
  const response = await fetch(`${server.url}/topics`);
  assertEquals([response.status, response.headers.get("upgrade")], [426, "websocket"]);
  await response.body?.cancel();
});

Deno.test("topics: a binary message counts as text, and is delivered as text", async () => {
  await using server = startTestServer();
  await using client = await enter(server, "/topics", "a");
  client.send(new TextEncoder().encode('{"type":"publish","topic":"a","data":"é"}'));
  assertEquals(await client.next(), '{"type":"publish","topic":"a","data":"é","clients":1}');
});

Deno.test("topics: a message over a mebibyte ends its sender's connection with 1009", async () => {
  await using server = startTestServer();
  await using client = await enter(server, "/topics", "a");
  client.send({ type: "publish", topic: "a", data: "x".repeat(1024 * 1024) });
  assertEquals((await client.closed).code, 1009);
});

Deno.test("topics: at its end the server closes with 1001", async () => {
  await using server = startTestServer();
  const client = await enter(server, "/topics", "a");
  await server.stop();
  assertEquals((await client.closed).code, 1001);
});

Deno.test("topics: a subscriber that reads nothing is dropped, and the others go on", async () => {
  await using server = startTestServer({ args: ["--topics-max-queued-bytes=65536"] });
  await using reader = await enter(server, "/topics", "a");
  using deaf = await RawSocket.upgrade(`${server.url}/topics`);
  await deaf.send('{"type":"subscribe","topics":["a"]}');
  await until("both to be subscribed", async () => await server.gauge(SUBSCRIPTIONS) === 2);
  const data = "x".repeat(60_000);
  for (let sent = 0; await server.gauge(SUBSCRIPTIONS) === 2; sent++) {
    assert(sent < 1_000, "it is still subscribed");
    reader.send({ type: "publish", topic: "a", data });
    assertEquals(Reflect.get(await reader.nextJson() as object, "data"), data);
  }
});

const SUBSCRIPTIONS = "signalbox_topics_subscriptions";

Deno.test("topics: metrics count what is published, delivered and dropped, and name no topic", async () => {
  await using server = startTestServer();
  await using client = await enter(server, "/topics", "secret-room");
  client.send({ type: "publish", topic: "secret-room", data: 1 });
  await client.next();
  client.send("nope");
  client.send({ type: "ping" });
  await client.next();
  const metrics = await metricsOf(server);
  for (
    const line of [
      'signalbox_topics_active{dialect="topics"} 1',
      'signalbox_topics_published_total{dialect="topics"} 1',
      'signalbox_topics_delivered_total{dialect="topics"} 1',
      'signalbox_topics_dropped_total{dialect="topics",reason="not_json"} 1',
      'signalbox_topics_dropped_total{dialect="topics",reason="rate"} 0',
      "# TYPE signalbox_topics_dropped_total counter",
    ]
  ) {
    assert(metrics.split("\n").includes(line), `${line}\n${metrics}`);
  }
  assert(!metrics.includes("secret-room"));
});
