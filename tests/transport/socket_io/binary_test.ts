import { assert, assertEquals } from "@std/assert";
import * as engine3 from "engine.io-parser-2";
import * as engine4 from "engine.io-parser-5";
import * as parser3 from "socket.io-parser-3";
import { Encoder, PacketType } from "socket.io-parser-4";
import { decodeBinaryPayload, decodePayload } from "../../../src/transport/socket_io/payload.ts";
import { EngineBench } from "../../helpers/session/engine_bench.ts";
import { FakeSocket } from "../../helpers/session/fake_socket.ts";
import { settle } from "../../helpers/session/hub.ts";

// Binary events and acknowledgements: a dialect is handed one frame of bytes, and words its refusal.

type Packet = string | Uint8Array;
type Engine = (packets: unknown, ...more: unknown[]) => void;

const HEADER = '451-["x",{"_placeholder":true,"num":0}]';
const BYTES = new Uint8Array([1, 2, 3]);

/** The messages of an event as each generation of Socket.IO writes them. */
const ENCODERS: Readonly<Record<3 | 4, (packet: Record<string, unknown>) => Packet[]>> = {
  3: (packet) => {
    let messages: Packet[] = [];
    new parser3.Encoder().encode(packet, (encoded: Packet[]) => messages = encoded);
    return messages;
  },
  // The oracle tells by itself that data is binary.
  4: (packet) =>
    new Encoder().encode(
      { ...packet, type: Number(packet["type"]) - 3 } as Parameters<Encoder["encode"]>[0],
    ),
};

function asPackets(messages: readonly Packet[]): unknown[] {
  return messages.map((data) => ({ type: "message", data }));
}

function say(socket: FakeSocket, packet: Packet): void {
  socket.hears(typeof packet === "string" ? packet : Uint8Array.from(packet).buffer);
}

/** Every way from a client to the server: says messages in a namespace that the client is in. */
const WAYS: Readonly<
  Record<string, readonly [3 | 4, (bench: EngineBench, messages: Packet[]) => void]>
> = {
  "a websocket of revision 4": [4, (bench, messages) => {
    const socket = bench.connect(4);
    for (const packet of ["40", "40/ssp,"]) socket.hears(packet);
    for (const one of messages) say(socket, typeof one === "string" ? `4${one}` : one);
  }],
  "a websocket of revision 3": [3, (bench, messages) => {
    const socket = bench.connect(3);
    socket.hears("40/ssp,");
    for (const packet of asPackets(messages)) {
      (engine3.encodePacket as Engine)(packet, true, (encoded: Packet) => say(socket, encoded));
    }
  }],
  "a websocket of revision 3 that carries text only": [3, (bench, messages) => {
    const socket = bench.connect(3);
    socket.hears("40/ssp,");
    for (const packet of asPackets(messages)) {
      (engine3.encodePacket as Engine)(packet, false, (encoded: Packet) => say(socket, encoded));
    }
  }],
  "posts of revision 4": [4, (bench, messages) => {
    const poller = bench.poll(4);
    poller.post("40", "40/ssp,");
    (engine4.encodePayload as Engine)(asPackets(messages), (payload: string) => {
      assert(poller.post(...decodePayload(payload, 4) ?? []));
    });
  }],
  "posts of text of revision 3": [3, (bench, messages) => {
    const poller = bench.poll(3);
    poller.post("40/ssp,");
    (engine3.encodePayload as Engine)(asPackets(messages), false, (payload: string) => {
      assert(poller.post(...decodePayload(payload, 3) ?? []));
    });
  }],
  "posts of bytes of revision 3": [3, (bench, messages) => {
    const poller = bench.poll(3);
    poller.post("40/ssp,");
    (engine3.encodePayloadAsBinary as Engine)(asPackets(messages), (payload: Uint8Array) => {
      assert(poller.post(...decodeBinaryPayload(payload) ?? []));
    });
  }],
};

for (const [way, [revision, send]] of Object.entries(WAYS)) {
  Deno.test(`${way}: a binary event or acknowledgement is one frame of bytes`, async () => {
    for (const type of [PacketType.BINARY_EVENT, PacketType.BINARY_ACK]) {
      for (const [nth, nsp] of ["/", "/ssp"].entries()) {
        using bench = new EngineBench();
        // Two attachments, one of them empty.
        const data = ["describe", { avatar: BYTES, more: [new Uint8Array()] }];
        const messages = ENCODERS[revision]({ type, nsp, data, id: 7 });
        assertEquals(messages.length, 3);
        send(bench, [...messages, nsp === "/" ? '2["y"]' : '2/ssp,["y"]']);
        await settle();
        const size = `4${messages[0]}`.length + 3;
        assertEquals(bench.sessions[nth]?.received, [new Uint8Array(size), '2["y"]']);
        assertEquals(bench.sessions[1 - nth]?.received, []);
        assertEquals(bench.log.filter((line) => line.startsWith("ended")), []);
      }
    }
  });
}

Deno.test("an event that announces no attachments needs none", () => {
  using bench = new EngineBench();
  const socket = bench.connect(3);
  for (const packet of ['450-["x"]', '42["y"]']) socket.hears(packet);
  assertEquals(bench.sessions[0]?.received.map((frame) => typeof frame), ["object", "string"]);
});

Deno.test("attachments may come in posts of their own, after heartbeats and after an upgrade", () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  for (const packet of ['452-["x"]', "2", "b4AQID", "2"]) assert(poller.post(packet));
  assertEquals(bench.sessions[0]?.received, []);
  const probe = new FakeSocket();
  poller.session.probe(probe.asSocket);
  probe.opens();
  for (const packet of ["2probe", "5", "b4", '42["y"]']) probe.hears(packet);
  assertEquals(bench.sessions[0]?.received, [new Uint8Array('452-["x"]'.length + 3), '2["y"]']);
});

for (
  const [name, packets] of [
    ["an attachment that nobody announced", [BYTES]],
    ["one as text", ["bAQID"]],
    ["one too many", [HEADER, BYTES, BYTES]],
    ["an event before the attachment", [HEADER, '42["y"]']],
    ["a DISCONNECT before the attachment", [HEADER, "41"]],
    ["another binary event before it", [HEADER, HEADER]],
    ["the announcement of too many", ['4511-["x"]']],
    ["the announcement of very many", ['499999999999999999999-["x"]']],
    ["an event that announces nothing", ['45["x"]']],
    ["an announcement of no number", ['45-["x"]']],
    ["an announcement of less than nothing", ['45-1-["x"]']],
    ["a binary event without a name", ["451-[1]", BYTES]],
    ["a binary acknowledgement without an id", ["461-[]", BYTES]],
  ] as const
) {
  Deno.test(`${name} costs the connection`, async () => {
    using bench = new EngineBench();
    const socket = bench.connect(4);
    socket.hears("40");
    for (const packet of packets) say(socket, packet);
    await settle();
    assertEquals(socket.closings, [[1002, "protocol error"]]);
    assertEquals(bench.sessions.map(({ timesClosed }) => timesClosed), [1]);
  });
}

Deno.test("revision 3: bytes that are no message cost the connection", () => {
  for (const packet of [new Uint8Array([3, 1]), new Uint8Array(), "b3AQID", "b"]) {
    using bench = new EngineBench();
    const socket = bench.connect(3);
    for (const one of [HEADER, packet]) say(socket, one);
    assertEquals(socket.closings, [[1002, "protocol error"]]);
  }
});

Deno.test("an event may announce as many attachments as the limit, and be as large in all", () => {
  const limits = { maxAttachments: 3, maxPayloadBytes: 1_024 };
  using bench = new EngineBench({ limits });
  const header = '453-["x"]';
  const rest = 1_024 - header.length - 600;
  const closingsAfter = (header: string, ...sizes: readonly number[]): unknown => {
    const socket = bench.connect(4);
    for (const packet of ["40", header]) socket.hears(packet);
    for (const size of sizes) say(socket, new Uint8Array(size));
    return socket.closings;
  };
  assertEquals(closingsAfter(header, 300, 300, rest), []);
  assertEquals(closingsAfter(header, 300, 300, rest + 1), [[1009, "too big"]]);
  assertEquals(closingsAfter('454-["x"]'), [[1002, "protocol error"]]);
  assertEquals(bench.sessions.map(({ received }) => received.length), [1, 0, 0]);
});

Deno.test("a binary event is one frame of its size for the rates, and for the size of frames", () => {
  using bench = new EngineBench({
    namespaceLimits: {
      ...{ framesPerSecond: 1, frameBurst: 4, bytesPerSecond: 1_000, byteBurst: 1_500 },
      maxFrameBytes: 1_000,
    },
  });
  const socket = bench.connect(3);
  for (const size of [900, 900, 1_000]) {
    socket.hears('451-["x"]');
    say(socket, new Uint8Array([4, ...new Uint8Array(size)]));
  }
  assertEquals(bench.sessions[0]?.received.length, 2);
  assertEquals(bench.log.slice(1), ["refused frame_too_large"]);
  socket.hears('42["x"]');
  assertEquals(bench.log.at(-1), "refused rate_limited");
});

Deno.test("packets for a namespace that was closed meanwhile are no offence", async () => {
  using bench = new EngineBench();
  const socket = bench.connect(4);
  socket.hears("40");
  socket.hears("40/ssp,");
  for (const packet of [HEADER, BYTES, HEADER]) say(socket, packet);
  bench.sessions[0]?.link.close();
  for (const packet of [BYTES, HEADER, BYTES, '42/ssp,["y"]']) say(socket, packet);
  await settle();
  assertEquals(bench.sessions.map(({ received }) => received.length), [1, 1]);
  assertEquals(socket.closings, []);
});

Deno.test("revision 4: a binary event before CONNECT costs the connection", () => {
  using bench = new EngineBench();
  const socket = bench.connect(4);
  socket.hears(HEADER);
  assertEquals(socket.closings, [[1002, "protocol error"]]);
});
