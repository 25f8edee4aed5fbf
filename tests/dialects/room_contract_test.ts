import fc from "fast-check";
import { DRIVERS } from "./drivers.ts";
import { play } from "./room_stage.ts";
import { stepIn } from "./room_steps.ts";
import { runs } from "../helpers/session/written_events.ts";

// What every room promises its members: a join is one indivisible step, whatever happens before its
// id is given out. Of any two members one found the other and the other one was told; nothing of a
// member comes before that, and nothing after its leaving, which is told once; what it says keeps
// its order; and in the end nothing is left.

for (const { dialect, rooms } of DRIVERS) {
  for (const kind of rooms) {
    for (const isSlow of [false, true]) {
      const when = isSlow ? "in any order" : "at once";
      Deno.test(`${kind.name}: whatever interleaves, each member's history makes sense (ids given out ${when})`, async () => {
        const steps = fc.array(stepIn("p", "p", "q"), { maxLength: 60, size: "max" });
        await fc.assert(
          fc.asyncProperty(steps, async (steps) => {
            await play(dialect, kind, { isSlow, steps });
          }),
          { numRuns: runs(300) },
        );
      });
    }
  }
}
