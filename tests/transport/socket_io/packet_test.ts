import { assertEquals } from "@std/assert";
import fc from "fast-check";
import * as parser3 from "socket.io-parser-3";
import { Decoder, Encoder, PacketType } from "socket.io-parser-4";
import {
  isAck,
  isConnect,
  isEvent,
  PACKET,
  readAddress,
} from "../../../src/transport/socket_io/packet.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

// The oracles are the parsers of the reference: version 3 of Socket.IO 2, version 4 of Socket.IO 4.

const RUNS = { numRuns: 2_000 };

const name = fc.oneof(
  fc.constant("/"),
  fc.constantFrom("/ssp", "/ssp/v1", "/a-b_c.d", "/é", '/0["x"]'),
);
const json = fc.json({ maxDepth: 3, noUnicodeString: false }).map((text) => JSON.parse(text));
const data = fc.tuple(anyText(10), json).map(([event, value]) => [event, value]);
const id = fc.option(fc.integer({ min: 0, max: 9_999_999_999 }), { nil: undefined });

/** The parts of an EVENT or ACK as the layer sees them. */
function parts(packet: string): { name: string; id: string; json: string } | undefined {
  const address = readAddress(packet, 0);
  if (address === undefined) return undefined;
  const rest = packet.substring(address.rest);
  const list = rest.indexOf("[");
  return { name: address.name, id: rest.substring(0, list), json: rest.substring(list) };
}

function encode3(packet: unknown): string {
  let text = "";
  new parser3.Encoder().encode(packet, ([encoded]: string[]) => text = encoded ?? "");
  return text;
}

const ENCODERS = {
  "socket.io-parser 3": encode3,
  "socket.io-parser 4": (packet: unknown): string =>
    // Text is all that it makes of packets without binary data.
    String(new Encoder().encode(packet as Parameters<Encoder["encode"]>[0])[0]),
};

for (const [oracle, encode] of Object.entries(ENCODERS)) {
  Deno.test(`events and acknowledgements that ${oracle} encodes are read`, () => {
    fc.assert(
      fc.property(name, data, id, fc.boolean(), (nsp, data, id, isEventType) => {
        const type = isEventType ? PacketType.EVENT : PacketType.ACK;
        const ackId = isEventType ? id : id ?? 7;
        const packet = encode({ type, nsp, data, ...(ackId === undefined ? {} : { id: ackId }) });
        assertEquals(packet.charCodeAt(0), isEventType ? PACKET.EVENT : PACKET.ACK);
        const address = readAddress(packet, 0);
        const rest = address?.rest ?? -1;
        assertEquals([isEvent(packet, rest), isAck(packet, rest)], [true, ackId !== undefined]);
        assertEquals(parts(packet), {
          name: nsp,
          id: ackId === undefined ? "" : `${ackId}`,
          json: JSON.stringify(data),
        });
      }),
      RUNS,
    );
  });

  Deno.test(`connecting and disconnecting are read as ${oracle} writes them`, () => {
    for (const nsp of ["/", "/ssp", "/ssp/v1"]) {
      const connect = encode({ type: PacketType.CONNECT, nsp });
      const disconnect = encode({ type: PacketType.DISCONNECT, nsp });
      for (const packet of [connect, disconnect]) {
        const address = readAddress(packet, 0);
        assertEquals([address?.name, address?.rest], [nsp, packet.length]);
        assertEquals(isConnect(packet, address?.rest ?? 0), true);
      }
    }
  });
}

Deno.test("a client of Socket.IO 4 may add what it authenticates with", () => {
  const packet = ENCODERS["socket.io-parser 4"]({
    type: PacketType.CONNECT,
    nsp: "/ssp",
    data: { token: "x" },
  });
  const address = readAddress(packet, 0);
  assertEquals(address?.name, "/ssp");
  assertEquals(isConnect(packet, address?.rest ?? 0), true);
});

Deno.test("the query of a namespace's name is what stands behind the first question mark", () => {
  const queries = ["0/ssp?a=1&b=?", "0/ssp?a=1&b=?,", '0/ssp?a=1&b=?,{"c":"?,"}'];
  assertEquals(queries.map((packet) => readAddress(packet, 0)?.query), Array(3).fill("a=1&b=?"));
  const none = ["0", "0?a=1", '0{"a":"/?"}', "0/ssp", "0/ssp,", '0/ssp,{"a":"?b"}', "0/ssp?"];
  assertEquals(none.map((packet) => readAddress(packet, 0)?.query), none.map(() => ""));
});

Deno.test("a client of Socket.IO 2 may add a query to a namespace", () => {
  assertEquals(readAddress("0/ssp?token=x", 0), { name: "/ssp", query: "token=x", rest: 13 });
  assertEquals(readAddress("0/ssp?token=x,", 0), { name: "/ssp", query: "token=x", rest: 14 });
});

/** Whether the reference, too, takes it for a packet. */
function isPacket4(text: string): boolean {
  try {
    new Decoder().add(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the beginning of an event may be invalid JSON: nothing else differs", () => {
  const text = fc.tuple(
    fc.constantFrom("", "/ssp,", "/x"),
    fc.constantFrom("", "0", "12", "99999999999", "-1", " "),
    fc.oneof(fc.constantFrom('["a"]', '["a",1]', "[1]", "{}", "[]", "null", ""), anyText(8)),
  ).map((parts) => `2${parts.join("")}`);
  fc.assert(
    fc.property(text, (packet) => {
      const address = readAddress(packet, 0);
      const isTaken = address !== undefined && isEvent(packet, address.rest);
      // A name is a text here, and ids have ten digits at most.
      if (isTaken && isJson(packet.replace(/^2(\/[^,]*,)?\d*/, ""))) {
        assertEquals(isPacket4(packet), true);
      }
      if (isPacket4(packet) && /^2(\/[^,]*,)?\d{0,10}\["/.test(packet)) assertEquals(isTaken, true);
    }),
    RUNS,
  );
});

function isJson(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

for (
  const [rest, isOne] of [
    ['["a"]', true],
    ['1234567890["a"]', true],
    ['12345678901["a"]', false],
    ["[]", false],
    ["[1]", false],
    ['{"a":1}', false],
    ["", false],
    ["12", false],
    ['-1["a"]', false],
  ] as const
) {
  Deno.test(`${JSON.stringify(rest)} is ${isOne ? "the" : "no"} rest of an event`, () => {
    assertEquals(isEvent(`2${rest}`, 1), isOne);
  });
}

Deno.test("an acknowledgement has an id and a list", () => {
  assertEquals(["31[]", '3123["x"]'].map((packet) => isAck(packet, 1)), [true, true]);
  const others = ["3[]", "3", "31", "31{}", "312345678901[]"];
  assertEquals(others.map((packet) => isAck(packet, 1)), [false, false, false, false, false]);
});

Deno.test("a namespace's name has its limit", () => {
  assertEquals(readAddress(`0/${"x".repeat(255)}`, 0)?.name.length, 256);
  assertEquals(readAddress(`0/${"x".repeat(255)},`, 0)?.name.length, 256);
  assertEquals(readAddress(`0/${"x".repeat(256)}`, 0), undefined);
  assertEquals(readAddress(`0/${"x".repeat(256)},`, 0), undefined);
  assertEquals(readAddress(`0/${"x".repeat(256)}?,`, 0), undefined);
  assertEquals(readAddress(`0/${"x".repeat(255)}?token=${"x".repeat(512)},`, 0)?.rest, 777);
  assertEquals(readAddress(`0/x?${"x".repeat(4_093)},`, 0)?.name, "/x");
  assertEquals(readAddress(`0/x?${"x".repeat(4_094)},`, 0), undefined);
});
