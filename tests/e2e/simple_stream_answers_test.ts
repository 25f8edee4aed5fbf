import { assert, assertEquals } from "@std/assert";
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
import { WsClient } from "../helpers/wire/ws_client.ts";

// Answers of plain HTTP, beside the frames themselves (sections 7 and 8).

/** Joins over a WebSocket, and has read the answer. */
async function openSocket(wsUrl: string, query = "?room=r"): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/simple${query}`);
  await client.nextText();
  await client.nextText();
  return client;
}

Deno.test("Simple stream: a wrong message has the same code and words by POST as by WebSocket", async () => {
  await using server = startTestServer({ args: ["--simple-max-candidates", "2"] });
  await using fred = await StreamClient.open(server);
  await using socket = await openSocket(server.wsUrl);
  const one = { candidate: "candidate:1" };
  const deep = JSON.parse("[".repeat(40) + "]".repeat(40));
  const frames: Json[] = [
    {},
    { event: 5 },
    { event: "nonsense" },
    { event: "change" },
    { event: "change", peer: [] },
    { event: "change", peer: { peer_x: 1 } },
    { event: "change", peer: JSON.parse('{"__proto__":1}') },
    { event: "change", peer: { [""]: 1 } },
    { event: "change", sdp: 5 },
    { event: "change", peer_ice: [] },
    { event: "change", peer_ice: [{}] },
    { event: "change", peer_ice: [one, one, one] },
    { event: "change", peer: { deep } },
    { event: "signal", type: "data", data: 1 },
    { event: "signal", type: "data", peer_id: "nobody" },
    { event: "signal", type: "hello", peer_id: "nobody" },
    { event: "signal", type: "offer", peer_id: "nobody", sdp: "" },
    { event: "signal", type: "bye", peer_id: "nobody", call: "" },
    { event: "signal", type: "bye", peer_id: "nobody", peer_instance: -1 },
    dataTo("nobody", 1),
  ];
  for (const frame of frames) {
    socket.send({ ...frame, ref: "its" });
    const told = await socket.nextJson() as Json;
    const [status, answer] = await fred.post({ ...frame, ref: "its" });
    assert(status >= 400, JSON.stringify(frame));
    assertEquals(answer, told);
  }
});

Deno.test("Simple stream: a signal to a stream whose path is dead is not forgotten", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ args: ["--simple-keep-ms", "1000"], clock });
  await using fred = await StreamClient.open(server);
  await using barney = await openSocket(server.wsUrl);
  await fred.next();
  const { lastId } = fred;
  barney.send({ ...dataTo(fred.id, "said"), ref: 1 });
  assertEquals((await barney.nextJson() as Json)["delivered"], 1);
  for (let round = 0; round < 5; round++) clock.advance(1_000);
  const init = { headers: { "last-event-id": lastId } };
  await using again = await StreamClient.open(server, "?room=r", init);
  assertEquals(again.joined[1]?.data["recovered"], true);
  assertEquals((await again.next()).data["data"], "said");
});

Deno.test("Simple stream: each limit has its status", async () => {
  const args = ["--simple-max-instances", "1", "--simple-max-kept-signals", "1"];
  await using server = startTestServer({ args });
  await using fred = await StreamClient.open(server);
  const { p_id, p_secret } = fred.credentials;
  const body = JSON.stringify({ event: "join", room: "r", p_id, p_secret, ref: 7 });
  const refused = await fetch(`${server.url}/simple`, { method: "POST", body, headers: STREAM });
  const error = await refused.json();
  assertEquals([refused.status, error.code, error.ref], [409, "too_many_instances", 7]);

  const barney = await StreamClient.open(server, "?room=r&name=Barney");
  await barney[Symbol.asyncDispose]();
  const answers: unknown[] = [];
  while (answers.length < 100 && answers.at(-1) !== 503) {
    const [status, answer] = await fred.post(dataTo(barney.id, answers.length));
    answers.push(status === 503 ? answer["code"] : answer["event"], status);
  }
  assertEquals(answers.slice(-2), ["queue_full", 503]);
});

Deno.test("Simple stream: no answer may be kept by a cache", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  const frame = JSON.stringify({ event: "ping", ...fred.credentials });
  for (
    const [status, query, init] of [
      [200, "", { method: "POST", body: frame }],
      [400, "", { method: "POST", body: "hello" }],
      [400, "?room=", { headers: STREAM }],
    ] as const
  ) {
    const response = await fetch(`${server.url}/simple${query}`, init);
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("cache-control")], [status, "no-store"]);
  }
});

Deno.test("Simple stream: a client that an operator has removed is asked not to come back", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  server.operator.rooms.get("simple")?.stop("r");
  assertEquals(codeOf((await fred.next()).data), "kicked");
  assertEquals(await fred.nextIfAny(), undefined);
  assertEquals(await comeBack(server, fred.lastId), 204);
});

Deno.test("Simple stream: an id of another room is of no use, and no error", async () => {
  await using server = startTestServer();
  await using fred = await StreamClient.open(server);
  const init = { headers: { "last-event-id": fred.lastId } };
  await using other = await StreamClient.open(server, "?room=other", init);
  assert(other.id !== fred.id);
  assertEquals(await server.gauge("signalbox_peers"), 2);
});

Deno.test("Simple stream: a join that is posted with an id changes what it says, as by WebSocket", async () => {
  await using server = startTestServer();
  const join = { event: "join", room: "r", sdp: "v=old", peer: { name: "Fred", age: 1 } };
  const body = JSON.stringify(join);
  const fred = await StreamClient.open(server, "", { method: "POST", body });
  const one = { candidate: "candidate:1" };
  await fred.post({ event: "change", sdp: "v=new", peer_ice: [one], peer: { name: "Frederick" } });
  await fred[Symbol.asyncDispose]();
  const again = { method: "POST", body: JSON.stringify({ ...join, sdp: "v=newest" }) };
  const init = { ...again, headers: { "last-event-id": fred.lastId } };
  await using back = await StreamClient.open(server, "", init);
  assertEquals(back.credentials, fred.credentials);
  await using barney = await WsClient.open(`${server.wsUrl}/simple?room=r`);
  const { peers: [seen] } = await barney.nextJson() as { peers: Json[] };
  assertEquals(seen, {
    name: "Fred",
    age: 1,
    peer_id: fred.id,
    peer_instances: [{ sdp: "v=newest" }],
    peer_ice: [],
  });
});

Deno.test("Simple stream: other methods are refused, media types are in any case", async () => {
  await using server = startTestServer();
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    const response = await fetch(`${server.url}/simple`, { method });
    await response.body?.cancel();
    const allow = "GET, HEAD, POST, OPTIONS";
    assertEquals([response.status, response.headers.get("allow")], [405, allow]);
  }
  const head = await fetch(`${server.url}/simple?room=r`, { method: "HEAD", headers: STREAM });
  assertEquals([head.status, await server.gauge("signalbox_peers")], [426, 0]);
  const headers = { accept: "text/html, Text/Event-Stream;q=0.9" };
  await using _fred = await StreamClient.open(server, "?room=r", { headers });
});

Deno.test("Simple stream: a post without credentials is refused with 403 and names them", async () => {
  await using server = startTestServer();
  const [status, answer] = await post(server.url, '{"event":"ping","ref":1}');
  const { message, ...rest } = answer;
  assertEquals([status, rest], [403, { event: "error", code: "bad_secret", ref: 1 }]);
  assertEquals(message, "p_id and p_secret are needed");
});
