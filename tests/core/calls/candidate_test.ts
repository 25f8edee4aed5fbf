import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { completeCandidate, readCandidate } from "../../../src/core/calls/candidate.ts";
import { readDescription } from "../../../src/core/calls/description.ts";

const LINE = "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0 ufrag abcd";
const TWO = readDescription(
  "m=audio 9 X 0\r\na=mid:sound\r\na=ice-ufrag:abcd\r\nm=video 9 X 0\r\na=mid:picture\r\n",
);
const NAMELESS = readDescription("m=audio 9 X 0\r\nm=video 9 X 0\r\n");

/** Reads and completes a candidate as a call does. */
function complete(value: unknown, description = TWO): unknown {
  const raw = readCandidate(value);
  return typeof raw === "object" ? completeCandidate(raw, description) : raw;
}

for (const value of [null, undefined, {}, { candidate: "" }, { candidate: null, sdpMid: "0" }]) {
  Deno.test(`${JSON.stringify(value)} is the end of candidates`, () => {
    assertEquals(readCandidate(value), "end-of-candidates");
  });
}

Deno.test("a candidate gets the index of its section's name, and the name of its index", () => {
  const wanted = {
    candidate: LINE,
    sdpMid: "picture",
    sdpMLineIndex: 1,
    usernameFragment: "abcd",
  };
  assertEquals(complete({ candidate: LINE, sdpMid: "picture" }), wanted);
  assertEquals(complete({ candidate: LINE, sdpMLineIndex: 1 }), wanted);
  assertEquals(complete({ candidate: LINE, sdpMLineIndex: "1" }), wanted);
  // The name counts where the two differ, as in browsers.
  assertEquals(complete({ candidate: LINE, sdpMid: "picture", sdpMLineIndex: 0 }), wanted);
});

Deno.test("a section without a name is named by its index alone", () => {
  const wanted = { candidate: "c", sdpMid: null, sdpMLineIndex: 1 };
  assertEquals(complete({ candidate: "c", sdpMLineIndex: 1 }, NAMELESS), wanted);
  assertEquals(complete({ candidate: "c", sdpMid: "x", sdpMLineIndex: 1 }, NAMELESS), wanted);
});

const FOREIGN: readonly [what: string, value: unknown][] = [
  ["a section that is out of range", { candidate: "c", sdpMLineIndex: 2 }],
  ["an index that is no integer", { candidate: "c", sdpMLineIndex: 0.5 }],
  ["no section at all", { candidate: "c" }],
  ["a section that is not there", { candidate: "c", sdpMid: "other", sdpMLineIndex: 0 }],
  ["another ufrag", { candidate: "c", sdpMLineIndex: 0, usernameFragment: "old" }],
  ["another ufrag in its line", { candidate: LINE.replace("abcd", "old"), sdpMLineIndex: 0 }],
  ["over 2 KiB", { candidate: "c".repeat(2_049), sdpMLineIndex: 0 }],
  ["a line break", { candidate: "c\r\na=x", sdpMLineIndex: 0 }],
  ["no text", { candidate: 7, sdpMLineIndex: 0 }],
  ["a name that is no text", { candidate: "c", sdpMid: 0 }],
];

for (const [what, value] of FOREIGN) {
  Deno.test(`a candidate with ${what} is dropped`, () => {
    assertEquals(complete(value), undefined);
  });
}

Deno.test("readCandidate() makes something of every value", () => {
  const value = fc.record({
    candidate: fc.anything(),
    sdpMid: fc.anything(),
    sdpMLineIndex: fc.anything(),
    usernameFragment: fc.anything(),
  }, { requiredKeys: [] });
  fc.assert(fc.property(fc.oneof(value, fc.anything()), (value) => void complete(value)));
});
