import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ZodType } from "zod";
import * as owt from "../../src/dialects/owt/messages.ts";
import * as peerjs from "../../src/dialects/peerjs/messages.ts";
import * as simple from "../../src/dialects/simple/messages.ts";
import * as ssp from "../../src/dialects/ssp/messages.ts";
import * as webrtcsink from "../../src/dialects/webrtcsink/messages.ts";

// Relayed messages are read without their schema, which takes longer. The schema reads them alike.

type Fields = Readonly<Record<string, unknown>>;

interface Reader {
  readonly name: string;
  readonly schema: ZodType;
  /** The values that a field may have, some of them of the wrong kind. */
  readonly fields: Readonly<Record<string, readonly unknown[]>>;
  /** Reads the fields as a frame; throws, or is undefined, if they are no message. */
  read(fields: Fields): unknown;
}

const ODD = [undefined, null, 0, 1, -1, 0.5, "", "x", [], {}, true] as const;
const CANDIDATES = [
  { candidate: "c", sdpMLineIndex: 0 },
  { extra: [1], candidate: "c", sdpMLineIndex: 4_294_967_295, sdpMid: "0" },
  { candidate: "c", sdpMLineIndex: 4_294_967_296 },
  { candidate: "c", sdpMLineIndex: -1 },
  { candidate: 1, sdpMLineIndex: 0 },
  { candidate: "c", peer_instance: 1 },
];
const DESCRIPTIONS = [
  { type: "offer", sdp: "v=0" },
  { sdp: "v=0", type: "answer", more: null },
  { type: "rollback" },
  { type: "offer", sdp: 1 },
];

const SIMPLE_LIMITS = { maxDepth: 32, maxCallLength: 128 };

const READERS: readonly Reader[] = [
  {
    name: "PeerJS",
    schema: peerjs.ClientMessage,
    fields: {
      type: ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE", "HEARTBEAT", "OPEN", ...ODD],
      dst: ["bob", ...ODD],
      payload: [{ sdp: "v=0" }, ...ODD],
      src: ["mallory", undefined],
    },
    read: (fields) => {
      const read = peerjs.decode(JSON.stringify(fields));
      return typeof read === "string" ? undefined : read;
    },
  },
  {
    name: "webrtcsink",
    schema: webrtcsink.ClientMessage,
    fields: {
      type: ["peer", "endSession", "list", ...ODD],
      sessionId: ["s", ...ODD],
      sdp: [...DESCRIPTIONS, ...ODD],
      ice: [...CANDIDATES, ...ODD],
      more: [undefined, 1],
    },
    read: (fields) => webrtcsink.decode(JSON.stringify(fields)),
  },
  {
    name: "OWT",
    schema: owt.MessageArgument,
    fields: {
      to: ["bob", 1e21, ...ODD],
      from: ["mallory", ...ODD],
      data: ["{}", ...ODD],
    },
    read: (fields) => {
      const read = owt.decode(`2${JSON.stringify(["owt-message", fields])}`);
      return read?.type === "message" ? { ...read.relayed.message, to: read.to } : undefined;
    },
  },
  {
    name: "Simple",
    schema: simple.SignalBody,
    fields: {
      type: ["offer", "answer", "pranswer", "candidate", "bye", "data", ...ODD],
      peer_id: ["bob", ...ODD],
      // An empty text is refused afterwards.
      sdp: ["v=0", ...ODD.filter((value) => value !== "")],
      peer_ice: [CANDIDATES, [null], [CANDIDATES[0], null], [CANDIDATES[5]], ...ODD],
      data: [{ any: 1 }, ...ODD],
      reason: ["enough", ...ODD],
    },
    read: (fields) => {
      const frame = JSON.stringify({ ...fields, event: "signal" });
      const { event: _, ref, peer_instance, call, ...body } = simple.decode(frame, SIMPLE_LIMITS) as
        & simple.SignalFrame
        & Fields;
      assertEquals([ref, peer_instance, call], [undefined, undefined, undefined]);
      return body;
    },
  },
  ...[...ssp.ACTIONS].map(([type, { schema }]): Reader => ({
    name: `ssp's ${type}`,
    schema,
    fields: {
      to: ["bob", ...ODD],
      for: ["bob", ...ODD],
      description: [...DESCRIPTIONS, ...ODD],
      answer: [...DESCRIPTIONS, ...ODD],
      candidate: [...CANDIDATES, ...ODD],
      pool: ["p", ...ODD],
    },
    read: (data) => ssp.decode(JSON.stringify({ type, data }), "auto", true, ssp.readMessage),
  })),
];

for (const { name, schema, fields, read } of READERS) {
  Deno.test(`${name}: messages are read as their schema reads them`, () => {
    const arbitrary = fc.record(
      Object.fromEntries(
        Object.entries(fields).map(([key, values]) => [key, fc.constantFrom(...values)]),
      ),
    );
    let valid = 0;
    fc.assert(
      fc.property(arbitrary, (drawn) => {
        // As JSON has it: without what is undefined.
        const value: Fields = JSON.parse(JSON.stringify(drawn));
        const { success, data } = schema.safeParse(value);
        if (success) valid++;
        assertEquals(readIfAny(read, value), success ? data : undefined);
      }),
      { numRuns: 2_000 },
    );
    assert(valid > 10, `${valid} valid messages`);
  });
}

function readIfAny(read: Reader["read"], fields: Fields): unknown {
  try {
    return read(fields);
  } catch {
    return undefined;
  }
}
