import { assertEquals } from "@std/assert";
import { Turns } from "../../src/core/breaks.ts";
import { TurningClock } from "../helpers/session/turning_clock.ts";

/** The clock's next turn, and all that follows from it at once. */
async function turn(clock: TurningClock): Promise<void> {
  clock.advance(0);
  for (let step = 0; step < 20; step++) await Promise.resolve();
}

Deno.test("long work is interrupted again and again, and clients have their turn", async () => {
  const clock = new TurningClock();
  const begun = new Turns(clock).begin();
  await turn(clock);
  const breaks = await begun;
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

Deno.test("the work of several operators takes turns, one in each", async () => {
  const clock = new TurningClock();
  const turns = new Turns(clock);
  const log: string[] = [];
  const work = async (name: string): Promise<void> => {
    const breaks = await turns.begin();
    log.push(name);
    await breaks.take();
    log.push(name);
  };
  const all = Promise.all(["scrape", "page"].map(work));
  assertEquals(log, []);
  for (const expected of [["scrape"], ["page"], ["scrape"], ["page"], []]) {
    log.length = 0;
    await turn(clock);
    assertEquals(log, expected);
  }
  await all;
  assertEquals(clock.timers, 0);
});
