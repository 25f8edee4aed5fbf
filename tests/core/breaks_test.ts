import { assertEquals } from "@std/assert";
import { Breaks } from "../../src/core/breaks.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

Deno.test("long work is interrupted again and again, and clients have their turn", async () => {
  const clock = new FakeClock();
  const breaks = new Breaks(clock);
  assertEquals(breaks.isDue, false);
  for (let round = 0; round < 2; round++) {
    clock.advance(1);
    assertEquals(breaks.isDue, true);
    let isOver = false;
    const over = breaks.take().then(() => isOver = true);
    await Promise.resolve();
    assertEquals(isOver, false);
    clock.advance(0);
    await over;
    assertEquals(breaks.isDue, false);
  }
});
