import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ErrorCode, SignalError } from "../../../src/core/errors.ts";
import type { RoomEvent } from "../../../src/core/events.ts";
import type { Frame } from "../../../src/core/session.ts";
import {
  decodeHello,
  decodeIdle,
  decodeInRoom,
  encodeError,
  encodeNews,
  encodeRoomOk,
  encodeRoomPeerList,
  encodeRoomPeerMsg,
  quoted,
} from "../../../src/dialects/gstreamer/messages.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

const MAX = 512;
const BINARY = new TextEncoder().encode("HELLO alice");

function refuses(read: () => unknown, code: ErrorCode, text?: string): void {
  const error = assertThrows(read, SignalError);
  assertEquals(error.code, code);
  if (text !== undefined) assertEquals(error.message, text);
}

Deno.test("§3: HELLO names the uid, whatever white space stands before either word", () => {
  const greetings = ["HELLO alice", "HELLO \t alice", " HELLO alice", "\n\u3000HELLO\x1calice"];
  for (const frame of greetings) assertEquals(decodeHello(frame, MAX), "alice");
});

Deno.test("§3: every other character is legal in a uid", () => {
  const uids = ["7", "!", "語", "😀", "session", "__proto__", "\u200b", "\ufeff", "\0", "HELLO"];
  for (const uid of uids) assertEquals(decodeHello(`HELLO ${uid}`, MAX), uid);
});

Deno.test("§3: a uid with white space inside or behind it is invalid", () => {
  for (const uid of ["a b", "a ", "a\n", "a\xa0", "a\u3000b", "a\x85", "bob eyJhIjoxfQ=="]) {
    refuses(() => decodeHello(`HELLO ${uid}`, MAX), "id_invalid");
  }
});

Deno.test("§3, §9.5: a greeting without a uid, or with an invalid one, is refused", () => {
  for (const frame of ["HELLO", "HELLO ", "HELLO\n"]) {
    refuses(() => decodeHello(frame, MAX), "id_invalid");
  }
  const others = ["", " ", "foo", "hello x", "HELLOx y", "SESSION x", '{"a":1}', "x HELLO y"];
  for (const frame of [...others, BINARY]) {
    refuses(() => decodeHello(frame, MAX), "bad_greeting");
  }
});

Deno.test("a uid may be as long as the limit, and no longer", () => {
  for (const [length, isLegal] of [[255, true], [256, true], [257, false]] as const) {
    const frame = `HELLO ${"x".repeat(length)}`;
    if (isLegal) assertEquals(decodeHello(frame, 256).length, length);
    else refuses(() => decodeHello(frame, 256), "id_invalid");
  }
});

Deno.test("§4: SESSION takes the rest of the message for the peer, white space included", () => {
  for (
    const [frame, peer] of [
      ["SESSION bob", "bob"],
      ["SESSION \t\n bob", "bob"],
      ["SESSION\nbob", "bob"],
      ["SESSION a b ", "a b "],
      ["SESSION SESSION", "SESSION"],
    ] as const
  ) {
    assertEquals(decodeIdle(frame, MAX), { type: "SESSION", peer });
  }
});

Deno.test("§5: ROOM names a room of one word", () => {
  for (
    const [frame, room] of [
      ["ROOM r", "r"],
      ["ROOM  \t r", "r"],
      ["ROOM __proto__", "__proto__"],
      ["ROOM Session", "Session"],
    ] as const
  ) {
    assertEquals(decodeIdle(frame, MAX), { type: "ROOM", room });
  }
});

Deno.test("§5: other room ids are invalid, and are shown as Python shows them", () => {
  refuses(() => decodeIdle("ROOM session", MAX), "room_invalid", "invalid room id 'session'");
  refuses(() => decodeIdle("ROOM a b", MAX), "room_invalid", "invalid room id 'a b'");
  refuses(() => decodeIdle("ROOM a\n", MAX), "room_invalid", "invalid room id 'a\\n'");
  refuses(() => decodeIdle("ROOM it's\xa0", MAX), "room_invalid", 'invalid room id "it\'s\\xa0"');
});

Deno.test("a room id may be as long as the limit; a longer one is not repeated in full", () => {
  assert(decodeIdle(`ROOM ${"r".repeat(16)}`, 16) !== undefined);
  const text = `invalid room id '${"r".repeat(16)}…'`;
  refuses(() => decodeIdle(`ROOM ${"r".repeat(17)}`, 16), "room_invalid", text);
});

Deno.test("§9.2: commands without argument, and room commands outside a room, are refused", () => {
  const frames = [
    "SESSION",
    "SESSION ",
    "ROOM",
    "ROOM\t",
    "ROOM_PEER_MSG bob hi",
    "ROOM_PEER_LIST",
  ];
  for (const frame of frames) refuses(() => decodeIdle(frame, MAX), "bad_frame");
});

Deno.test("§6, §9.3: a text that is no command means nothing, and is not answered", () => {
  const meaningless = ["", " ", "HELLO bob", "session x", "SESSIONx bob", "ROOMx r", "ROOM_OK r"];
  const more = ['{"sdp":{}}', "OFFER_REQUEST", " SESSION bob", "ROOM_PEER_MSGx a b", "ERROR x"];
  for (const frame of [...meaningless, ...more, BINARY]) {
    assertEquals(decodeIdle(frame, MAX), undefined);
  }
});

Deno.test("§5: ROOM_PEER_MSG keeps its text as it is", () => {
  for (
    const [frame, peer, text] of [
      ["ROOM_PEER_MSG bob hi", "bob", "hi"],
      ["ROOM_PEER_MSG  \t bob \n hi  there \n", "bob", "hi  there \n"],
      ["ROOM_PEER_MSG\nbob\nhi", "bob", "hi"],
      ['ROOM_PEER_MSG bob {"sdp": {"type": "offer"}}', "bob", '{"sdp": {"type": "offer"}}'],
    ] as const
  ) {
    assertEquals(decodeInRoom(frame), { type: "ROOM_PEER_MSG", peer, text });
  }
});

Deno.test("§9.1: ROOM_PEER_LIST is exactly that", () => {
  assertEquals(decodeInRoom("ROOM_PEER_LIST"), { type: "ROOM_PEER_LIST" });
});

Deno.test("§5: everything else that is said in a room is refused", () => {
  const text = "invalid msg, already in room";
  const frames = [
    "",
    "SESSION bob",
    "ROOM r",
    "HELLO x",
    "{}",
    "ROOM_PEER_LIST ",
    "ROOM_PEER_MSGx a b",
  ];
  for (const frame of [...frames, BINARY]) {
    refuses(() => decodeInRoom(frame), "bad_frame", text);
  }
  for (
    const frame of ["ROOM_PEER_MSG", "ROOM_PEER_MSG ", "ROOM_PEER_MSG bob", "ROOM_PEER_MSG bob "]
  ) {
    refuses(() => decodeInRoom(frame), "bad_frame");
  }
});

Deno.test("§5: answers have single blanks, and one behind the word where nobody follows", () => {
  assertEquals([encodeRoomOk([]), encodeRoomPeerList([])], ["ROOM_OK ", "ROOM_PEER_LIST "]);
  assertEquals(encodeRoomOk(["a", "b"]), "ROOM_OK a b");
  assertEquals(encodeRoomPeerList(["a", "b"]), "ROOM_PEER_LIST a b");
  assertEquals(encodeRoomPeerMsg("a", " x "), "ROOM_PEER_MSG a  x ");
  const newsOf = (type: RoomEvent["type"]): readonly string[] =>
    encodeNews({ type, room: "r", peer: { id: "a", dialect: "gstreamer", info: null } });
  assertEquals(newsOf("joined"), ["ROOM_PEER_JOINED a"]);
  assertEquals(newsOf("left"), ["ROOM_PEER_LEFT a"]);
  assertEquals(newsOf("described"), []);
  assertEquals(encodeError("x"), "ERROR x");
});

Deno.test("a value in an error text is cut where no name could be so long", () => {
  assertEquals(quoted("x".repeat(5), 5), "'xxxxx'");
  assertEquals(quoted("x".repeat(6), 5), "'xxxxx…'");
  // Also in the middle of a character of two units.
  assertEquals(quoted("xxxx😀", 5), "'xxxx\\ud83d…'");
});

const COMMANDS = [
  "HELLO",
  "SESSION",
  "ROOM",
  "ROOM_PEER_MSG",
  "ROOM_PEER_LIST",
  "ROOM_OK",
  "session",
];
const command = fc.array(
  fc.oneof(
    fc.constantFrom(...COMMANDS, " ", "  ", "\n", "\x1c", "\u3000", "bob", "'", "x"),
    anyText(5),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));
const frame: fc.Arbitrary<Frame> = fc.oneof(
  command,
  anyText(),
  fc.json(),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
);

Deno.test("no frame makes a reader throw anything but a SignalError", () => {
  const readers = [
    (frame: Frame) => decodeHello(frame, 16),
    (frame: Frame) => decodeIdle(frame, 16),
    (frame: Frame) => decodeInRoom(frame),
  ];
  const run = (frame: Frame): void => {
    for (const read of readers) {
      try {
        read(frame);
      } catch (error) {
        assert(error instanceof SignalError);
        // It goes out as one line.
        assertEquals(/[\n\r\u2028\u2029]/.test(error.message), false);
      }
    }
  };
  fc.assert(fc.property(frame, run), { numRuns: 3_000 });
});

Deno.test("a uid that HELLO admits survives every answer that names it", () => {
  fc.assert(fc.property(command, command, (frame, text) => {
    let uid: string;
    try {
      uid = decodeHello(frame, 16);
    } catch {
      return;
    }
    const answer = encodeRoomPeerMsg(uid, text);
    const [, peer, ...rest] = answer.split(" ");
    assertEquals([peer, rest.join(" ")], [uid, text]);
    const [, ...members] = encodeRoomOk([uid, uid]).split(" ");
    assertEquals(members, [uid, uid]);
  }));
});
