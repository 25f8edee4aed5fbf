import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  attemptOf,
  decode,
  encodeExpire,
  encodeRefusal,
  encodeRelay,
  OPEN,
} from "../../../src/dialects/peerjs/messages.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

const TYPES = ["OFFER", "ANSWER", "CANDIDATE", "EXPIRE", "LEAVE", "HEARTBEAT"] as const;

Deno.test("decode() reads every type that a client may send", () => {
  for (const type of TYPES) {
    const message = decode(JSON.stringify({ type, dst: "bob", payload: { x: 1 }, more: 1 }));
    assert(typeof message === "object");
    assertEquals(message.type, type);
  }
});

Deno.test("decode() keeps the difference between no payload and null", () => {
  assertEquals(decode('{"type":"OFFER","dst":"b"}'), { type: "OFFER", dst: "b" });
  const withNull = decode('{"type":"OFFER","dst":"b","payload":null}');
  assertEquals(withNull, { type: "OFFER", dst: "b", payload: null });
});

Deno.test("decode() ignores what means nothing to a server", () => {
  const ignored = ["[]", "{}", '{"type":5}', '{"type":"OPEN"}', '{"type":"OFFER"}', "[[]]"];
  for (const text of ignored) assertEquals(decode(text), "ignored");
});

Deno.test("decode() tells malformed from meaningless", () => {
  const malformed = ["", " ", "x", "null", "0", '""', "true", '{"type"', "NaN", "[1,]"];
  for (const text of malformed) assertEquals(decode(text), "malformed");
  assertEquals(decode(new Uint8Array([0x7b, 0x22, 0xff])), "malformed");
});

Deno.test("decode() is not misled by names of every object's properties", () => {
  assertEquals(decode('{"__proto__":{"type":"OFFER","dst":"b"}}'), "ignored");
  for (const type of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    assertEquals(decode(JSON.stringify({ type, dst: "b" })), "ignored");
  }
});

Deno.test("decode() refuses deep nesting, however it is hidden", () => {
  const deep = (open: string, close: string): string =>
    `{"type":"OFFER","dst":"b","payload":${open.repeat(100)}1${close.repeat(100)}}`;
  assertEquals(decode(deep("[", "]")), "malformed");
  assertEquals(decode(deep('{"a":', "}")), "malformed");
  assertEquals(decode(deep('[{"a":', "}]")), "malformed");
  assertEquals(decode(deep("[0,", "]")), "malformed");
  // Brackets inside a text are no nesting.
  const message = decode(JSON.stringify({ type: "OFFER", dst: "b", payload: "[{".repeat(1_000) }));
  assertEquals(typeof message, "object");
});

Deno.test("encodeRelay() writes type, src, dst and payload, in that order", () => {
  const message = { type: "OFFER", dst: "ignored", payload: [1] } as const;
  const text = encodeRelay(message, "a", 'b"');
  assertEquals(text, '{"type":"OFFER","src":"a","dst":"b\\"","payload":[1]}');
});

Deno.test("the server's own messages are exactly those that clients expect", () => {
  assertEquals(OPEN, '{"type":"OPEN"}');
  assertEquals(encodeExpire("x", "a"), '{"type":"EXPIRE","src":"x","dst":"a"}');
  assertEquals(encodeRefusal("ERROR", "m"), '{"type":"ERROR","payload":{"msg":"m"}}');
  assertEquals(encodeRefusal("ID-TAKEN", "m"), '{"type":"ID-TAKEN","payload":{"msg":"m"}}');
});

Deno.test("attemptOf() finds a connectionId where there is one that can be kept", () => {
  assertEquals(attemptOf({ connectionId: "dc_1", sdp: {} }), "dc_1");
  const none = [undefined, null, 5, "dc_1", [], {}, { connectionId: 5 }, { connectionId: null }];
  for (const payload of none) assertEquals(attemptOf(payload), "");
  assertEquals(attemptOf({ connectionId: "x".repeat(257) }), "");
});

/** JSON that looks like a message, with anything at all in its fields. */
const almostMessage = fc.record({
  type: fc.oneof(fc.constantFrom(...TYPES, "OPEN", "ERROR", "__proto__"), fc.jsonValue()),
  dst: fc.oneof(fc.string(), fc.jsonValue()),
  src: fc.jsonValue(),
  payload: fc.jsonValue(),
}, { requiredKeys: [] });

Deno.test("decode() never throws, whatever it is given", () => {
  const frame = fc.oneof(
    anyText(),
    fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
    fc.json(),
    almostMessage.map((value) => JSON.stringify(value)),
    almostMessage.map((value) => new TextEncoder().encode(JSON.stringify(value))),
    fc.tuple(almostMessage, fc.nat(40)).map(([value, cut]) => JSON.stringify(value).slice(0, cut)),
  );
  fc.assert(
    fc.property(frame, (frame) => {
      const message = decode(frame);
      if (message === "ignored" || message === "malformed") return;
      assertEquals(TYPES.includes(message.type), true);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("the payload's JSON is decoded and relayed unchanged", () => {
  const type = fc.constantFrom("OFFER", "ANSWER", "CANDIDATE", "EXPIRE", "LEAVE");
  const dst = anyText().filter((text) => text !== "");
  fc.assert(fc.property(type, dst, fc.jsonValue({ maxDepth: 20 }), (type, dst, payload) => {
    const text = JSON.stringify({ payload, dst, type });
    const message = decode(text);
    if (typeof message !== "object" || message.type === "HEARTBEAT") throw new Error("not read");
    const relayed = encodeRelay(message, "a", dst);
    assertEquals(
      relayed,
      JSON.stringify({ type, src: "a", dst, payload: JSON.parse(text).payload }),
    );
    // Text and bytes are read alike.
    if (dst.isWellFormed()) assertEquals(decode(new TextEncoder().encode(text)), message);
  }));
});
