import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type ErrorCode, SignalError } from "../../../src/core/errors.ts";
import type { PeerSummary, RoomEvent } from "../../../src/core/events.ts";
import type { Frame } from "../../../src/core/session.ts";
import {
  type ClientMessage,
  decode,
  encodeError,
  encodeJoined,
  encodeNews,
  encodeRelay,
  isSsp,
  readMessage,
  type Relayed,
  relayOf,
  STOP,
  type Version,
  versionOf,
} from "../../../src/dialects/ssp/messages.ts";
import { JsonOnce } from "../../../src/dialects/kit/json_once.ts";
import { event, frameOf } from "../../helpers/session/ssp.ts";

const VERSIONS = ["v1", "v2", "auto"] as const;
const OFFER = { type: "offer", sdp: "v=0\r\n", extra: [1, { deep: null }] };
const X: PeerSummary = { id: "x", dialect: "ssp", info: { name: "Ann" } };

function asMember(frame: Frame, version: Version): ClientMessage | undefined {
  return decode(frame, version, true, readMessage);
}

function codeOf(frame: Frame, version: Version): ErrorCode | "none" {
  try {
    asMember(frame, version);
    return "none";
  } catch (error) {
    if (error instanceof SignalError) return error.code;
    throw error;
  }
}

function messageOf(frame: Frame, version: Version): string {
  try {
    asMember(frame, version);
    return "";
  } catch (error) {
    return error instanceof SignalError ? error.message : "";
  }
}

const READ:
  readonly (readonly [frame: string, versions: readonly Version[], action: ClientMessage])[] = [
    [frameOf("rtc:join", { pool: "p", more: 1 }), VERSIONS, { type: "join", pool: "p" }],
    [frameOf("rtc:join"), VERSIONS, { type: "join", pool: undefined }],
    [frameOf("describe", { name: "Ann" }), VERSIONS, {
      type: "describe",
      description: { name: "Ann" },
    }],
    [frameOf("rtc:sdp", { to: "b", description: OFFER, peer: "c" }), ["v2", "auto"], {
      type: "sdp",
      to: "b",
      description: OFFER,
    }],
    [frameOf("rtc:candidate", { from: "c", for: "b", candidate: { candidate: "" } }), VERSIONS, {
      type: "candidate",
      to: "b",
      candidate: { candidate: "" },
    }],
    [frameOf("rtc:candidate", { for: "b" }), VERSIONS, {
      type: "candidate",
      to: "b",
      candidate: null,
    }],
    [frameOf("rtc:offers", { b: OFFER, c: 5 }), ["v1", "auto"], {
      type: "offers",
      offers: new Map<string, unknown>([["b", OFFER], ["c", 5]]),
    }],
    [frameOf("rtc:answer", { for: "b", answer: { type: "answer" }, from: "c" }), ["v1", "auto"], {
      type: "answer",
      to: "b",
      answer: { type: "answer" },
    }],
  ];

Deno.test("decode() reads each version's actions, and leaves out what they do not hold", () => {
  for (const [frame, versions, action] of READ) {
    for (const version of versions) assertEquals(asMember(frame, version), action);
  }
  assertEquals(asMember('{"type":"rtc:join","data":{"pool":1},"id":7}', "v2"), {
    type: "join",
    pool: 1,
  });
});

Deno.test("decode() passes a description on with every field, whatever it is called", () => {
  const text = '{"type":"offer","__proto__":{"a":1},"constructor":[],"sdp":"\\ud800"}';
  const action = asMember(`{"type":"rtc:sdp","data":{"to":"b","description":${text}}}`, "v2");
  assert(action?.type === "sdp");
  assertEquals(JSON.stringify(action.description), text);
});

const REFUSED: readonly (readonly [frame: Frame, code: ErrorCode])[] = [
  [new Uint8Array([123, 125]), "binary_frame"],
  ["", "not_json"],
  ["{", "not_json"],
  ["undefined", "not_json"],
  ["null", "bad_frame"],
  ["5", "bad_frame"],
  ['"rtc:join"', "bad_frame"],
  ['["rtc:join",{}]', "bad_frame"],
  ["{}", "bad_frame"],
  ['{"type":"rtc:join"}', "bad_frame"],
  ['{"data":{}}', "bad_frame"],
  ['{"type":"","data":{}}', "bad_frame"],
  ['{"type":5,"data":{}}', "bad_frame"],
  ['{"type":null,"data":{}}', "bad_frame"],
  ['{"type":["rtc:join"],"data":{}}', "bad_frame"],
  ['{"type":"rtc:join","data":null}', "bad_frame"],
  ['{"type":"rtc:join","data":"p"}', "bad_frame"],
  ['{"type":"rtc:join","data":[]}', "bad_frame"],
  [`{"type":"describe","data":{"a":${"[".repeat(70)}${"]".repeat(70)}}}`, "bad_frame"],
  [frameOf("rtc:"), "action_unknown"],
  [frameOf("rtc:leave"), "action_unknown"],
  [frameOf("rtc:joined"), "action_unknown"],
  [frameOf("rtc:constructor"), "action_unknown"],
  [frameOf("rtc: join"), "action_unknown"],
  [frameOf("rtc:candidate"), "target_missing"],
  [frameOf("rtc:candidate", { for: null }), "target_missing"],
  [frameOf("rtc:candidate", { for: "" }), "target_missing"],
  [frameOf("rtc:candidate", { for: ["b"] }), "peer_unknown"],
];

Deno.test("decode() refuses what is no event, in every version alike", () => {
  for (const [frame, code] of REFUSED) {
    for (const version of VERSIONS) assertEquals([frame, codeOf(frame, version)], [frame, code]);
  }
});

Deno.test("decode() refuses relays without a target or a description", () => {
  const cases: readonly (readonly [string, Version, Record<string, unknown>, ErrorCode])[] = [
    ["rtc:sdp", "v2", { description: OFFER }, "target_missing"],
    ["rtc:sdp", "v2", { to: 5, description: OFFER }, "peer_unknown"],
    ["rtc:sdp", "v2", { to: {}, description: OFFER }, "peer_unknown"],
    ["rtc:sdp", "v2", { to: "b" }, "description_invalid"],
    ...[null, "v=0", 5, true, [OFFER]].map((description) =>
      ["rtc:sdp", "v2", { to: "b", description }, "description_invalid"] as const
    ),
    ["rtc:answer", "v1", { answer: OFFER }, "target_missing"],
    ["rtc:answer", "v1", { for: 5, answer: OFFER }, "peer_unknown"],
    ["rtc:answer", "v1", { for: "b" }, "description_invalid"],
    ["rtc:answer", "v1", { for: "b", answer: null }, "description_invalid"],
  ];
  for (const [type, version, data, code] of cases) {
    assertEquals([data, codeOf(frameOf(type, data), version)], [data, code]);
  }
});

Deno.test("decode() names an unknown action, and for one of the other version the other endpoint", () => {
  assertStringIncludes(messageOf(frameOf("rtc:leave"), "v2"), "rtc:leave");
  assert(messageOf(frameOf(`rtc:${"x".repeat(100_000)}`), "v2").length < 200);
  for (const type of ["rtc:offers", "rtc:answer"]) {
    assertStringIncludes(messageOf(frameOf(type), "v2"), type);
    assertStringIncludes(messageOf(frameOf(type), "v2"), "/ssp/v1");
  }
  const message = messageOf(frameOf("rtc:sdp"), "v1");
  assertStringIncludes(message, "rtc:sdp");
  assert(/\/ssp(?!\/)/.test(message));
});

Deno.test("decode() leaves to the application what does not begin with rtc: and a single colon", () => {
  for (
    const type of [
      "chat",
      "join",
      "rtc",
      "RTC:join",
      " rtc:join",
      "rtc:join:x",
      "rtc::",
      ":",
      "x:y",
    ]
  ) {
    for (const version of VERSIONS) assertEquals(asMember(frameOf(type), version), undefined);
  }
});

Deno.test("versionOf() tells a version only by what the other one does not have", () => {
  const versions = READ.map(([, , action]) => [action.type, versionOf(action)] as const);
  assertEquals(Object.fromEntries(versions), {
    join: undefined,
    describe: undefined,
    candidate: undefined,
    sdp: "v2",
    offers: "v1",
    answer: "v1",
  });
});

Deno.test("isSsp() recognises a JSON object whose type begins with rtc:, and nothing else", () => {
  const yes = [
    frameOf("rtc:join", { pool: "p" }),
    ' \n{"data":{"pool":"p"},"type":"rtc:join","more":1}',
    '{"type":"rtc:"}',
    '{"type":"rtc:join","data":null}',
    `{"type":"rtc:x","data":${"[".repeat(100)}${"]".repeat(100)}}`,
  ];
  for (const frame of yes) assertEquals([frame, isSsp(frame)], [frame, true]);
  const no = [
    "",
    "HELLO 1",
    "HELLO {",
    "{",
    "{}",
    "[]",
    '["rtc:join"]',
    '"rtc:join"',
    "null",
    '{"type":null}',
    '{"type":["rtc:join"]}',
    '{"type":"RTC:join","data":{}}',
    '{"type":"describe","data":{}}',
    '{"type":" rtc:join","data":{}}',
    '{"kind":"rtc:join","data":{}}',
    '{"type":"rtc:join","data":{}} HELLO',
    new TextEncoder().encode(frameOf("rtc:join")),
  ];
  for (const frame of no) assertEquals([frame, isSsp(frame)], [frame, false]);
});

Deno.test("encodeJoined() lists the others, and everybody's description", () => {
  const json = new JsonOnce();
  const self = { id: "c", dialect: "ssp", info: null };
  const b = { id: "b", dialect: "ssp", info: null };
  assertEquals(
    encodeJoined({ pool: "p1", self, peers: [b, X], standing: [] }, json),
    '{"type":"rtc:joined","data":{"client_id":"c","peers":["b","x"],' +
      '"descriptions":{"b":null,"x":{"name":"Ann"},"c":null},"pool":"p1"}}',
  );
  const standing = [{ id: "__proto__", dialect: "ssp", info: ["\ud800"] }, { ...X, info: 1 }];
  assertEquals(
    encodeJoined({ pool: '"p', self, peers: [X], standing }, json),
    '{"type":"rtc:joined","data":{"client_id":"c","peers":["x"],' +
      '"descriptions":{"__proto__":["\\ud800"],"x":{"name":"Ann"},"c":null},"pool":"\\"p"}}',
  );
});

/** §7: news of x for each version; "auto" gets the forms of both. */
const NEWS: Record<RoomEvent["type"], Record<Version, readonly unknown[]>> = {
  joined: {
    v2: [event("rtc:peer", { id: "x" })],
    v1: [event("rtc:request_offers", { for: "x" })],
    auto: [event("rtc:peer", { id: "x" }), event("rtc:request_offers", { for: "x" })],
  },
  left: {
    v2: [event("rtc:close", { id: "x", uid: "x" })],
    v1: [event("rtc:close", { uid: "x" })],
    auto: [event("rtc:close", { id: "x", uid: "x" })],
  },
  described: {
    v2: [event("rtc:describe", { description: { name: "Ann" }, id: "x", uid: "x" })],
    v1: [event("rtc:describe", { description: { name: "Ann" }, uid: "x" })],
    auto: [event("rtc:describe", { description: { name: "Ann" }, id: "x", uid: "x" })],
  },
};

Deno.test("encodeNews() words a pool's news for each version", () => {
  for (const type of ["joined", "left", "described"] as const) {
    for (const version of VERSIONS) {
      const frames = encodeNews({ type, room: "p", peer: X }, version);
      assertEquals(frames.map((frame) => JSON.parse(frame)), NEWS[type][version]);
    }
  }
});

Deno.test("encodeRelay() words what members say for each version", () => {
  const sdp = (description: unknown) => event("rtc:sdp", { peer: "x", description });
  const v1 = (kind: string, description: unknown) =>
    event(`rtc:${kind}`, { for: "x", [kind]: description });
  const answer = { type: "answer", sdp: "" };
  const pranswer = { type: "pranswer", sdp: "" };
  const rollback = { type: "rollback" };
  const cases: readonly (readonly [Relayed, Record<Version, readonly unknown[]>])[] = [
    [relayOf(OFFER), both(sdp(OFFER), v1("offer", OFFER))],
    [relayOf(answer), both(sdp(answer), v1("answer", answer))],
    [relayOf(pranswer), both(sdp(pranswer), v1("answer", pranswer))],
    ...[rollback, {}, { type: 5 }, { type: "Offer" }].map((description) =>
      [relayOf(description), {
        v2: [sdp(description)],
        v1: [],
        auto: [sdp(description)],
      }] as const
    ),
    ...[null, { candidate: "c", sdpMid: "0" }, "odd"].map((candidate) => {
      const told = [event("rtc:candidate", { candidate, from: "x" })];
      return [{ kind: "candidate", candidate }, { v2: told, v1: told, auto: told }] as const;
    }),
  ];
  for (const [relayed, expected] of cases) {
    for (const version of VERSIONS) {
      const frames = encodeRelay(relayed, "x", version);
      assertEquals(frames.map((frame) => JSON.parse(frame)), expected[version]);
    }
  }
});

Deno.test("errors carry message and reason, and stop carries nothing", () => {
  assertEquals(JSON.parse(encodeError("Pool is full", "pool-full", { pool: "p" })), {
    type: "rtc:error",
    data: { message: "Pool is full", reason: "pool-full", pool: "p" },
  });
  assertEquals(STOP, '{"type":"rtc:stop","data":{}}');
});

Deno.test("decode() throws nothing but SignalError, and isSsp() nothing at all, whatever comes", () => {
  const type = fc.oneof(
    fc.constantFrom("rtc:join", "rtc:sdp", "rtc:candidate", "rtc:offers", "rtc:answer", "describe"),
    fc.string(),
    fc.string().map((text) => `rtc:${text}`),
    fc.jsonValue(),
  );
  const field = fc.constantFrom(
    "pool",
    "to",
    "for",
    "description",
    "candidate",
    "answer",
    "__proto__",
  );
  const data = fc.oneof(fc.dictionary(field, fc.jsonValue()), fc.jsonValue());
  const text = fc.oneof(
    fc.record({ type, data }, { requiredKeys: [] }).map((message) => JSON.stringify(message)),
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.tuple(fc.nat(200), fc.string({ maxLength: 4 })).map(([at, piece]) => {
      const whole = frameOf("rtc:sdp", { to: "b", description: OFFER });
      return whole.slice(0, at) + piece + whole.slice(at + piece.length);
    }),
    fc.nat(200_000).map((depth) => `{"type":"rtc:x","data":${"[".repeat(depth)}`),
  );
  const frame = fc.oneof(
    text,
    text.map((text): Frame => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(frame, fc.constantFrom(...VERSIONS), (frame, version) => {
      codeOf(frame, version);
      isSsp(frame);
    }),
    { numRuns: 2_000 },
  );
});

function both(v2: unknown, v1: unknown): Record<Version, readonly unknown[]> {
  return { v2: [v2], v1: [v1], auto: [v2, v1] };
}
