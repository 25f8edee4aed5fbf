import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { InputBuffer } from "../../../../src/transport/strict/input_buffer.ts";
import { unmask } from "../../../../src/transport/strict/ws/unmask.ts";
import { Utf8Checker } from "../../../../src/transport/strict/ws/utf8.ts";
import { CollectingSink } from "../../../helpers/session/frame_sink.ts";
import {
  bytesOf,
  FRAME_CASES,
  MAX_FRAGMENTS,
  MAX_MESSAGE,
} from "../../../helpers/wire/frame_cases.ts";
import { encodeFrame, type FrameToSend, OPCODE } from "../../../helpers/wire/raw_frames.ts";

const LIMITS = { maxMessageBytes: MAX_MESSAGE, maxFragments: MAX_FRAGMENTS };
/** A header has at most 14 bytes; two places more are in the payload. */
const SPLITS = 16;

Deno.test("the reader finds the same in every sequence, split at every place of its first header", () => {
  for (const { name, bytes, echoes, code } of FRAME_CASES) {
    for (let at = 0; at < Math.min(SPLITS, bytes.length); at++) {
      const sink = new CollectingSink(LIMITS).read(bytes, [at]);
      assertEquals([sink.messages, sink.code, sink.keptBytes], [[...echoes], code, 0], name);
    }
  }
});

Deno.test("the reader finds the same in short sequences, byte by byte and coalesced", () => {
  const short = FRAME_CASES.filter(({ bytes }) => bytes.length < 200);
  for (const { name, bytes, echoes, code } of short) {
    const sink = new CollectingSink(LIMITS).read(bytes, [...bytes.keys()]);
    assertEquals([sink.messages, sink.code], [[...echoes], code], name);
  }
  const good = short.filter(({ code }) => code === undefined);
  const all = new CollectingSink(LIMITS).read(bytesOf(...good.map(({ bytes }) => bytes)));
  assertEquals(all.messages, good.flatMap(({ echoes }) => [...echoes]));
});

Deno.test("a frame is judged by what it announces, before its payload and its mask", () => {
  const announced = encodeFrame({ payload: "", announced: 1 << 30 });
  for (
    const [bytes, code] of [
      [announced.subarray(0, 10), 1009],
      [Uint8Array.of(0x81, 0x02), 1002],
      [Uint8Array.of(0x83, 0x82), 1002],
      [Uint8Array.of(0x81, 0xfe, 0, 1), 1002],
    ] as const
  ) {
    const sink = new CollectingSink().read(bytes, [...bytes.keys()]);
    assertEquals([sink.code, sink.mostBytes], [code, 0]);
  }
});

Deno.test("a buffer grows with what has come, not with what was announced", () => {
  const frame = encodeFrame({ payload: "x".repeat(1_000_000) });
  const sink = new CollectingSink();
  sink.read(frame.subarray(0, 100));
  assert(sink.keptBytes <= 256);
  assert(sink.reader.isUnfinished);
  const more = new CollectingSink().read(frame, [1_000, 10_000, 100_000]);
  assert(more.mostBytes <= 1_000_000);
  assertEquals([more.keptBytes, more.messages.length], [0, 1]);
});

/** Valid messages and pings, with the cuts of their fragments. */
const messages = fc.array(
  fc.record({
    content: fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 300 }),
      fc.string({ maxLength: 3_000 }),
      fc.uint8Array({ maxLength: 3_000 }),
    ),
    cuts: fc.array(fc.nat(3_000), { maxLength: 4 }),
    hasPing: fc.boolean(),
  }),
  { maxLength: 8 },
);

function framesOf(
  content: string | Uint8Array,
  cuts: readonly number[],
  hasPing: boolean,
): FrameToSend[] {
  const payload = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const places = [...cuts, payload.length].map((cut) => Math.min(cut, payload.length)).sort((
    a,
    b,
  ) => a - b);
  let start = 0;
  const frames = places.map((end, at): FrameToSend => {
    const opcode = at > 0
      ? OPCODE.continuation
      : typeof content === "string"
      ? OPCODE.text
      : OPCODE.binary;
    const frame = { opcode, payload: payload.slice(start, end), isFinal: at === places.length - 1 };
    start = end;
    return frame;
  });
  return hasPing
    ? [...frames.slice(0, 1), { opcode: OPCODE.ping, payload: "p" }, ...frames.slice(1)]
    : frames;
}

Deno.test("any split of any valid stream into reads gives the same messages", () => {
  fc.assert(fc.property(messages, fc.array(fc.nat(20_000), { maxLength: 20 }), (sent, cuts) => {
    const bytes = bytesOf(
      ...sent.flatMap(({ content, cuts, hasPing }) => framesOf(content, cuts, hasPing)),
    );
    const places = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b);
    const sink = new CollectingSink().read(bytes, places);
    const expected = sent.map(({ content }) =>
      typeof content === "string" ? content : new Uint8Array(content)
    );
    assertEquals(sink.messages.map(plain), expected.map(plain));
    assertEquals([sink.code, sink.keptBytes, sink.reader.isUnfinished], [undefined, 0, false]);
    assertEquals(sink.pings.length, sent.filter(({ hasPing }) => hasPing).length);
  }));
});

/** Lone surrogates cannot be sent. */
function plain(frame: string | Uint8Array): string {
  return typeof frame === "string" ? `text ${frame.toWellFormed()}` : `bytes ${frame.join()}`;
}

Deno.test("any bytes end in messages or in one refusal, never in an exception, within the bound", () => {
  const junk = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.record({
        opcode: fc.nat(15),
        payload: fc.uint8Array({ maxLength: 200 }),
        isFinal: fc.boolean(),
        reserved: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, {
          weight: 1,
          arbitrary: fc.nat(7),
        }),
        isMasked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, {
          weight: 1,
          arbitrary: fc.constant(false),
        }),
      }),
    ),
    { maxLength: 12 },
  );
  const places = fc.array(fc.nat(2_000), { maxLength: 10 });
  fc.assert(
    fc.property(junk, places, (parts, cuts) => {
      const bytes = bytesOf(
        ...parts.map((part) => part instanceof Uint8Array ? Uint8Array.from(part) : part),
      );
      const sink = new CollectingSink({ maxMessageBytes: 300 }).read(
        bytes,
        cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b),
      );
      // A buffer holds at most twice of what may come, and never less than its smallest size.
      assert(sink.mostBytes <= 600);
      if (sink.code !== undefined) assertEquals(sink.keptBytes, 0);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("payload is unmasked alike at every place, and ASCII is recognised", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 70 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.nat(3),
      fc.nat(11),
      (payload, key, phase, offset) => {
        const input = new InputBuffer(offset + payload.length + 1);
        payload.forEach((byte, at) =>
          input.bytes[offset + at] = byte ^ (key[(phase + at) % 4] ?? 0)
        );
        const mask = new DataView(Uint8Array.from(key).buffer).getInt32(0, true);
        const isAscii = unmask(input, offset, offset + payload.length, mask, phase);
        const found = [...input.bytes.subarray(offset, offset + payload.length)];
        assertEquals([isAscii, found], [payload.every((byte) => byte < 0x80), [...payload]]);
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("UTF-8 is judged as the platform judges it, however it is split", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const text = fc.string({ unit: "binary", maxLength: 20 }).map((text) =>
    new TextEncoder().encode(text)
  );
  const parts = fc.array(fc.oneof(text, fc.uint8Array({ maxLength: 4 })), { maxLength: 4 });
  fc.assert(
    fc.property(parts, fc.nat(80), (parts, cut) => {
      const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
      const checker = new Utf8Checker();
      const at = Math.min(cut, bytes.length);
      const isGood = checker.check(bytes, 0, at) && checker.check(bytes, at, bytes.length);
      let isUtf8 = true;
      try {
        decoder.decode(bytes);
      } catch {
        isUtf8 = false;
      }
      assertEquals(isGood && checker.isComplete, isUtf8);
    }),
    { numRuns: 5_000 },
  );
});
