import { assert } from "@std/assert";
import fc from "fast-check";
import { ssp } from "../../../src/dialects/ssp/mod.ts";
import { play } from "../room_stage.ts";
import { stepIn } from "../room_steps.ts";
import { MIXED_POOL } from "./voice.ts";
import { runs } from "../../helpers/session/hub_modes.ts";

// Section 4 of protocols/ssp.md; that a few members keep to it is part of every room's contract.

Deno.test("§4: hundreds of members of both versions that join, talk and leave at once each hear a history that makes sense", async () => {
  const steps = fc.array(stepIn("p", "p", "p", "q"), {
    minLength: 1_800,
    maxLength: 2_000,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      assert(await play(ssp, MIXED_POOL, { isSlow: true, steps }) > 200);
    }),
    // The contract of rooms finds small examples.
    { numRuns: runs(5), endOnFailure: true },
  );
});
