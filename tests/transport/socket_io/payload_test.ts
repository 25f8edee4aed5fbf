import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import * as parser3 from "engine.io-parser-2";
import * as parser4 from "engine.io-parser-5";
import fc from "fast-check";
import {
  decodeBinaryPayload,
  decodePayload,
  decodeTwice,
  encodePayload,
  escapeNonAscii,
} from "../../../src/transport/socket_io/payload.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

// The oracles are the parsers of the reference: version 2 speaks revision 3, version 5 revision 4.

/** A packet in the terms of the original. */
interface Packet {
  type: string;
  data?: string;
}

const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
const RUNS = { numRuns: 2_000 };

/** Text as it can be in JSON, where the separator of revision 4 is always escaped. */
const data = anyText(40).map((text) => text.replaceAll("\x1e", "-"));
const packets = fc.array(
  fc.record({ type: fc.constantFrom("message", "ping", "pong"), data }),
  { minLength: 1, maxLength: 8 },
);

function textOf({ type, data = "" }: Packet): string {
  return `${TYPES.indexOf(type)}${data}`;
}

/** The third revision's parser is written for callbacks, which it calls at once for text. */
function encode3(packets: Packet[]): string {
  let payload = "";
  parser3.encodePayload(packets, false, (encoded: string) => payload = encoded);
  return payload;
}

function decode3(payload: string): Packet[] {
  const packets: Packet[] = [];
  parser3.decodePayload(payload, (packet: Packet) => {
    packets.push(packet);
  });
  return packets;
}

Deno.test("revision 3: text that engine.io-parser 2 encodes is decoded", () => {
  fc.assert(
    fc.property(packets, (packets) => {
      assertEquals(decodePayload(encode3(packets), 3), packets.map(textOf));
    }),
    RUNS,
  );
});

Deno.test("revision 3: engine.io-parser 2 decodes what is encoded", () => {
  fc.assert(
    fc.property(packets, (packets) => {
      const decoded = decode3(encodePayload(packets.map(textOf), 3));
      assertEquals(decoded.map(textOf), packets.map(textOf));
    }),
    RUNS,
  );
});

Deno.test("revision 4: text that engine.io-parser 5 encodes is decoded", () => {
  fc.assert(
    fc.property(packets, (packets) => {
      let payload = "";
      // The types of the oracle are its own; the strings are the same.
      parser4.encodePayload(packets as never, (encoded: string) => payload = encoded);
      assertEquals(decodePayload(payload, 4), packets.map(textOf));
    }),
    RUNS,
  );
});

Deno.test("revision 4: engine.io-parser 5 decodes what is encoded", () => {
  fc.assert(
    fc.property(packets, (packets) => {
      const decoded = parser4.decodePayload(encodePayload(packets.map(textOf), 4));
      assertEquals(
        decoded.map(({ type, data }) => textOf({ type, data })),
        packets.map(textOf),
      );
    }),
    RUNS,
  );
});

Deno.test("revision 3: packets that engine.io-parser 2 frames in bytes are decoded", async () => {
  const ascii = packets.map((packets) =>
    packets.map(({ type, data }) => ({ type, data: escapeNonAscii(data) }))
  );
  await fc.assert(
    fc.asyncProperty(ascii, async (packets) => {
      const bytes = await encodeBytes(packets);
      assertEquals(decodeBinaryPayload(bytes), packets.map(textOf));
    }),
    { numRuns: 1_000 },
  );
  const withBinary = await encodeBytes([
    { type: "message", data: "text" },
    { type: "message", data: new Uint8Array([1, 2]) },
  ]);
  const [text, bytes = ""] = decodeBinaryPayload(withBinary) ?? [];
  assertEquals([text, Uint8Array.from(Buffer.from(bytes))], ["4text", new Uint8Array([4, 1, 2])]);
});

function encodeBytes(packets: unknown[]): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  parser3.encodePayloadAsBinary(packets, resolve);
  return promise;
}

Deno.test("revision 3: bytes count the length of text in UTF-8", () => {
  const text = new TextEncoder().encode("4é");
  assertEquals(decodeBinaryPayload(new Uint8Array([0, 3, 255, ...text])), ["4é"]);
  assertEquals(decodeBinaryPayload(new Uint8Array([0, 2, 255, ...text])), undefined);
});

for (
  const [name, bytes] of [
    ["nothing", []],
    ["no length", [0, 255, 52]],
    ["an empty packet", [0, 0, 255]],
    ["a length without end", [0, 1, 52]],
    ["too little text", [0, 2, 255, 52]],
    ["a packet of neither kind", [2, 1, 255, 4]],
    ["an empty binary packet", [1, 0, 255]],
    ["too few bytes", [1, 2, 255, 4]],
    ["too long a length", [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 255, 52]],
    ["broken UTF-8", [0, 2, 255, 52, 0xff]],
  ] as const
) {
  Deno.test(`a body of bytes with ${name} is no payload`, () => {
    assertEquals(decodeBinaryPayload(new Uint8Array(bytes)), undefined);
  });
}

for (
  const [payload, revision] of [
    ["", 3],
    ["", 4],
    ["4", 3],
    [":4", 3],
    ["0:", 3],
    ["2:4", 3],
    ["1:42:", 3],
    ["-1:4", 3],
    ["1e0:4", 3],
    ["00000000001:4", 3],
    ["99999999999999999999:4", 3],
    ["1;4", 3],
    ["4\x1e", 4],
    ["\x1e4", 4],
    ["4\x1e\x1e4", 4],
  ] as const
) {
  Deno.test(`revision ${revision}: ${JSON.stringify(payload)} is no payload`, () => {
    assertEquals(decodePayload(payload, revision), undefined);
  });
}

for (const revision of [3, 4] as const) {
  Deno.test(`revision ${revision}: the limit of packets is a payload, one more is not`, () => {
    const packets = ["4a", "4b", "4c"];
    assertEquals(decodePayload(encodePayload(packets, revision), revision, 3), packets);
    assertEquals(decodePayload(encodePayload(packets, revision), revision, 2), undefined);
  });

  Deno.test(`revision ${revision}: no text makes the decoder throw, or lose what it takes`, () => {
    fc.assert(
      fc.property(anyText(60), (text) => {
        const packets = decodePayload(text, revision);
        if (packets === undefined) return;
        assertEquals(packets.every((packet) => packet.length > 0), true);
        if (revision === 4) assertEquals(encodePayload(packets, 4), text);
      }),
      RUNS,
    );
  });
}

Deno.test("no bytes make the decoder throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      decodeBinaryPayload(bytes);
    }),
    RUNS,
  );
});

Deno.test("escaped JSON is ASCII and means the same", () => {
  fc.assert(
    fc.property(anyText(40), (text) => {
      const json = JSON.stringify(["event", text]);
      const escaped = escapeNonAscii(json);
      // deno-lint-ignore no-control-regex
      assertEquals(/^[\x00-\x7f]*$/.test(escaped), true);
      assertEquals(JSON.parse(escaped), ["event", text]);
    }),
    RUNS,
  );
});

Deno.test("text that was encoded twice is decoded, other text is not", () => {
  const once = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  assertEquals(decodeTwice(once("grün 😀")), "grün 😀");
  assertEquals(decodeTwice("grün"), undefined);
  assertEquals(decodeTwice("€"), undefined);
});
