import { closePayload, encodeFrame, type FrameToSend, OPCODE } from "./raw_frames.ts";

/** The largest message that the table's server takes. */
export const MAX_MESSAGE = 70_000;
/** The most fragments. */
export const MAX_FRAGMENTS = 5;

/** Bytes of a client, and the server's answer: messages that come back, then perhaps the end. */
export interface FrameCase {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly echoes: readonly (string | Uint8Array)[];
  /** The code of the server's closing frame; undefined if the connection goes on. */
  readonly code?: number;
}

const { continuation, text, binary, close, ping, pong } = OPCODE;
const raw = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);
const MARKER = "marker";

/** Concatenates frames and bytes. */
export function bytesOf(...parts: readonly (FrameToSend | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map((part) => part instanceof Uint8Array ? part : encodeFrame(part));
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A sequence that the server takes; a marker proves that the connection goes on. */
function good(
  name: string,
  parts: readonly (FrameToSend | Uint8Array)[],
  ...echoes: readonly (string | Uint8Array)[]
): FrameCase {
  return { name, bytes: bytesOf(...parts, { payload: MARKER }), echoes: [...echoes, MARKER] };
}

/** A sequence that ends the connection; a frame after it must mean nothing. */
function bad(
  name: string,
  code: number,
  parts: readonly (FrameToSend | Uint8Array)[],
  ...echoes: readonly (string | Uint8Array)[]
): FrameCase {
  return { name, code, bytes: bytesOf(...parts, { payload: MARKER }), echoes };
}

/** A header whose length is written in a chosen form, masked with zeros. */
function header(first: number, ...length: number[]): Uint8Array<ArrayBuffer> {
  return raw(first, 0x80 | (length[0] ?? 0), ...length.slice(1), 0, 0, 0, 0);
}

const LENGTHS: readonly FrameCase[] = [0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 1_023, 1_024]
  .concat([1_025, 4_096, 65_534, 65_535, 65_536, 65_537, MAX_MESSAGE])
  .flatMap((length) => {
    const payload = "x".repeat(length);
    const bytes = new Uint8Array(length).fill(0xe9);
    return [
      good(`text of ${length} bytes`, [{ payload }], payload),
      good(`${length} bytes`, [{ opcode: binary, payload: bytes }], bytes),
    ];
  });

const TOO_LARGE: readonly FrameCase[] = [
  bad("one byte too many in one frame", 1009, [{ payload: "x".repeat(MAX_MESSAGE + 1) }]),
  bad("one byte too many, announced only", 1009, [header(0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71)]),
  bad("4 GiB announced", 1009, [header(0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0)]),
  bad("the longest length", 1009, [header(0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255)]),
  bad("fragments whose sum is too large", 1009, [
    { payload: "x".repeat(MAX_MESSAGE), isFinal: false },
    { opcode: continuation, payload: "y" },
  ]),
  good("fragments whose sum just fits", [
    { payload: "x".repeat(MAX_MESSAGE - 1), isFinal: false },
    { opcode: continuation, payload: "y" },
  ], `${"x".repeat(MAX_MESSAGE - 1)}y`),
  bad("fragments too large in the middle", 1009, [
    { opcode: binary, payload: "a", isFinal: false },
    { opcode: continuation, payload: new Uint8Array(MAX_MESSAGE), isFinal: false },
  ]),
];

const FORMS: readonly FrameCase[] = [
  bad("length 0 in 16 bits", 1002, [header(0x81, 126, 0, 0)]),
  bad("length 125 in 16 bits", 1002, [header(0x81, 126, 0, 125)]),
  good("length 126 in 16 bits", [{ payload: "x".repeat(126) }], "x".repeat(126)),
  bad("length 0 in 64 bits", 1002, [header(0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0)]),
  bad("length 125 in 64 bits", 1002, [header(0x81, 127, 0, 0, 0, 0, 0, 0, 0, 125)]),
  bad("length 126 in 64 bits", 1002, [header(0x81, 127, 0, 0, 0, 0, 0, 0, 0, 126)]),
  bad("length 65535 in 64 bits", 1002, [header(0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255)]),
  bad("length with the highest bit", 1002, [header(0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0)]),
  bad("all length bits", 1002, [header(0x81, 127, ...new Array(8).fill(255))]),
  bad("frame without mask", 1002, [{ payload: "hi", isMasked: false }]),
  bad("long frame without mask", 1002, [{ payload: "x".repeat(300), isMasked: false }]),
  bad("ping without mask", 1002, [{ opcode: ping, isMasked: false }]),
  bad("empty frame without mask", 1002, [{ isMasked: false }]),
  ...[1, 2, 3, 4, 5, 6, 7].map((reserved) =>
    bad(`reserved bits ${reserved}`, 1002, [{ payload: "hi", reserved }])
  ),
  bad("reserved bit of a ping", 1002, [{ opcode: ping, reserved: 4 }]),
  bad("reserved bit of a continuation", 1002, [
    { payload: "a", isFinal: false },
    { opcode: continuation, payload: "b", reserved: 4 },
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
    bad(`opcode ${opcode}`, 1002, [{ opcode, payload: "hi" }]),
    bad(`opcode ${opcode} inside a message`, 1002, [{ payload: "a", isFinal: false }, { opcode }]),
  ]),
];

const CONTROL: readonly FrameCase[] = [
  good("ping of 125 bytes", [{ opcode: ping, payload: "p".repeat(125) }]),
  bad("ping of 126 bytes", 1002, [{ opcode: ping, payload: "p".repeat(126) }]),
  bad("pong of 126 bytes", 1002, [{ opcode: pong, payload: "p".repeat(126) }]),
  bad("ping in fragments", 1002, [{ opcode: ping, isFinal: false }]),
  bad("pong in fragments", 1002, [{ opcode: pong, isFinal: false }]),
  bad("close in fragments", 1002, [{ opcode: close, isFinal: false }]),
  bad("ping of 65536 bytes", 1002, [header(0x89, 127, 0, 0, 0, 0, 0, 1, 0, 0)]),
  good("pong nobody asked for", [{ opcode: pong, payload: "x" }]),
  good("empty ping", [{ opcode: ping }]),
  good("ping and pong between fragments", [
    { payload: "a", isFinal: false },
    { opcode: ping, payload: "?" },
    { opcode: pong },
    { opcode: continuation, payload: "b" },
  ], "ab"),
];

const FRAGMENTS: readonly FrameCase[] = [
  good("two fragments", [
    { payload: "a", isFinal: false },
    { opcode: continuation, payload: "b" },
  ], "ab"),
  good("empty fragments", [
    { payload: "", isFinal: false },
    { opcode: continuation, isFinal: false },
    { opcode: continuation },
  ], ""),
  good("bytes in fragments", [
    { opcode: binary, payload: raw(1), isFinal: false },
    { opcode: continuation, payload: raw(0xff) },
  ], raw(1, 0xff)),
  good(
    "the largest number of fragments",
    fragments(MAX_FRAGMENTS),
    "f".repeat(MAX_FRAGMENTS),
  ),
  bad("one fragment more", 1008, fragments(MAX_FRAGMENTS + 1)),
  bad("continuation of nothing", 1002, [{ opcode: continuation, payload: "a" }]),
  bad("unfinished continuation of nothing", 1002, [{ opcode: continuation, isFinal: false }]),
  bad("continuation after a message", 1002, [{ payload: "a" }, { opcode: continuation }], "a"),
  bad("text inside a text", 1002, [{ payload: "a", isFinal: false }, { payload: "b" }]),
  bad("bytes inside a text", 1002, [{ payload: "a", isFinal: false }, { opcode: binary }]),
  bad("text inside bytes", 1002, [{ opcode: binary, isFinal: false }, { opcode: text }]),
];

function fragments(count: number): FrameToSend[] {
  return Array.from({ length: count }, (_, at) => ({
    opcode: at === 0 ? text : continuation,
    payload: "f",
    isFinal: at === count - 1,
  }));
}

/** Texts as UTF-8, of which some are cut in fragments after every byte. */
const GOOD_TEXTS = [
  "ü",
  "€",
  "𝄞",
  "\u{10FFFF}",
  "\uFEFFbom",
  "a\0b",
  "κόσμε",
  "\uFFFF",
  "\uD7FF\uE000",
];
const BAD_TEXTS: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ["lone continuation", raw(0x80)],
  ["two continuations", raw(0xbf, 0xbf)],
  ["overlong slash", raw(0xc0, 0xaf)],
  ["overlong in three bytes", raw(0xe0, 0x80, 0xaf)],
  ["overlong in four bytes", raw(0xf0, 0x80, 0x80, 0xaf)],
  ["first surrogate", raw(0xed, 0xa0, 0x80)],
  ["last surrogate", raw(0xed, 0xbf, 0xbf)],
  ["pair of surrogates", raw(0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80)],
  ["beyond U+10FFFF", raw(0xf4, 0x90, 0x80, 0x80)],
  ["five bytes", raw(0xf8, 0x88, 0x80, 0x80, 0x80)],
  ["0xff", raw(0xff)],
  ["0xfe in ASCII", raw(0x61, 0xfe, 0x62)],
  ["cut after one byte", raw(0x61, 0xe2)],
  ["cut after two bytes", raw(0xe2, 0x82)],
  ["cut after three bytes", raw(0xf0, 0x9d, 0x84)],
  ["cut in the middle", raw(0xe2, 0x82, 0x61)],
];

const UTF8: readonly FrameCase[] = [
  ...GOOD_TEXTS.map((payload) => good(`text ${JSON.stringify(payload)}`, [{ payload }], payload)),
  ...["€", "𝄞a", "κ"].map((payload) => {
    const all = new TextEncoder().encode(payload);
    const parts = [...all].map((byte, at): FrameToSend => ({
      opcode: at === 0 ? text : continuation,
      payload: raw(byte),
      isFinal: at === all.length - 1,
    }));
    return good(`text ${payload} in fragments of a byte`, parts, payload);
  }),
  ...BAD_TEXTS.flatMap(([name, payload]) => [
    bad(`not UTF-8: ${name}`, 1007, [{ payload }]),
    bad(`not UTF-8 in the last fragment: ${name}`, 1007, [
      { payload: "ok", isFinal: false },
      { opcode: continuation, payload },
    ]),
  ]),
  // Judged at the end of the fragment, although the message is not complete.
  bad("not UTF-8 in the first fragment", 1007, [{ payload: raw(0xff), isFinal: false }]),
  good("the same as bytes", [{ opcode: binary, payload: raw(0xff) }], raw(0xff)),
];

const closing = (code: number, reason: string | Uint8Array = ""): FrameToSend => ({
  opcode: close,
  payload: closePayload(code, reason),
});

const CLOSES: readonly FrameCase[] = [
  ...[
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
  ]
    .map((code) => bad(`close ${code}`, code, [closing(code, "bye")])),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    bad(`close ${code}`, 1002, [closing(code)])
  ),
  bad("close of one byte", 1002, [{ opcode: close, payload: raw(3) }]),
  bad("close whose reason is not UTF-8", 1007, [closing(1000, raw(0xc0, 0xaf))]),
  bad("close with the longest reason", 1000, [closing(1000, "r".repeat(123))]),
  bad("close of 126 bytes", 1002, [closing(1000, "r".repeat(124))]),
  bad("close after a message", 1000, [{ payload: "a" }, closing(1000)], "a"),
  bad("close inside a message", 1000, [{ payload: "a", isFinal: false }, closing(1000)]),
];

/** Every rule of RFC 6455 that a server has to keep, at, below and above each bound. */
export const FRAME_CASES: readonly FrameCase[] = [
  ...LENGTHS,
  ...TOO_LARGE,
  ...FORMS,
  ...CONTROL,
  ...FRAGMENTS,
  ...UTF8,
  ...CLOSES,
];
