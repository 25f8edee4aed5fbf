import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type KeptSignal, KeptSignals } from "../../../src/dialects/simple/kept_signals.ts";

Deno.test("kept signals are a queue: they come back as they were, oldest first", () => {
  const step = fc.oneof(
    fc.record({ push: fc.string() }),
    fc.constant("shift" as const),
    fc.record({ newest: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const kept = new KeptSignals();
      const model: (KeptSignal & { readonly bytes: number })[] = [];
      const newest = (count: number): KeptSignal[] =>
        model.slice(Math.max(0, model.length - count)).map(({ frame, from }) => ({ frame, from }));
      for (const [bytes, step] of steps.entries()) {
        if (step === "shift") assertEquals(kept.shift(), model.shift()?.bytes ?? 0);
        else if ("newest" in step) assertEquals(kept.newest(step.newest), newest(step.newest));
        else {
          const from = { isGone: bytes % 2 === 0 };
          model.push({ frame: step.push, from, bytes });
          kept.push(step.push, from, bytes);
        }
        assertEquals(kept.length, model.length);
      }
      assertEquals(kept.newest(model.length), newest(model.length));
    }),
  );
});
