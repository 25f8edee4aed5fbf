import fc from "fast-check";
import { DRIVERS } from "./drivers.ts";
import { play } from "./room_stage.ts";
import { stepIn } from "./room_steps.ts";
import { hubs, runs } from "../helpers/session/hub_modes.ts";

// The contract of every room. A join is one indivisible step, even before its id is given out.
// Exactly one of any two members found the other one, and the other one was informed. Nothing of a
// member comes before its arrival or after its departure, which is announced once. Its messages
// keep their order, and in the end nothing is left.

for (const { dialect, rooms } of DRIVERS) {
  for (const kind of rooms) {
    // Where every step waits, the stage cannot tell whose first claim it answers.
    for (const isSlow of hubs.mode === "late" ? [false] : [false, true]) {
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
