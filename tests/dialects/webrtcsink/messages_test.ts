import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import { decode, encodeNews } from "../../../src/dialects/webrtcsink/messages.ts";
import { framesOf } from "../../helpers/session/captures.ts";

function codeOf(frame: string | Uint8Array<ArrayBuffer>): string {
  return assertThrows(() => decode(frame), SignalError).code;
}

Deno.test("webrtcsink: every kind of message is read; unknown fields are left out", () => {
  const messages: Record<string, unknown>[] = [
    { type: "list" },
    { type: "listConsumers" },
    { type: "setProtocolVersion", version: "v1_1" },
    { type: "setPeerStatus", roles: [], meta: { a: [1] }, peerId: null },
    { type: "setPeerStatus", roles: ["listener", "producer", "consumer"] },
    { type: "startSession", peerId: "p", offer: null },
    { type: "startSession", peerId: "p", offer: "v=0" },
    { type: "startSession", peerId: "p" },
    { type: "endSession", sessionId: "s" },
    { type: "endSessionV1_1", sessionId: "s", error: "no codec" },
    { type: "peer", sessionId: "s", sdp: { type: "answer", sdp: "v=0" } },
    { type: "peer", sessionId: "s", ice: { candidate: "", sdpMLineIndex: 0 } },
  ];
  for (const message of messages) {
    assertEquals(decode(JSON.stringify({ ...message, extra: 1 })), message as never);
  }
});

Deno.test("webrtcsink: a browser's further members of candidates and descriptions are kept", () => {
  const ice = { candidate: "c", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u", x: null };
  const sdp = { type: "offer", sdp: "v=0", x: { y: [1] } };
  for (const part of [{ ice }, { sdp }]) {
    const message = decode(JSON.stringify({ type: "peer", sessionId: "s", ...part }));
    assert(message.type === "peer");
    const relayed = JSON.parse(encodeNews(message, "from", "v1_0"));
    assertEquals(relayed, { type: "peer", sessionId: "s", ...part });
  }
});

Deno.test("webrtcsink: an invalid message has a code", () => {
  const wrong: unknown[] = [
    null,
    [],
    "list",
    {},
    { type: "newPeer" },
    { type: "welcome", peerId: "p" },
    { type: "List" },
    { type: "setProtocolVersion", version: "v2_0" },
    { type: "setPeerStatus" },
    { type: "setPeerStatus", roles: "listener" },
    { type: "setPeerStatus", roles: ["viewer"] },
    { type: "setPeerStatus", roles: Array(9).fill("listener") },
    { type: "setPeerStatus", roles: [], peerId: 1 },
    { type: "startSession" },
    { type: "startSession", peerId: 5 },
    { type: "startSession", peerId: "p", offer: { sdp: "" } },
    { type: "endSession" },
    { type: "endSessionV1_1", sessionId: "s", error: {} },
    { type: "peer", sessionId: "s" },
    { type: "peer", sdp: { type: "offer", sdp: "" } },
    { type: "peer", sessionId: "s", sdp: { type: "rollback", sdp: "" } },
    { type: "peer", sessionId: "s", sdp: { type: "offer" } },
    { type: "peer", sessionId: "s", ice: { candidate: null, sdpMLineIndex: 0 } },
    { type: "peer", sessionId: "s", ice: { candidate: "c" } },
    { type: "peer", sessionId: "s", ice: { candidate: "c", sdpMLineIndex: -1 } },
    { type: "peer", sessionId: "s", ice: { candidate: "c", sdpMLineIndex: 2 ** 32 } },
    {
      type: "peer",
      sessionId: "s",
      sdp: { type: "offer", sdp: "" },
      ice: { candidate: "c", sdpMLineIndex: 0 },
    },
  ];
  for (const value of wrong) {
    assertEquals([value, codeOf(JSON.stringify(value))], [value, "bad_frame"]);
  }
  for (const text of ["", "list", "{", '{"type":"list"} x']) assertEquals(codeOf(text), "not_json");
  assertEquals(codeOf(new TextEncoder().encode('{"type":"list"}')), "binary_frame");
  const deep = `{"type":"setPeerStatus","roles":[],"meta":${"[".repeat(70)}${"]".repeat(70)}}`;
  assertEquals(codeOf(deep), "bad_frame");
});

Deno.test("webrtcsink: a session's end is worded in the receiver's version", () => {
  const end = { type: "endSession", sessionId: "s", error: "no codec" } as const;
  assertEquals(JSON.parse(encodeNews(end, "p", "v1_0")), { type: "endSession", sessionId: "s" });
  assertEquals(JSON.parse(encodeNews(end, "p", "v1_1")), {
    type: "endSessionV1_1",
    sessionId: "s",
    error: "no codec",
  });
});

Deno.test("webrtcsink: everything that the real client says is read", () => {
  const frames = framesOf("webrtcsink");
  assert(frames.length > 20);
  for (const frame of frames) assertEquals(decode(frame).type, JSON.parse(frame).type);
});

Deno.test("webrtcsink: whatever comes is read or refused with a code, and never anything else", () => {
  const id = fc.oneof(fc.constant("s"), fc.jsonValue({ maxDepth: 1 }));
  const value = fc.jsonValue({ maxDepth: 2 });
  const frame = fc.record({
    type: fc.constantFrom(
      ...["peer", "setPeerStatus", "startSession", "endSession", "endSessionV1_1", "list"],
      ...["setProtocolVersion", "listConsumers", "welcome", "__proto__"],
    ),
    sessionId: id,
    peerId: id,
    roles: fc.oneof(value, fc.subarray(["producer", "listener", "consumer"])),
    version: fc.oneof(value, fc.constant("v1_0")),
    meta: value,
    offer: value,
    error: value,
    sdp: fc.oneof(value, fc.record({ type: fc.constantFrom("offer", "x"), sdp: value })),
    ice: fc.oneof(value, fc.record({ candidate: value, sdpMLineIndex: value })),
  }, { requiredKeys: ["type"] }).map((message) => JSON.stringify(message));
  fc.assert(
    fc.property(fc.oneof(frame, fc.json(), fc.string()), (text) => {
      try {
        assertEquals(decode(text).type, JSON.parse(text).type);
      } catch (error) {
        assert(error instanceof SignalError, String(error));
        assert(["not_json", "bad_frame"].includes(error.code));
      }
    }),
    { numRuns: 3_000 },
  );
});
