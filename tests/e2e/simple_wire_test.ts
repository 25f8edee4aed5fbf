import { assertEquals } from "@std/assert";
import { OPCODE } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

/** A socket that has joined a room. */
async function enter({ wsUrl }: TestServer, room: string | number = "r"): Promise<RawSocket> {
  const socket = await RawSocket.upgrade(`${wsUrl}/simple?room=${room}`);
  await socket.next();
  await socket.next();
  return socket;
}

Deno.test("Simple: a close with 1000, 1001 or no code is a departure, any other end is a loss", async () => {
  await using server = startTestServer({ args: ["--simple-resume-ms", "400"] });
  const endings: [reason: string, end: (socket: RawSocket) => Promise<unknown> | void][] = [
    ["left", (socket) => socket.sendFrame({ opcode: OPCODE.close, payload: code(1000) })],
    ["left", (socket) => socket.sendFrame({ opcode: OPCODE.close, payload: code(1001) })],
    ["left", (socket) => socket.sendFrame({ opcode: OPCODE.close, payload: new Uint8Array() })],
    ["lost", (socket) => socket.sendFrame({ opcode: OPCODE.close, payload: code(3000) })],
    ["lost", (socket) => socket.sendFrame({ opcode: OPCODE.close, payload: code(1011) })],
    ["lost", (socket) => socket.cut()],
    ["lost", (socket) => socket.send("x".repeat(300_000))],
  ];
  for (const [nth, [reason, end]] of endings.entries()) {
    using watcher = await enter(server, nth);
    using socket = await enter(server, nth);
    await watcher.next();
    await end(socket);
    assertEquals(JSON.parse(await watcher.next()).reason, reason);
  }
});

Deno.test("Simple: a client whose path is dead is a loss, not a farewell", async () => {
  await using server = startTestServer({ args: ["--keepalive-timeout-seconds", "1"] });
  using _silent = await enter(server);
  const isLost = async () => await server.gauge("signalbox_lost_instances") === 1;
  // Less than the 28 s of the default.
  await until("the loss", isLost, 25_000);
});

Deno.test("Simple: the server goes away with 1012, and no departure is announced", async () => {
  const server = startTestServer();
  const clients = [
    await WsClient.open(`${server.wsUrl}/simple?room=r`),
    await WsClient.open(`${server.wsUrl}/simple?room=r`),
    await WsClient.open(`${server.wsUrl}/simple`),
  ];
  await server.stop();
  for (const client of clients) {
    assertEquals((await client.closed).code, 1012);
    for (const frame of client.unread) assertEquals(String(frame).includes('"leave"'), false);
  }
});

Deno.test("Simple: its subprotocol is selected among others, and none is needed", async () => {
  await using server = startTestServer();
  const offers = {
    "simple": "simple",
    "other, simple": "simple",
    "other, b": "other",
    "": undefined,
  };
  for (const [offered, expected] of Object.entries(offers)) {
    using socket = await RawSocket.connect(server.url);
    const headers = offered === "" ? "" : `Sec-WebSocket-Protocol: ${offered}\r\n`;
    await socket.write(
      "GET /simple HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`,
    );
    const { status, headers: answer } = await socket.head();
    const chosen = answer.get("sec-websocket-protocol");
    assertEquals([status, chosen], [101, expected]);
  }
});

function code(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([value >> 8, value & 255]);
}
