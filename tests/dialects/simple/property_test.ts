import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import { decode } from "../../../src/dialects/simple/messages.ts";
import { comeBack, enter, newRooms, SimpleClient, type SimpleFrame } from "../../helpers/simple.ts";

/** Values as a frame may hold them, right and wrong. */
const anyValue = fc.oneof(
  fc.constantFrom<unknown>(null, "", "v=0", 0, 1, -1, [], {}, [null], [{ candidate: "c" }], true),
  fc.string(),
  fc.jsonValue({ maxDepth: 3 }),
);
const anyFrame = fc.record({
  event: fc.constantFrom("join", "change", "signal", "leave", "ping", "ready", "__proto__"),
  ref: fc.oneof(fc.string(), fc.integer(), anyValue),
  room: fc.oneof(fc.constant("r"), anyValue),
  peer: fc.oneof(fc.dictionary(fc.string(), anyValue), anyValue),
  peer_id: fc.oneof(fc.constant("a"), anyValue),
  peer_instance: fc.oneof(fc.nat(3), anyValue),
  type: fc.constantFrom("offer", "answer", "pranswer", "candidate", "bye", "data", "other"),
  sdp: anyValue,
  peer_ice: anyValue,
  data: anyValue,
  call: anyValue,
  seq: anyValue,
  p_id: anyValue,
  p_secret: anyValue,
  p_instance: anyValue,
}, { requiredKeys: ["event"] });

Deno.test("Simple: whatever comes is read or refused with a code, and never anything else", () => {
  const texts = fc.oneof(
    { weight: 8, arbitrary: anyFrame.map((frame) => JSON.stringify(frame)) },
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const frame = decode(text, { maxDepth: 32, maxCallLength: 128 });
        assertEquals(frame.event, JSON.parse(text).event);
      } catch (error) {
        assert(error instanceof SignalError, String(error));
        assert(["not_json", "bad_frame"].includes(error.code));
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("Simple: no frame ends a session, disturbs a bystander, or leaves anything behind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 20 }), async (frames) => {
      using bench = newRooms();
      const bystander = await enter(bench, { room: "aside" });
      const stranger = await SimpleClient.connect(bench);
      await stranger.say(...frames);
      assertEquals(stranger.client.link.faults, []);
      assertEquals(bystander.heard(), []);
      await stranger.leave();
      await bystander.leave();
      bench.clock.advance(31_000);
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    }),
    { numRuns: 300 },
  );
});

/** What may happen to a client that is spoken to. */
type Step =
  | { readonly do: "say" }
  /** The network dies; so many of the frames on the way have not arrived. */
  | { readonly do: "lose"; readonly missed: number }
  | { readonly do: "return" }
  /** Another path, while the server believes in the old one. */
  | { readonly do: "move"; readonly missed: number };

const missed = fc.nat(5);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Step>({ do: "say" }) },
  missed.map((missed): Step => ({ do: "lose", missed })),
  { weight: 2, arbitrary: fc.constant<Step>({ do: "return" }) },
  missed.map((missed): Step => ({ do: "move", missed })),
);

Deno.test("Simple: whatever is lost, each acknowledged signal arrives once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
      using bench = newRooms({ options: { maxTakeBacks: 1_000 } });
      const fred = await enter(bench);
      let barney: SimpleClient | undefined = await enter(bench);
      fred.heard();
      const owner = barney;
      const acknowledged: number[] = [];
      const arrived: SimpleFrame[] = [];
      let said = 0;

      /** Reads what has come; the last few frames never made it over a path that died. */
      const read = (client: SimpleClient, missed = 0): void => {
        const frames = client.heard();
        arrived.push(...frames.slice(0, frames.length - missed));
      };
      const back = async (): Promise<void> => {
        const seq = Number(arrived.at(-1)?.["seq"] ?? 0);
        const { client, ready, rest } = await comeBack(bench, owner, { seq });
        assertEquals([ready["recovered"], ready["seq"]], [true, seq]);
        arrived.push(...rest);
        barney = client;
      };

      for (const step of steps) {
        if (step.do === "say") {
          const frame = { event: "signal", peer_id: owner.id, type: "data", data: ++said };
          const [ok] = await fred.ask({ ...frame, ref: said });
          if (ok?.["event"] === "ok") acknowledged.push(said);
        } else if (step.do === "return") {
          if (barney === undefined) await back();
        } else if (barney !== undefined) {
          read(barney, step.missed);
          if (step.do === "lose") {
            await barney.lose();
            barney = undefined;
          } else {
            await back();
          }
        }
      }
      if (barney === undefined) await back();
      else read(barney);
      assertEquals(arrived.map(({ data }) => data), acknowledged);
      assertEquals(arrived.map(({ seq }) => seq), acknowledged.map((_, at) => at + 1));
    }),
    { numRuns: 300 },
  );
});
