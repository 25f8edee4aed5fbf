import { assert, assertEquals } from "@std/assert";
import {
  FRAME_CASES,
  type FrameCase,
  MAX_FRAGMENTS,
  MAX_MESSAGE,
} from "../../../helpers/wire/frame_cases.ts";
import { closePayload, encodeFrame, OPCODE } from "../../../helpers/wire/raw_frames.ts";
import { RawSocket } from "../../../helpers/wire/raw_socket.ts";
import { startStrictEcho, type StrictEcho } from "../../../helpers/wire/strict_echo.ts";
import { until } from "../../../helpers/wire/waiting.ts";

const OPTIONS = { limits: { maxFragments: MAX_FRAGMENTS }, maxMessageBytes: MAX_MESSAGE };

async function assertAnswered(
  server: StrictEcho,
  one: FrameCase,
  socket: RawSocket,
): Promise<void> {
  for (const echo of one.echoes) {
    let frame = await socket.nextFrame();
    while (frame?.opcode === OPCODE.pong) frame = await socket.nextFrame();
    assert(frame !== undefined, `${one.name}: the end instead of a message`);
    if (typeof echo === "string") {
      assertEquals([frame.opcode, frame.text], [OPCODE.text, echo], one.name);
    } else assertEquals([frame.opcode, frame.payload], [OPCODE.binary, echo], one.name);
  }
  if (one.code === undefined) {
    await socket.sendFrame({ opcode: OPCODE.close, payload: closePayload(1000) });
  }
  const ending = await socket.ended();
  assertEquals(ending === "cut" ? ending : ending.code, one.code ?? 1000, one.name);
  socket.cut();
  await until("the socket to be gone", () => server.sockets.size === 0);
}

Deno.test("the table of frames has more than 150 cases, each with a name of its own", () => {
  assert(FRAME_CASES.length > 150);
  assertEquals(new Set(FRAME_CASES.map(({ name }) => name)).size, FRAME_CASES.length);
});

Deno.test("every sequence of frames is answered by the book, sent in one write", async () => {
  await using server = startStrictEcho(OPTIONS);
  for (const one of FRAME_CASES) {
    using socket = await RawSocket.upgrade(`${server.url}/`);
    await socket.write(one.bytes);
    await assertAnswered(server, one, socket);
  }
});

Deno.test("every short sequence is answered alike, written byte by byte", async () => {
  await using server = startStrictEcho(OPTIONS);
  for (const one of FRAME_CASES.filter(({ bytes }) => bytes.length < 80)) {
    using socket = await RawSocket.upgrade(`${server.url}/`);
    for (const byte of one.bytes) {
      if (!await socket.write(Uint8Array.of(byte))) break;
    }
    await assertAnswered(server, one, socket);
  }
});

Deno.test("frames that come with the handshake are handled after it", async () => {
  await using server = startStrictEcho(OPTIONS);
  using socket = await RawSocket.connect(server.url);
  const head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const bytes = new TextEncoder().encode(head);
  const frame = encodeFrame({ payload: "early" });
  const both = new Uint8Array(bytes.length + frame.length);
  both.set(bytes);
  both.set(frame, bytes.length);
  await socket.write(both);
  const { status, headers } = await socket.head();
  assertEquals(status, 101);
  // The example of RFC 6455, section 1.3.
  assertEquals(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assertEquals(await socket.next(), "early");
});

Deno.test("only the newest of several pings in one read is answered, before any later frame", async () => {
  await using server = startStrictEcho(OPTIONS);
  using socket = await RawSocket.upgrade(`${server.url}/`);
  const frames = ["1", "2", "3"].flatMap((payload) => [
    ...encodeFrame({ opcode: OPCODE.ping, payload }),
  ]);
  await socket.write(Uint8Array.from([...frames, ...encodeFrame({ payload: "text" })]));
  const pong = await socket.nextFrame();
  assertEquals([pong?.opcode, pong?.text], [OPCODE.pong, "3"]);
  assertEquals(await socket.next(), "text");
});
