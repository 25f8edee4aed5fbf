import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import { decode } from "../../../src/dialects/simple/messages.ts";
import { simple } from "./driver.ts";
import {
  comeBack,
  enter,
  newRooms,
  SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";
import { runs } from "../../helpers/session/hub_modes.ts";

Deno.test("Simple: whatever comes is read or refused with a code, and never anything else", () => {
  const texts = fc.oneof(
    { weight: 8, arbitrary: simple.valid(["a", "__proto__"]) },
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
        assert(["not_json", "bad_frame", "room_missing"].includes(error.code));
      }
    }),
    { numRuns: runs(3_000) },
  );
});

/** Possible events of a client that receives signals. */
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
    { numRuns: runs(300) },
  );
});
