import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Ring } from "../../../src/dialects/simple/ring.ts";

Deno.test("a ring is a queue: it gives back what was pushed, oldest first", () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer() }),
    fc.constant("shift" as const),
    fc.record({ newest: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      for (const step of steps) {
        if (step === "shift") assertEquals(ring.shift(), model.shift());
        else if ("push" in step) model.push(step.push), ring.push(step.push);
        else {assertEquals(
            ring.newest(step.newest),
            model.slice(Math.max(0, model.length - step.newest)),
          );}
        assertEquals(ring.length, model.length);
      }
      assertEquals(ring.newest(model.length), model);
    }),
  );
});

Deno.test("a ring that was cleared is empty, and can be filled again", () => {
  const ring = new Ring<string>();
  for (const item of ["a", "b", "c"]) ring.push(item);
  ring.clear();
  assertEquals([ring.length, ring.shift(), ring.newest(3)], [0, undefined, []]);
  ring.push("d");
  assertEquals(ring.newest(3), ["d"]);
});
