import { assertEquals, assertMatch } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openGst, openGstSession, openInRoom } from "../helpers/wire/peers.ts";
import { encodeFrame } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";
import { type Closing, WsClient } from "../helpers/wire/ws_client.ts";

// The tables of the GStreamer contract about HELLO and SESSION, row by row, over the real wire;
// rooms are in gstreamer_rooms_test.ts.

const INVALID_PROTOCOL: Closing = { code: 1002, reason: "invalid protocol" };
const INVALID_UID: Closing = { code: 1002, reason: "invalid peer uid" };

/** Greetings that are accepted, and the uid they give (sections 2 and 3). */
const GREETINGS: readonly (readonly [greeting: string, uid: string])[] = [
  ["HELLO alice", "alice"],
  ["HELLO \t  alice", "alice"],
  [" \t\n HELLO alice", "alice"],
  ["HELLO\nalice", "alice"],
  // White space as Python has it: with 001C to 001F and 0085, without FEFF and 200B.
  ["\u3000HELLO\u3000alice", "alice"],
  ["HELLO\u0085alice", "alice"],
  ["HELLO\u001calice", "alice"],
  ["HELLO\u2028\u1680\u00a0alice", "alice"],
  ["HELLO \ufeffalice", "\ufeffalice"],
  ["HELLO \u200b", "\u200b"],
  ...[
    "0",
    "session",
    "HELLO",
    "ERROR",
    "__proto__",
    "constructor",
    "toString",
    "'\"\\",
    "\u0000",
    "grün",
    "🚂",
    "x".repeat(512),
  ].map((uid) => [`HELLO ${uid}`, uid] as const),
];

Deno.test("GStreamer: HELLO is answered by HELLO, and the uid can be called", async () => {
  await using server = startTestServer();
  for (const [greeting, uid] of GREETINGS) {
    await using callee = await WsClient.open(`${server.wsUrl}/`);
    callee.send(greeting);
    assertEquals(await callee.nextText(), "HELLO", greeting);
    await using caller = await openGst(server.wsUrl, "caller");
    caller.send(`SESSION ${uid}`);
    assertEquals(await caller.nextText(), "SESSION_OK", greeting);
    await caller.close();
    await within("the callee's end", callee.closed);
  }
});

/** First messages that end the connection (section 3, and 9.5 for a single word). */
const BAD_GREETINGS: readonly (readonly [string | Uint8Array<ArrayBuffer>, ...Closing[]])[] = [
  ["HELLO holder", INVALID_UID],
  ...["a b", "a ", "a\n", "a\u00a0", "a\u3000", "a\u001fb", `${"x".repeat(513)}`, "a eyJ9"].map(
    (uid) => [`HELLO ${uid}`, INVALID_UID] as const,
  ),
  ...[
    "hello x",
    "Hello x",
    "HELLOx y",
    "SESSION x",
    "ROOM x",
    "ERROR x",
    "\ufeffHELLO x",
    '{"a": 1}',
  ]
    .map((greeting) => [greeting, INVALID_PROTOCOL] as const),
  [new TextEncoder().encode("HELLO x"), INVALID_PROTOCOL],
  [Uint8Array.of(), INVALID_PROTOCOL, INVALID_UID],
  ...["HELLO", "HELLO ", " HELLO\n", "", " ", "foo", '{"a":1}', "\0"].map((greeting) =>
    [greeting, INVALID_PROTOCOL, INVALID_UID] as const
  ),
];

Deno.test("GStreamer: any other first message is closed with 1002 and no frame", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using holder = await openGst(server.wsUrl, "holder");
  for (const [greeting, ...closings] of BAD_GREETINGS) {
    await using client = await WsClient.open(`${server.wsUrl}/gst`);
    client.send(greeting);
    const closing = await within(`the end after ${greeting}`, client.closed);
    const isExpected = closings.some(({ code, reason }) =>
      code === closing.code && reason === closing.reason
    );
    assertEquals([isExpected, client.unread], [true, []], `${greeting}: ${closing.reason}`);
  }
  await assertIdle(holder);
  await bystanders.talk();
});

Deno.test("GStreamer: SESSION is answered to the caller; the callee gets nothing", async () => {
  await using server = startTestServer();
  const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
  caller.send("first");
  assertEquals(await callee.next(), "first");
  await caller.close();
  assertEquals(await within("the callee's end", callee.closed), { code: 1000, reason: "" });
});

/**
 * Messages of an idle peer that are answered by an error and leave it idle (sections 4, 5 and 9.2).
 */
const ERRORS_WHILE_IDLE: readonly (readonly [command: string, answer: string])[] = [
  ["SESSION nobody", "ERROR peer 'nobody' not found"],
  ["SESSION  nobody", "ERROR peer 'nobody' not found"],
  ["SESSION a  b ", "ERROR peer 'a  b ' not found"],
  ["SESSION it's", `ERROR peer "it's" not found`],
  [`SESSION '"\\`, `ERROR peer '\\'"\\\\' not found`],
  ["SESSION a\nb\tc\rd", "ERROR peer 'a\\nb\\tc\\rd' not found"],
  [
    "SESSION \u0000\u007f\u00ad\u200b\u{e0001}",
    "ERROR peer '\\x00\\x7f\\xad\\u200b\\U000e0001' not found",
  ],
  ["SESSION grün🚂", "ERROR peer 'grün🚂' not found"],
  ["SESSION __proto__", "ERROR peer '__proto__' not found"],
  ["SESSION in-session", "ERROR peer 'in-session' busy"],
  ["SESSION called", "ERROR peer 'called' busy"],
  ["SESSION in-room", "ERROR peer 'in-room' busy"],
  ["SESSION idle", "ERROR peer 'idle' busy"], // its own uid
  ["ROOM session", "ERROR invalid room id 'session'"],
  ["ROOM a b", "ERROR invalid room id 'a b'"],
  ["ROOM a ", "ERROR invalid room id 'a '"],
  ["ROOM a\u3000", "ERROR invalid room id 'a\\u3000'"],
];
const BAD_COMMANDS_WHILE_IDLE = [
  ...["SESSION", "SESSION ", "ROOM", "ROOM \t"],
  ...["ROOM_PEER_MSG x", "ROOM_PEER_MSG x y", "ROOM_PEER_MSG", "ROOM_PEER_LIST"],
];

/** Messages of an idle peer without an answer: clients hang up on an ERROR (section 6). */
const IGNORED_WHILE_IDLE: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  ...["HELLO idle", "HELLO other", "", " ", "OFFER_REQUEST", '{"sdp":{}}', "session x", "room x"],
  ...["SESSIONx idle", "ROOMx r", "ROOM_OK r", "SESSION_OK", "ERROR x", "ROOM_PEER_MSGx a b"],
  ...[" SESSION nobody", "\ufeffSESSION nobody", "\0", "x".repeat(100_000)],
  new TextEncoder().encode("SESSION nobody"),
  Uint8Array.of(0xff),
];

Deno.test("GStreamer: an idle peer's mistakes cost an ERROR at most, and it stays idle", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  const [inSession, called] = await openGstSession(server.wsUrl, ["in-session", "called"]);
  await using inRoom = await openInRoom(server.wsUrl, "in-room", "r");
  assertEquals(await inRoom.nextText(), "ROOM_OK ");
  await using idle = await openGst(server.wsUrl, "idle");

  for (const [command, answer] of ERRORS_WHILE_IDLE) {
    idle.send(command);
    assertEquals(await idle.nextText(), answer, command);
  }
  for (const command of BAD_COMMANDS_WHILE_IDLE) {
    idle.send(command);
    assertMatch(await idle.nextText(), /^ERROR ./, command);
  }
  for (const message of IGNORED_WHILE_IDLE) {
    idle.send(message);
    await assertIdle(idle);
  }
  assertEquals([inSession.unread, called.unread, inRoom.unread], [[], [], []]);
  await bystanders.talk();
  await inSession.close();
  await within("the end of its partner", called.closed);
});

/** In a session the server interprets nothing (section 4). */
const RELAYED: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  ...["", " ", "\0", "\n", "a\r\nb", "\ufeff", "SESSION x", "ROOM r", "HELLO y", "ERROR z"],
  ...["ROOM_PEER_LIST", "SESSION", '{"sdp" :1.0}', "OFFER_REQUEST", "grün 🚂 \u2028"],
  "x".repeat(10_000),
  Uint8Array.of(),
  Uint8Array.of(0xff, 0x00),
  new TextEncoder().encode("SESSION x"),
];

Deno.test("GStreamer: in a session every message of either peer passes unchanged", async () => {
  await using server = startTestServer();
  const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
  for (const message of RELAYED) {
    caller.send(message);
    callee.send(message);
  }
  for (const message of RELAYED) {
    assertEquals(await callee.next(), message);
    assertEquals(await caller.next(), message);
  }
  await caller.close();
  await within("the callee's end", callee.closed);
});

Deno.test("GStreamer: of two peers that call each other one gets the other's SESSION", async () => {
  await using server = startTestServer();
  await using left = await openGst(server.wsUrl, "left");
  await using right = await openGst(server.wsUrl, "right");
  for (const [peer, uid, other] of [[left, "left", "right"], [right, "right", "left"]] as const) {
    peer.send(`SESSION ${other}`);
    peer.send(`from ${uid}`);
  }
  const first = [await left.nextText(), await right.nextText()];
  const [caller, uid, other] = first[0] === "SESSION_OK"
    ? [left, "left", "right"]
    : [right, "right", "left"];
  assertEquals(first.toSorted(), ["SESSION_OK", `from ${uid}`].toSorted());
  // The second caller has no call of its own: its command is a message of the first one's call.
  const rest = [await caller.nextText(), await caller.nextText()];
  assertEquals(rest, [`SESSION ${uid}`, `from ${other}`]);
});

Deno.test("GStreamer: when one peer ends, both uids are free at once", async () => {
  await using server = startTestServer();
  for (let round = 0; round < 20; round++) {
    const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
    const [leaver, left] = round % 2 === 0 ? [caller, callee] : [callee, caller];
    // Orderly or with a code of its own, the partner's end is the same (section 4).
    await leaver.close(round % 4 < 2 ? 1000 : 4_000);
    const closing = await within("the partner's end", left.closed);
    assertEquals([closing, left.unread], [{ code: 1000, reason: "" }, []]);
  }
});

Deno.test("GStreamer: a partner that never answers the close does not keep its uid", async () => {
  await using server = startTestServer();
  using silent = await RawSocket.upgrade(`${server.wsUrl}/`);
  await silent.send("HELLO silent");
  assertEquals(await silent.next(), "HELLO");
  const caller = await openGst(server.wsUrl, "caller");
  caller.send("SESSION silent");
  assertEquals(await caller.nextText(), "SESSION_OK");
  await caller.close();
  assertEquals(await silent.ended(), { code: 1000, reason: "" });
  await using _successor = await openGst(server.wsUrl, "silent");
});

Deno.test("GStreamer: commands sent without waiting for HELLO are carried out in order", async () => {
  await using server = startTestServer();
  await using callee = await openGst(server.wsUrl, "callee");
  using hasty = await RawSocket.upgrade(`${server.wsUrl}/`);
  const frames = ["HELLO hasty", "SESSION nobody", "SESSION callee", "one", "two"];
  await hasty.write(Uint8Array.from(frames.flatMap((payload) => [...encodeFrame({ payload })])));
  const answers = [await hasty.next(), await hasty.next(), await hasty.next()];
  assertEquals(answers, ["HELLO", "ERROR peer 'nobody' not found", "SESSION_OK"]);
  assertEquals([await callee.next(), await callee.next()], ["one", "two"]);
});

Deno.test("GStreamer: of ten peers that want one uid at once, one gets it", async () => {
  await using server = startTestServer();
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => WsClient.open(`${server.wsUrl}/`)),
  );
  for (const client of clients) client.send("HELLO wanted");
  const answers = await Promise.all(
    clients.map((client) => client.nextText().catch(async () => (await client.closed).reason)),
  );
  assertEquals(answers.filter((answer) => answer === "HELLO").length, 1);
  assertEquals(answers.filter((answer) => answer === "invalid peer uid").length, 9);
  for (const client of clients) await client.close();
});

/** The peer is idle and has nothing unread: the answer to its next command comes next. */
async function assertIdle(peer: WsClient): Promise<void> {
  peer.send("SESSION marker");
  assertEquals(await peer.nextText(), "ERROR peer 'marker' not found");
}
