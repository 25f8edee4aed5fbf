import { assert, assertEquals } from "@std/assert";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { closePayload, OPCODE } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { frameOf } from "../helpers/session/ssp.ts";
import { sideBySide } from "../helpers/wire/side_by_side.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { changed, type SinkMessage, statusMessage } from "../helpers/session/webrtcsink.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Section 11 of protocols/gstreamer.md over the real wire; the messages are tested in
// tests/dialects/webrtcsink.

interface Peer {
  readonly client: WsClient;
  readonly id: string;
}

async function nextMessage(client: WsClient): Promise<SinkMessage> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SinkMessage;
}

/** Connects, reads the welcome and takes roles. */
async function enter(
  server: TestServer,
  roles: readonly string[] = [],
  path = "/webrtcsink",
): Promise<Peer> {
  const client = await WsClient.open(server.wsUrl + path);
  const { type, peerId } = await nextMessage(client);
  assertEquals(type, "welcome");
  const id = String(peerId);
  client.send(statusMessage(roles));
  if (roles.includes("listener")) assertEquals(await nextMessage(client), changed(id, roles));
  return { client, id };
}

/** The same over a socket that answers nothing by itself. */
async function enterRaw(
  server: TestServer,
  roles: readonly string[],
): Promise<[RawSocket, string]> {
  const socket = await RawSocket.upgrade(`${server.url}/webrtcsink`);
  const { type, peerId } = JSON.parse(await socket.next());
  assertEquals(type, "welcome");
  await socket.send(JSON.stringify(statusMessage(roles)));
  return [socket, peerId];
}

async function start({ client }: Peer, peerId: string): Promise<string> {
  client.send({ type: "startSession", peerId });
  const message = await nextMessage(client);
  assertEquals([message["type"], message["peerId"]], ["sessionStarted", peerId]);
  return String(message["sessionId"]);
}

Deno.test("webrtcsink: reached with a trailing slash and any query, and only as a WebSocket", async () => {
  await using server = startTestServer();
  for (const target of ["/webrtcsink", "/webrtcsink/", "/webrtcsink?peer-id=x"]) {
    const { client } = await enter(server, ["listener"], target);
    await client.close();
    const response = await fetch(server.url + target);
    assertEquals([response.status, response.headers.get("upgrade")], [426, "websocket"]);
    assert((await response.text()).length < 200);
  }
  await assertEmpty(server.url);
});

Deno.test("webrtcsink: at / it takes the place of the original server, beside the other dialects", async () => {
  const paths = ["--webrtcsink-paths", "/", "/webrtcsink", "--gstreamer-paths", "/gst"];
  await using server = startTestServer({ args: paths });
  const listener = await enter(server, ["listener"], "/");
  const producer = await enter(server, ["producer"]);
  assertEquals(await nextMessage(listener.client), changed(producer.id, ["producer"]));
  // A client of another protocol is recognised there, and leaves no peer behind.
  const ssp = await WsClient.open(`${server.wsUrl}/`);
  assertEquals((await nextMessage(ssp))["type"], "welcome");
  ssp.send(frameOf("rtc:join", { pool: "p" }));
  assertEquals((await nextMessage(ssp))["type"], "rtc:joined");
  for (const client of [ssp, producer.client, listener.client]) await client.close();
  await assertEmpty(server.url);
});

for (const how of ["close", "close without a code", "cut"]) {
  Deno.test(`webrtcsink: a producer's end is announced to its consumers and to listeners (${how})`, async () => {
    await using server = startTestServer();
    const listener = await enter(server, ["listener"]);
    const [producer, id] = await enterRaw(server, ["producer"]);
    using socket = producer;
    assertEquals(await nextMessage(listener.client), changed(id, ["producer"]));
    const consumers = [listener, await enter(server)];
    const sessions: string[] = [];
    for (const consumer of consumers) sessions.push(await start(consumer, id));
    if (how === "cut") socket.cut();
    else {
      const payload = how === "close" ? closePayload(1000, "bye") : "";
      await socket.sendFrame({ opcode: OPCODE.close, payload });
    }
    for (const [nth, { client }] of consumers.entries()) {
      const end = { type: "endSession", sessionId: sessions[nth] };
      assertEquals(await nextMessage(client), end);
    }
    assertEquals(await nextMessage(listener.client), changed(id, []));
    for (const { client } of consumers) await client.close();
    assertEquals(await server.gauge("signalbox_media_sessions"), 0);
    await assertEmpty(server.url);
  });
}

const silence = sideBySide("webrtcsink: silence ends in time");
for (
  const args of [
    ["--keepalive-timeout", "2"],
    ["--webrtcsink-max-silence-ms", "4000"],
  ]
) {
  silence(
    `webrtcsink: a peer that answers no ping is gone, and its sessions with it (${args[0]})`,
    async () => {
      await using server = startTestServer({ args });
      const listener = await enter(server, ["listener"]);
      const [producer, id] = await enterRaw(server, ["producer"]);
      using socket = producer;
      assertEquals(await nextMessage(listener.client), changed(id, ["producer"]));
      const sessionId = await start(listener, id);
      // It reads nothing from here on, and so answers no ping. The default would be 28 s.
      const ended = await within("the end of its session", nextMessage(listener.client), 25_000);
      assertEquals(ended, { type: "endSession", sessionId });
      assertEquals(await nextMessage(listener.client), changed(id, []));
      const ending = await within("the silent one's end", socket.ended());
      assert(ending === "cut" || ending.code === 1001, JSON.stringify(ending));
      await listener.client.close();
      await assertEmpty(server.url);
    },
  );
}

Deno.test("webrtcsink: the end of the server, however slow, is not the end of sessions", async () => {
  await using server = startTestServer({ args: ["--drain-ms", "400"] });
  const producer = await enter(server, ["producer", "listener"]);
  const consumers: Peer[] = [];
  for (let nth = 0; nth < 40; nth++) consumers.push(await enter(server));
  for (const consumer of consumers) await start(consumer, producer.id);
  await until("the sessions", () => producer.client.unread.length === consumers.length);
  await server.stop();
  for (const { client } of [producer, ...consumers]) {
    assertEquals((await within("the close", client.closed)).code, 1001);
    const types = client.unread.map((text) => (JSON.parse(String(text)) as SinkMessage)["type"]);
    assertEquals(types.filter((type) => type !== "startSession"), []);
  }
});

Deno.test("webrtcsink: a message over the limit ends one connection with 1009", async () => {
  await using server = startTestServer();
  const listener = await enter(server, ["listener"]);
  const producer = await enter(server, ["producer"]);
  await nextMessage(listener.client);
  producer.client.send(statusMessage(["producer"], "x".repeat(1024 * 1024)));
  assertEquals((await within("the close", producer.client.closed)).code, 1009);
  assertEquals(await nextMessage(listener.client), changed(producer.id, []));
  await listener.client.close();
});

Deno.test("webrtcsink: a consumer that does not read is given up, and holds up no other", async () => {
  const MIB = 2 ** 20;
  const flags = [["byte-burst", "unlimited"], ["max-queued-bytes", `${3 * MIB}`]];
  const args = flags.flatMap(([name, value]) => [`--webrtcsink-${name}`, `${value}`]);
  await using server = startTestServer({ args });
  {
    const producer = await enter(server, ["producer"]);
    const consumer = await enter(server);
    const reading = await start(consumer, producer.id);
    assertEquals((await nextMessage(producer.client))["type"], "startSession");
    const [raw] = await enterRaw(server, []);
    using slow = raw;
    await slow.send(JSON.stringify({ type: "startSession", peerId: producer.id }));
    const { sessionId } = await nextMessage(producer.client);
    // Some systems take tens of MiB for one connection before anything has to wait.
    const sdp = { type: "offer", sdp: "x".repeat(MIB - 200) };
    let rounds = 0;
    while (producer.client.unread.length === 0 && rounds < 60) {
      producer.client.send({ type: "peer", sessionId: String(sessionId), sdp });
      const marker = { candidate: `${++rounds}`, sdpMLineIndex: 0 };
      producer.client.send({ type: "peer", sessionId: reading, ice: marker });
      assertEquals((await nextMessage(consumer.client))["ice"], marker);
    }
    assertEquals(await nextMessage(producer.client), { type: "endSession", sessionId });
    for (const { client } of [producer, consumer]) await client.close();
  }
  await assertEmpty(server.url);
});
