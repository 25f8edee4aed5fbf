import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openGst, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { closePayload, encodeFrame, type FrameToSend, OPCODE } from "../helpers/wire/raw_frames.ts";
import { type RawEnding, RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { IS_STRICT } from "../helpers/wire/transport.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// Deno.serve drops a broken connection without a closing frame (GStreamer section 10, PeerJS section
// 10); the strict transport names the fault. Either way the connection ends, its id is free and its
// partner learns of it at once.

type Frames = readonly (FrameToSend | Uint8Array)[];

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Frames that end a connection, and the close code of the strict transport. */
type Fatal = readonly [name: string, frames: Frames, code: number];

const FATAL: readonly Fatal[] = [
  ["the first reserved bit", [{ payload: "hi", reserved: 4 }], 1002],
  ["the second reserved bit", [{ payload: "hi", reserved: 2 }], 1002],
  ["the third reserved bit", [{ payload: "hi", reserved: 1 }], 1002],
  ["an unknown opcode", [{ payload: "hi", opcode: 3 }], 1002],
  ["an unknown control opcode", [{ payload: "hi", opcode: 11 }], 1002],
  ["bytes that are no UTF-8", [{ payload: bytes(0xff, 0xfe) }], 1007],
  ["a surrogate in UTF-8", [{ payload: bytes(0xed, 0xa0, 0x80) }], 1007],
  ["a character cut off at the end", [{ payload: bytes(0xe2, 0x82) }], 1007],
  ["a continuation of nothing", [{ opcode: OPCODE.continuation, payload: "hi" }], 1002],
  ["a text inside a fragmented one", [{ payload: "a", isFinal: false }, { payload: "b" }], 1002],
  ["a ping in fragments", [{ opcode: OPCODE.ping, payload: "a", isFinal: false }], 1002],
  ["a ping of 126 bytes", [{ opcode: OPCODE.ping, payload: "x".repeat(126) }], 1002],
  ["a length of 1 TiB", [{ payload: "x", announced: 2 ** 40 }], 1009],
  ["a negative length", [bytes(0x81, 0xff, ...new Array(12).fill(0xff))], 1002],
  ["a close of one byte", [{ opcode: OPCODE.close, payload: bytes(3) }], 1002],
  [
    "a close whose reason is no UTF-8",
    [{ opcode: OPCODE.close, payload: closePayload(1000, bytes(0xff)) }],
    1007,
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) =>
    [
      `a close with code ${code}`,
      [{ opcode: OPCODE.close, payload: closePayload(code, "bye") }],
      1002,
    ] as const
  ),
];

/** Frames that Deno.serve takes although the standard forbids them. */
const TOLERATED: readonly Fatal[] = [
  ["an unmasked frame", [{ payload: "hi", isMasked: false }], 1002],
  ["a length longer written than needed", [bytes(0x81, 0xfe, 0, 2, 0, 0, 0, 0, 104, 105)], 1002],
];

const ORDERLY: readonly Fatal[] = [
  ...[1000, 1001, 3000, 4999].map((code): Fatal => [
    `an orderly close with code ${code}, and a text after it`,
    [{ opcode: OPCODE.close, payload: closePayload(code, "bye") }, { payload: "late" }],
    code,
  ]),
  // So Caddy 2.6 tells a server that it reloads.
  [
    "an orderly close without a mask",
    [{ opcode: OPCODE.close, payload: closePayload(1001, "bye"), isMasked: false }],
    1001,
  ],
];

/** Deno.serve drops the connection, or rejects a code, or repeats it. */
function endsAsServeDoes([name, frames]: Fatal, ending: RawEnding): void {
  const closing = frames.find((frame) => "opcode" in frame && frame.opcode === OPCODE.close);
  if (ending === "cut") return;
  assert(closing !== undefined, `${name} was answered with ${JSON.stringify(ending)}`);
  assertEquals(ending.reason, "bye", name);
}

Deno.test("a broken frame ends its connection alone; partner told, uid free", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  for (const one of [...FATAL, ...ORDERLY, ...IS_STRICT ? TOLERATED : []]) {
    const [name, frames, code] = one;
    await using callee = await openGst(server.wsUrl, "callee");
    using caller = await callFromRaw(server, "callee");
    for (const frame of frames) await sendAny(caller, frame);
    const ending = await caller.ended();
    if (ORDERLY.includes(one)) assertEquals(ending, { code, reason: "bye" }, name);
    else if (!IS_STRICT) endsAsServeDoes(one, ending);
    else assertEquals(ending === "cut" ? ending : ending.code, code, name);
    // The session ends for both with 1000 (GStreamer section 4), and nothing was relayed.
    const closing = await within(`the partner's end after ${name}`, callee.closed);
    assertEquals([closing, callee.unread], [{ code: 1000, reason: "" }, []], name);
    // At once, for all of this server's peers: the next round uses the same uids.
    await bystanders.talk();
  }
  assertEquals(server.log.filter(({ level }) => level === "error"), []);
});

/** Frames that look odd and are relayed all the same, and what arrives. */
const HARMLESS: readonly (readonly [
  name: string,
  frames: Frames,
  arrives: string | Uint8Array,
])[] = [
  ["an empty text", [{ payload: "" }], ""],
  ["empty bytes", [{ opcode: OPCODE.binary }], bytes()],
  ["three fragments with a ping between", [
    { payload: "a", isFinal: false },
    { opcode: OPCODE.continuation, payload: "b", isFinal: false },
    { opcode: OPCODE.ping, payload: "?" },
    { opcode: OPCODE.continuation, payload: "c" },
  ], "abc"],
  ["a character in two fragments", [
    { payload: bytes(0xe2, 0x82), isFinal: false },
    { opcode: OPCODE.continuation, payload: bytes(0xac) },
  ], "€"],
  ["bytes in fragments", [
    { opcode: OPCODE.binary, payload: bytes(1, 2), isFinal: false },
    { opcode: OPCODE.continuation, payload: bytes(0xff) },
  ], bytes(1, 2, 0xff)],
  ["a pong nobody asked for", [{ opcode: OPCODE.pong, payload: "x" }, { payload: "hi" }], "hi"],
  ["a text with NUL and line ends", [{ payload: "a\0b\r\nc\u2028" }], "a\0b\r\nc\u2028"],
];

Deno.test("frames in fragments or in an unusual form are relayed whole", async () => {
  await using server = startTestServer();
  await using callee = await openGst(server.wsUrl, "callee");
  using caller = await callFromRaw(server, "callee");
  const tolerated = TOLERATED.map(([name, frames]) => [name, frames, "hi"] as const);
  for (const [name, frames, arrives] of [...HARMLESS, ...IS_STRICT ? [] : tolerated]) {
    for (const frame of frames) await sendAny(caller, frame);
    assertEquals(await callee.next(), arrives, name);
  }
});

Deno.test("PeerJS: fragments and bytes are one message, relayed as text", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  using mallory = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "mallory"));
  assertEquals(await mallory.next(), '{"type":"OPEN"}');
  const text = '{"type":"OFFER","dst":"alice","payload":"grüße"}';
  const relayed = '{"type":"OFFER","src":"mallory","dst":"alice","payload":"grüße"}';

  await mallory.sendFrame({ opcode: OPCODE.binary, payload: text });
  assertEquals(await alice.next(), relayed);
  for (const [at, character] of [...text].entries()) {
    const opcode = at === 0 ? OPCODE.text : OPCODE.continuation;
    await mallory.sendFrame({ opcode, payload: character, isFinal: false });
  }
  await mallory.sendFrame({ opcode: OPCODE.continuation });
  assertEquals(await alice.next(), relayed);
});

Deno.test("a connection cut in mid-frame ends it alone; partner told, uid free", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  for (const share of [1, 2, 5, 7, 1_000]) {
    await using callee = await openGst(server.wsUrl, "callee");
    const caller = await callFromRaw(server, "callee");
    await caller.write(encodeFrame({ payload: "x".repeat(2_000) }).subarray(0, share));
    caller.cut();
    const closing = await within("the partner's end", callee.closed);
    assertEquals([closing, callee.unread], [{ code: 1000, reason: "" }, []]);
    await bystanders.talk();
  }
});

Deno.test("PeerJS: a broken frame frees the id for any token", async () => {
  await using server = startTestServer();
  for (const payload of [bytes(0xff), "x".repeat(2 ** 20 + 1)]) {
    using mallory = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "mallory"));
    assertEquals(await mallory.next(), '{"type":"OPEN"}');
    await mallory.sendFrame({ payload });
    await mallory.ended();
    await using _successor = await openPeerJs(server.wsUrl, "mallory", { token: "another" });
  }
});

Deno.test("a flood of pings is answered: each ping, or the newest of several", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  using socket = await RawSocket.upgrade(`${server.wsUrl}/`);
  const pings = Array.from({ length: 2_000 }, (_, at) => `ping ${at}`);
  const flood = pings.flatMap((payload) => [...encodeFrame({ opcode: OPCODE.ping, payload })]);
  await socket.write(Uint8Array.from(flood));
  let answered = -1;
  while (answered < pings.length - 1) {
    const frame = await socket.nextFrame();
    const at = pings.indexOf(frame?.text ?? "");
    assertEquals([frame?.opcode, at > answered], [OPCODE.pong, true]);
    if (!IS_STRICT) assertEquals(at, answered + 1);
    answered = at;
  }
  await socket.send("HELLO still-here");
  assertEquals(await socket.next(), "HELLO");
  await bystanders.talk();
});

Deno.test("a client that floods with pings and reads nothing holds up nobody", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  using socket = await RawSocket.upgrade(`${server.wsUrl}/`);
  const one = encodeFrame({ opcode: OPCODE.ping, payload: "x".repeat(125) });
  const many = new Uint8Array(one.length * 8_192);
  for (let at = 0; at < many.length; at += one.length) many.set(one, at);
  let written = 0;
  const flooding = (async () => {
    // More than fits between the two: the server stops reading while its answers are not read.
    while (written < 16 && await socket.write(many)) written++;
  })();
  for (let round = 0; round < 20; round++) await bystanders.talk();
  await until("the flood to be under way", () => written > 0);
  // Deno 2.6 cannot close a connection on which a write is pending: read, so that it ends.
  const draining = socket.drain();
  await within("the end of the flood", flooding);
  await bystanders.talk();
  socket.cut();
  await draining;
});

/** Texts sent in one go, of which the last but one or an earlier one ends the connection. */
const HASTY: readonly (readonly [name: string, texts: readonly string[], RawEnding])[] = [
  ["a uid in use, and a command", ["HELLO holder", "SESSION x"], {
    code: 1002,
    reason: "invalid peer uid",
  }],
  ["no greeting, and a command", ["foo", "SESSION x"], { code: 1002, reason: "invalid protocol" }],
  ["a message too large, and another", ["HELLO x", "x".repeat(2 ** 20 + 1), "late"], {
    code: 1009,
    reason: "message too big",
  }],
];

Deno.test("a client that goes on sending still learns why it was closed", async () => {
  await using server = startTestServer();
  await using _holder = await openGst(server.wsUrl, "holder");
  for (const [name, texts, ending] of HASTY) {
    using socket = await RawSocket.upgrade(`${server.wsUrl}/`);
    const frames = texts.flatMap((payload) => [...encodeFrame({ payload })]);
    await socket.write(Uint8Array.from(frames));
    const frame = texts[0] === "HELLO x" ? await socket.next() : "HELLO";
    assertEquals([frame, await socket.ended()], ["HELLO", ending], name);
  }
});

/** A peer on a raw socket, in a session with one that is idle. */
async function callFromRaw(server: TestServer, callee: string): Promise<RawSocket> {
  const socket = await RawSocket.upgrade(`${server.wsUrl}/`);
  await socket.send("HELLO caller");
  assertEquals(await socket.next(), "HELLO");
  await socket.send(`SESSION ${callee}`);
  assertEquals(await socket.next(), "SESSION_OK");
  return socket;
}

async function sendAny(socket: RawSocket, frame: FrameToSend | Uint8Array): Promise<void> {
  if (frame instanceof Uint8Array) await socket.write(frame);
  else await socket.sendFrame(frame);
}
