import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { closePayload, encodeFrame, OPCODE } from "../../helpers/wire/raw_frames.ts";
import { RawHttp } from "../../helpers/wire/raw_http.ts";
import { RawSocket } from "../../helpers/wire/raw_socket.ts";
import { startStrictEcho, type StrictEcho } from "../../helpers/wire/strict_echo.ts";
import { until } from "../../helpers/wire/waiting.ts";

/** A pair of clients that talk while others misbehave. */
async function assertUndisturbed(server: StrictEcho): Promise<void> {
  using bystander = await RawSocket.upgrade(`${server.url}/`);
  await bystander.send("still here");
  assertEquals(await bystander.next(), "still here");
}

/** Lets the server handle what is on its way: a request behind it is answered. */
async function arrived(server: StrictEcho): Promise<void> {
  using client = await RawHttp.connect(server.url);
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await client.response();
}

const SLOW_HEADS = ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "\r\n\r\n"];

Deno.test("a request head has its time, and then is refused with 408", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { headTimeoutMs: 3_000 } });
  for (const beginning of SLOW_HEADS) {
    using client = await RawHttp.connect(server.url);
    await client.write(beginning);
    await arrived(server);
    clock.advance(2_000);
    await assertUndisturbed(server);
    clock.advance(1_500);
    const { status, headers } = await client.response();
    assertEquals([status, headers.get("connection")], [408, "close"]);
    assertEquals(await client.rest(), "");
  }
});

Deno.test("a head that drips does not get more time", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { headTimeoutMs: 3_000 } });
  using client = await RawHttp.connect(server.url);
  for (const byte of "GET / HT") {
    await client.write(byte);
    await arrived(server);
    clock.advance(500);
  }
  assertEquals((await client.response()).status, 408);
});

Deno.test("a body has its time, dripping or silent, and then is refused with 408", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { bodyTimeoutMs: 3_000 } });
  for (
    const [fields, body] of [
      ["Content-Length: 9", "half"],
      ["Transfer-Encoding: chunked", "4\r\nhalf\r\n"],
      ["Content-Length: 9\r\nExpect: 100-continue", ""],
    ]
  ) {
    using client = await RawHttp.connect(server.url);
    await client.write(`POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n${body}`);
    if (fields?.includes("Expect")) assertEquals((await client.head()).status, 100);
    await arrived(server);
    clock.advance(2_500);
    await assertUndisturbed(server);
    clock.advance(1_000);
    assertEquals((await client.response()).status, 408);
    assertEquals(await client.rest(), "");
  }
});

Deno.test("an idle connection is closed without a word, unless a request begins in time", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({
    clock,
    limits: { keepAliveMs: 2_000, headTimeoutMs: 4_000 },
  });
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  using idle = await RawHttp.connect(server.url);
  using busy = await RawHttp.connect(server.url);
  for (const client of [idle, busy]) {
    await client.write(request);
    await client.response();
  }
  await busy.write(request.slice(0, 5));
  await arrived(server);
  clock.advance(3_000);
  assertEquals(await idle.rest(), "");
  await busy.write(request.slice(5));
  assertEquals((await busy.response()).status, 200);
});

Deno.test("an unfinished message has its time, and then ends the connection with 1008", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { messageTimeoutMs: 3_000 } });
  const whole = encodeFrame({ payload: "x".repeat(300) });
  for (
    const beginning of [
      whole.subarray(0, 1),
      whole.subarray(0, 7),
      whole.subarray(0, 200),
      encodeFrame({ payload: "a", isFinal: false }),
    ]
  ) {
    using socket = await RawSocket.upgrade(`${server.url}/`);
    await socket.write(beginning);
    await arrived(server);
    clock.advance(2_500);
    // Pings between the fragments do not make the message any younger.
    if (beginning.length < 10 && beginning[0] === 1) {
      await socket.sendFrame({ opcode: OPCODE.ping });
    }
    await assertUndisturbed(server);
    clock.advance(1_500);
    assertEquals(await socket.ended(), { code: 1008, reason: "message took too long" });
  }
});

Deno.test("a message that is complete in time does not count against the next", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { messageTimeoutMs: 3_000 } });
  using socket = await RawSocket.upgrade(`${server.url}/`);
  const frame = encodeFrame({ payload: "x".repeat(300) });
  for (let round = 0; round < 4; round++) {
    await socket.write(frame.subarray(0, 100));
    await arrived(server);
    clock.advance(2_000);
    await socket.write(frame.subarray(100));
    assertEquals((await socket.next()).length, 300);
  }
});

Deno.test("over the sum of unfinished messages the largest one ends with 1013, the others go on", async () => {
  await using server = startStrictEcho({ limits: { maxUnfinishedBytes: 100_000 } });
  const sockets: RawSocket[] = [];
  using stack = new DisposableStack();
  for (const size of [10_000, 60_000, 20_000, 30_000]) {
    const socket = stack.use(await RawSocket.upgrade(`${server.url}/`));
    sockets.push(socket);
    await socket.write(encodeFrame({ payload: "x".repeat(size + 1) }).subarray(0, -1));
  }
  assertEquals(await sockets[1]?.ended(), { code: 1013, reason: "too many unfinished messages" });
  const last = encodeFrame({ payload: "x" }).subarray(-1);
  for (const socket of [sockets[0], sockets[2], sockets[3]]) {
    await socket?.write(last);
    assert((await socket?.next() ?? "").length > 10_000);
  }
  await assertUndisturbed(server);
});

Deno.test("a silent client is pinged after half the time, and gone after the whole", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, maxSilenceMs: 8_000 });
  using silent = await RawSocket.upgrade(`${server.url}/`);
  using lively = await RawSocket.upgrade(`${server.url}/`);
  for (let round = 0; round < 3; round++) {
    for (let passed = 0; passed < 5_000; passed += 500) {
      clock.advance(500);
      // The closing frame goes out before the next sweep cuts the connection.
      await arrived(server);
    }
    let ping = await lively.nextFrame();
    while (ping?.opcode !== OPCODE.ping) ping = await lively.nextFrame();
    await lively.sendFrame({ opcode: OPCODE.pong });
    await arrived(server);
  }
  assertEquals((await silent.nextFrame())?.opcode, OPCODE.ping);
  assertEquals(await silent.ended(), { code: 1001, reason: "no answer to a ping" });
  assertEquals(server.sockets.size, 1);
  assertEquals(new Set(server.events), new Set(["closed 1001"]));
});

Deno.test("nobody was silent while this process was suspended", async () => {
  const clock = new FakeClock();
  let suspendedMs = 0;
  await using server = startStrictEcho({
    clock: {
      now: () => clock.now() + suspendedMs,
      every: (ms, action) => clock.every(ms, action),
      soon: (action) => clock.soon(action),
      next: (action) => clock.next(action),
      after: (ms, action) => clock.after(ms, action),
      delay: (ms) => clock.delay(ms),
    },
    maxSilenceMs: 2_000,
    limits: { messageTimeoutMs: 2_000 },
  });
  using socket = await RawSocket.upgrade(`${server.url}/`);
  const frame = encodeFrame({ payload: "x".repeat(300) });
  await socket.write(frame.subarray(0, 100));
  await arrived(server);
  clock.advance(500);
  suspendedMs = 60_000;
  clock.advance(500);
  await socket.write(frame.subarray(100));
  assertEquals((await socket.next()).length, 300);
});

Deno.test("a client that does not answer a closing frame is cut after its time", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { closeTimeoutMs: 2_000 } });
  using mute = await RawSocket.upgrade(`${server.url}/`);
  await until("the socket to open", () => server.sockets.size === 1);
  for (const socket of server.sockets) socket.close(4_000, "go");
  assertEquals((await mute.nextFrame())?.opcode, OPCODE.close);
  clock.advance(1_500);
  assertEquals(server.sockets.size, 1);
  clock.advance(1_000);
  await until("the socket to be gone", () => server.sockets.size === 0);
  assertEquals(server.events, ["closed 0"]);
});

Deno.test("a client that answers it and does not end TCP is cut as well", async () => {
  const clock = new FakeClock();
  await using server = startStrictEcho({ clock, limits: { closeTimeoutMs: 2_000 } });
  using lingering = await RawSocket.upgrade(`${server.url}/`);
  await lingering.sendFrame({ opcode: OPCODE.close, payload: closePayload(1000) });
  assertEquals(await lingering.ended(), { code: 1000, reason: "" });
  await until("the client to have left", () => server.events.includes("left 1000"));
  clock.advance(2_500);
  await until("the socket to be gone", () => server.sockets.size === 0);
  assertEquals(server.events, ["left 1000", "closed 1000"]);
});

Deno.test("a reader that is stuck can be cut: its memory and its descriptor are free at once", async () => {
  await using server = startStrictEcho();
  using stuck = await RawSocket.upgrade(`${server.url}/`);
  await until("the socket to open", () => server.sockets.size === 1);
  const [socket] = server.sockets;
  // More than the system takes for a client that does not read.
  for (let sent = 0; sent < 64; sent++) socket?.writer.send("x".repeat(1 << 20));
  await until("the system to be full", () => (socket?.bufferedAmount ?? 0) < 64 << 20);
  assert((socket?.bufferedAmount ?? 0) > 0);
  await assertUndisturbed(server);
  socket?.cut();
  await until("the socket to be gone", () => server.sockets.size === 0);
  assertEquals([socket?.bufferedAmount, server.events.at(-1)], [0, "closed 0"]);
  await stuck.drain();
});

Deno.test("nothing is read from a client while its answers wait", async () => {
  await using server = startStrictEcho();
  using flooder = await RawSocket.upgrade(`${server.url}/`);
  await until("the socket to open", () => server.sockets.size === 1);
  const [socket] = server.sockets;
  // More than the system takes for a client that does not read.
  const large = "x".repeat(1 << 20);
  for (let sent = 0; sent < 64; sent++) socket?.writer.send(large);
  await flooder.send("first");
  await until("the reading that waits already to end", () => server.received === 1);
  for (let sent = 0; sent < 10; sent++) await flooder.send(`later ${sent}`);
  await assertUndisturbed(server);
  assertEquals(server.received, 2, "one of the flooder, and one of the other client");
  for (let read = 0; read < 64; read++) await flooder.nextFrame();
  const answers = [];
  for (let read = 0; read < 11; read++) answers.push((await flooder.nextFrame())?.text);
  assertEquals(answers, ["first", ...Array.from({ length: 10 }, (_, n) => `later ${n}`)]);
});
