import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/types.ts";
import { settle } from "../../helpers/hub.ts";
import {
  enterAll,
  event,
  newPools,
  PATHS,
  type SspClient,
  type SspEvent,
} from "../../helpers/ssp.ts";

const OFFER = { type: "offer", sdp: "still there?" };

/** What a stranger in the pool may make each of the two hear. */
const HARMLESS = {
  v1: [
    "rtc:request_offers",
    "rtc:offer",
    "rtc:answer",
    "rtc:candidate",
    "rtc:describe",
    "rtc:close",
  ],
  v2: ["rtc:peer", "rtc:sdp", "rtc:candidate", "rtc:describe", "rtc:close"],
};

/** Stand for the two bystanders' ids, which no generator can know. */
const ONE = "<one>";
const TWO = "<two>";

const type = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...["rtc:join", "rtc:sdp", "rtc:candidate", "rtc:offers", "rtc:answer", "describe"],
    ),
  },
  fc.constantFrom(...HARMLESS.v1, ...HARMLESS.v2, "rtc:stop", "rtc:joined", "rtc:error", "rtc:"),
  fc.string(),
  fc.jsonValue({ maxDepth: 1 }),
);
const name = fc.constantFrom(ONE, TWO, "p", "nobody", "__proto__", "");
const description = fc.oneof(
  fc.record({
    type: fc.constantFrom("offer", "answer", "pranswer", "rollback", "x"),
    sdp: fc.string(),
  }),
  fc.jsonValue({ maxDepth: 2 }),
);
const data = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      pool: name,
      to: fc.oneof(name, fc.jsonValue({ maxDepth: 1 })),
      for: name,
      from: name,
      id: name,
      description,
      candidate: description,
      answer: description,
    }, { requiredKeys: [] }),
  },
  fc.dictionary(name, description),
  fc.jsonValue({ maxDepth: 2 }),
);
const wellFormed = fc.record({ type, data }).map((message) => JSON.stringify(message));
const mutated = fc.tuple(
  wellFormed,
  fc.nat(200),
  fc.nat(8),
  fc.string({ unit: "binary", maxLength: 4 }),
)
  .map(([frame, where, length, piece]) => {
    const at = where % (frame.length + 1);
    return frame.slice(0, at) + piece + frame.slice(at + length);
  });
const text = fc.oneof(
  { weight: 6, arbitrary: wellFormed },
  { weight: 3, arbitrary: mutated },
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("[".repeat(100_000), "x".repeat(2_000), "", '{"type":"describe","data":{'),
);
/** Text, or `true` for the same text in a binary message. */
const frames = fc.array(fc.tuple(text, fc.integer({ max: 9, min: 0 })), { maxLength: 40 });

Deno.test("nothing that anybody says harms two others, in the same pool or in another one", async () => {
  await fc.assert(
    fc.asyncProperty(
      frames,
      fc.constantFrom(...Object.values(PATHS)),
      fc.constantFrom("p", "q", undefined),
      async (frames, path, pool) => {
        using bench = newPools();
        const [one, two] = await enterAll(bench, ["v1", "v2"]);
        const mallory = await bench.connect(path);
        if (pool !== undefined) await mallory.say(JSON.stringify(event("rtc:join", { pool })));
        mallory.blurt(...frames.map(([text, kind]): Frame => {
          const aimed = text.replaceAll(ONE, one.id).replaceAll(TWO, two.id);
          return kind === 0 ? new TextEncoder().encode(aimed) : aimed;
        }));
        await settle();
        // A fault would mean that a frame made the server stumble.
        assertEquals([mallory.link.faults, mallory.isOpen], [[], true]);
        for (const frame of mallory.sent) assertIsEvent(JSON.parse(String(frame)));
        await mallory.leave();
        assertUnharmed(one, "v1", two.id);
        assertUnharmed(two, "v2", one.id);
        await assertTalk(one, two);
        await one.leave();
        await two.leave();
        assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
      },
    ),
    { numRuns: 400 },
  );
});

/** It heard of one stranger at most, in its own words, and lost it again. */
function assertUnharmed(client: SspClient, version: "v1" | "v2", friend: string): void {
  assertEquals([client.client.isOpen, client.client.refusals, client.client.link.faults], [
    true,
    [],
    [],
  ]);
  const events = client.heard();
  for (const heard of events) {
    assertIsEvent(heard);
    const { type, data } = heard;
    assert(HARMLESS[version].includes(type), `heard ${type}`);
    const about = [data["uid"], data["peer"], data["from"], data["for"], data["id"]];
    assert(!about.includes(friend) && !about.includes(client.id), `heard ${JSON.stringify(heard)}`);
    for (const key of ["description", "offer", "answer"]) {
      if (key in data) {
        assertEquals([typeof data[key], Array.isArray(data[key])], ["object", false]);
      }
    }
  }
  const [first] = events;
  if (first === undefined) return;
  assert(first.type === "rtc:peer" || first.type === "rtc:request_offers");
  assertEquals(events.filter(({ type }) => type === first.type).length, 1);
  assertEquals(events.findIndex(({ type }) => type === "rtc:close"), events.length - 1);
}

/** RTCPool drops what is not of this shape (section 1). */
function assertIsEvent(event: SspEvent): void {
  assertEquals(Object.keys(event), ["type", "data"]);
  assert(typeof event.type === "string" && event.data !== null && !Array.isArray(event.data));
  assertEquals(typeof event.data, "object");
}

async function assertTalk(one: SspClient, two: SspClient): Promise<void> {
  await one.say(["rtc:offers", { [two.id]: OFFER }]);
  await two.say(["rtc:sdp", { to: one.id, description: OFFER }]);
  assertEquals(two.heard(), [event("rtc:sdp", { peer: one.id, description: OFFER })]);
  assertEquals(one.heard(), [event("rtc:offer", { for: two.id, offer: OFFER })]);
}
