import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { closePayload, OPCODE } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { event, frameOf, type SspEvent } from "../helpers/session/ssp.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Section 1 of protocols/ssp.md, over the real wire; what is said there is in tests/dialects/ssp.

interface Member {
  readonly client: WsClient;
  readonly id: string;
}

async function join(server: TestServer, path = "/ssp", pool = "p"): Promise<Member> {
  const client = await WsClient.open(server.wsUrl + path);
  client.send({ type: "rtc:join", data: { pool } });
  const { type, data } = await nextEvent(client);
  assertEquals(type, "rtc:joined");
  return { client, id: String(data["client_id"]) };
}

async function nextEvent(client: WsClient): Promise<SspEvent> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SspEvent;
}

async function rawNext(socket: RawSocket): Promise<SspEvent> {
  return JSON.parse(await socket.next());
}

for (const path of ["/ssp", "/ssp/v1", "/ssp/auto"]) {
  Deno.test(`ssp: ${path} is reached with a trailing slash and any query, and only as a WebSocket`, async () => {
    await using server = startTestServer();
    const targets = [path, `${path}/`, `${path}?token=x`, `${path}/?a=b&a=c`];
    const members: Member[] = [];
    for (const target of targets) members.push(await join(server, target));
    for (const { client } of members) await client.close();
    for (const target of targets) {
      const response = await fetch(server.url + target);
      assertEquals([response.status, response.headers.get("upgrade")], [426, "websocket"]);
      assert((await response.text()).length < 200);
    }
    await assertEmpty(server.url);
  });
}

Deno.test("ssp: a subprotocol is chosen from those that are offered, or none", async () => {
  await using server = startTestServer();
  const cases: readonly (readonly [path: string, offered: string | undefined, chosen?: string])[] =
    [
      ["/ssp", undefined],
      ["/ssp", "ssp", "ssp"],
      ["/ssp", "ssp.v2", "ssp.v2"],
      ["/ssp", "chat, ssp.v2", "ssp.v2"],
      ["/ssp", "ssp.v2, ssp", "ssp.v2"],
      ["/ssp", "ssp.v2,ssp", "ssp.v2"],
      ["/ssp", "chat ,ssp", "ssp"],
      ["/ssp", "chat"],
      ["/ssp", "ssp.v1"],
      ["/ssp/v1", "ssp", "ssp"],
      ["/ssp/v1", "ssp.v1", "ssp.v1"],
      ["/ssp/v1", "ssp.v2"],
      ["/ssp/auto", "ssp", "ssp"],
    ];
  for (const [path, offered, chosen] of cases) {
    using socket = await RawSocket.connect(server.url);
    await socket.write([
      `GET ${path} HTTP/1.1`,
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...(offered === undefined ? [] : [`Sec-WebSocket-Protocol: ${offered}`]),
      "",
      "",
    ].join("\r\n"));
    const { status, headers } = await socket.head();
    assertEquals([path, offered, status], [path, offered, 101]);
    assertEquals([path, offered, headers.get("sec-websocket-protocol")], [path, offered, chosen]);
  }
});

Deno.test("ssp: fragments are put together, also around a ping, and bytes are an error", async () => {
  await using server = startTestServer();
  using socket = await RawSocket.upgrade(`${server.url}/ssp`);
  const text = frameOf("rtc:join", { pool: "grün" });
  const bytes = new TextEncoder().encode(text);
  // The cut goes through a character.
  const cut = bytes.indexOf(0xc3) + 1;
  await socket.sendFrame({ payload: bytes.subarray(0, cut), isFinal: false });
  await socket.sendFrame({ opcode: OPCODE.ping, payload: "alive?" });
  await socket.sendFrame({ opcode: OPCODE.continuation, payload: bytes.subarray(cut) });
  const pong = await socket.nextFrame();
  assertEquals([pong?.opcode, pong?.text], [OPCODE.pong, "alive?"]);
  assertEquals((await rawNext(socket)).data["pool"], "grün");
  await socket.sendFrame({ opcode: OPCODE.binary, payload: text });
  const { type, data } = await rawNext(socket);
  assertEquals([type, data["reason"]], ["rtc:error", "binary-frame"]);
  await socket.send(frameOf("rtc:leave"));
  assertEquals((await rawNext(socket)).data["reason"], "unknown-action");
});

Deno.test("ssp: a closing handshake is answered, and a lost connection is a departure too", async () => {
  await using server = startTestServer();
  const { client: a } = await join(server);
  for (const leave of ["close", "close without a code", "cut"]) {
    using socket = await RawSocket.upgrade(`${server.url}/ssp/v1`);
    await socket.send(frameOf("rtc:join", { pool: "p" }));
    const { data: { client_id: id } } = await rawNext(socket);
    assertEquals(await nextEvent(a), event("rtc:peer", { id }));
    if (leave === "cut") socket.cut();
    else {
      const payload = leave === "close" ? closePayload(1000, "bye") : "";
      await socket.sendFrame({ opcode: OPCODE.close, payload });
      const ending = await socket.ended();
      assert(ending !== "cut");
      assertEquals(ending.code, leave === "close" ? 1000 : undefined);
    }
    assertEquals(await nextEvent(a), event("rtc:close", { uid: id, id }));
  }
  await a.close();
  await assertEmpty(server.url);
});

Deno.test("ssp: a message over the limit ends one connection with 1009", async () => {
  await using server = startTestServer();
  const { client: a } = await join(server);
  const { client: b, id } = await join(server, "/ssp/v1");
  await nextEvent(a);
  b.send(frameOf("app", { a: "x".repeat(1024 * 1024) }));
  assertEquals((await within("the close", b.closed)).code, 1009);
  assertEquals(await nextEvent(a), event("rtc:close", { uid: id, id }));
  await a.close();
});

Deno.test("ssp: a member that does not read is dropped, the pool gets everything", async () => {
  const args = ["--ssp-max-queued-bytes", "1048576", "--ssp-byte-burst", "unlimited"]
    .concat(["--ssp-bytes-per-second", "unlimited"]);
  await using server = startTestServer({ args });
  const { client: sender } = await join(server);
  const { client: witness, id: witnessId } = await join(server);
  await nextEvent(sender);
  using slow = await RawSocket.upgrade(`${server.wsUrl}/ssp`);
  await slow.send(frameOf("rtc:join", { pool: "p" }));
  const { data: { client_id: slowId } } = await rawNext(slow);
  for (const client of [sender, witness]) {
    assertEquals((await nextEvent(client)).data["id"], slowId);
  }
  const candidate = "x".repeat(500_000);
  let sent = 0;
  // The buffers of two network stacks have to be filled first.
  for (let heard = 0; heard === sent && sent < 100; sent++) {
    sender.send(frameOf("rtc:candidate", { for: slowId, candidate }));
    sender.send(frameOf("rtc:candidate", { for: witnessId, candidate: sent }));
    const { type, data } = await nextEvent(witness);
    if (type === "rtc:close") break;
    assertEquals(data["candidate"], heard++);
  }
  assert(sent > 1 && sent < 100, `it was dropped after ${sent} messages`);
  assertEquals(await nextEvent(sender), event("rtc:close", { uid: slowId, id: slowId }));
  slow.cut();
  for (const client of [sender, witness]) await client.close();
  await assertEmpty(server.url);
});

Deno.test("ssp: a member that answers no ping has left", async () => {
  await using server = startTestServer({ args: ["--keepalive-timeout", "2"] });
  const { client } = await join(server);
  using silent = await RawSocket.upgrade(`${server.wsUrl}/ssp/v1`);
  await silent.send(frameOf("rtc:join", { pool: "p" }));
  const { data: { id } } = await nextEvent(client);
  // Less than the 28 s of the default.
  const left = await within("its departure", nextEvent(client), 25_000);
  assertEquals(left, event("rtc:close", { uid: id, id }));
  await client.close();
});

Deno.test("ssp: when the server stops, members get nothing but 1001", async () => {
  await using server = startTestServer();
  const members = [await join(server), await join(server, "/ssp/v1"), await join(server)];
  await server.stop();
  for (const { client } of members) {
    assertEquals((await within("the close", client.closed)).code, 1001);
    const types = client.unread.map((message) => (JSON.parse(String(message)) as SspEvent).type);
    assertEquals(types.filter((type) => type !== "rtc:peer" && type !== "rtc:request_offers"), []);
  }
});

Deno.test("ssp: at / it is recognised beside GStreamer, whose rules hold for all else", async () => {
  await using server = startTestServer();
  const { client: a } = await join(server, "/");
  const gst = await WsClient.open(`${server.wsUrl}/`);
  gst.send("HELLO alice");
  assertEquals(await gst.nextText(), "HELLO");
  const { client: b, id } = await join(server, "/ssp");
  assertEquals(await nextEvent(a), event("rtc:peer", { id }));
  assertEquals(await nextEvent(a), event("rtc:request_offers", { for: id }));
  const stranger = await WsClient.open(`${server.wsUrl}/`);
  stranger.send({ type: "join", data: { pool: "p" } });
  assertEquals((await within("the close", stranger.closed)).code, 1002);
  for (const client of [a, b, gst]) await client.close();
  await assertEmpty(server.url);
});

Deno.test("ssp: at / it is counted, logged and limited as ssp", async () => {
  await using server = startTestServer({
    args: ["--ssp-frame-burst", "3", "--ssp-frames-per-second", "1"],
    clock: new FakeClock(), // no allowance grows meanwhile
  });
  const { client } = await join(server, "/");
  const gst = await WsClient.open(`${server.wsUrl}/`);
  gst.send("HELLO alice");
  assertEquals(await gst.nextText(), "HELLO");
  for (let frame = 0; frame < 4; frame++) client.send(frameOf("rtc:candidate", { for: "nobody" }));
  assertEquals((await nextEvent(client)).data["reason"], "rate-limited");
  await client.close();
  await gst.close();
  await assertEmpty(server.url);
  const facts = server.log.filter(({ facts }) => "connection" in facts)
    .map(({ what, facts }) => `${what}: ${facts["dialect"]}`);
  const of = (dialect: string) => facts.filter((line) => line.endsWith(dialect));
  assertEquals(of("ssp"), ["connection opened: ssp", "refused: ssp", "connection closed: ssp"]);
  assertEquals(of("gstreamer"), ["connection opened: gstreamer", "connection closed: gstreamer"]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const dialect of ["ssp", "gstreamer"]) {
    assert(
      metrics.includes(`signalbox_connections_accepted_total{dialect="${dialect}"} 1\n`),
      metrics,
    );
  }
});
