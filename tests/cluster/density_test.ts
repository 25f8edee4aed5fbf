import { assertEquals } from "@std/assert";
import { Density } from "../../src/cluster/steps/density.ts";

/** Begins a call with so many steps every so many ms, and returns when the density was high first. */
function firstHigh(everyMs: number, steps: number): number | undefined {
  const density = new Density();
  for (let now = 0; now < 1_000; now += everyMs) {
    if (density.isHigh(now)) return now;
    density.begun(now, steps);
  }
  return undefined;
}

Deno.test("calls wait once 13 others, or 25 steps, have begun within 10 ms", () => {
  assertEquals(firstHigh(0.5, 1), 6.5);
  assertEquals(firstHigh(1, 1), undefined);
  assertEquals(firstHigh(1, 2), undefined);
  assertEquals(firstHigh(1, 3), 9);
  assertEquals(firstHigh(10, 256), undefined);
  assertEquals(firstHigh(5, 256), 5);
});

Deno.test("calls do not wait any more once the others are older", () => {
  const density = new Density();
  density.begun(0, 20);
  density.begun(6, 20);
  assertEquals([6, 9, 10, 15].map((now) => density.isHigh(now)), [true, true, false, false]);
  density.begun(15, 20);
  density.begun(15, 5);
  assertEquals([15, 25].map((now) => density.isHigh(now)), [true, false]);
});
