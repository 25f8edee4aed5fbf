import { assertEquals } from "@std/assert";
import { Deadlines } from "../../src/cluster/engine/deadlines.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

/** Work that ends when a test wants it to, and the outcome that its caller sees. */
class Work {
  outcome = "open";
  readonly #end = Promise.withResolvers<string>();

  constructor(deadlines: Deadlines, limitMs: number) {
    deadlines.within(this.#end.promise, limitMs).then(
      (result) => this.outcome = result,
      (error) => this.outcome = error.message,
    );
  }

  async succeed(): Promise<void> {
    this.#end.resolve("done");
    await breathe();
  }

  async fail(): Promise<void> {
    this.#end.reject(new Error("failed"));
    await breathe();
  }
}

async function breathe(): Promise<void> {
  for (let round = 0; round < 5; round++) await Promise.resolve();
}

/** Lets time pass, and returns the outcomes. */
async function after(clock: FakeClock, ms: number, works: readonly Work[]): Promise<string[]> {
  clock.advance(ms);
  await breathe();
  return works.map(({ outcome }) => outcome);
}

Deno.test("each work has its own deadline, whatever the order", async () => {
  const clock = new FakeClock();
  using deadlines = new Deadlines(clock);
  const works = [2_000, 500, 1_000].map((limitMs) => new Work(deadlines, limitMs));
  assertEquals(await after(clock, 499, works), ["open", "open", "open"]);
  assertEquals(await after(clock, 1, works), ["open", "timed out", "open"]);
  works.push(new Work(deadlines, 400));
  assertEquals(await after(clock, 400, works), ["open", "timed out", "open", "timed out"]);
  assertEquals(await after(clock, 100, works), ["open", "timed out", "timed out", "timed out"]);
  assertEquals((await after(clock, 1_000, works))[0], "timed out");
});

Deno.test("work that ends in time is over, and later work has the time that it needs", async () => {
  const clock = new FakeClock();
  using deadlines = new Deadlines(clock);
  const [good, bad] = [new Work(deadlines, 1_000), new Work(deadlines, 1_000)];
  await good.succeed();
  await bad.fail();
  clock.advance(900);
  // The timer of the first ones is still there.
  const late = new Work(deadlines, 1_000);
  assertEquals(await after(clock, 999, [good, bad, late]), ["done", "failed", "open"]);
  assertEquals(await after(clock, 1, [late]), ["timed out"]);
  await late.succeed();
  assertEquals(late.outcome, "timed out");
});

Deno.test("deadlines that are disposed of leave no timer", () => {
  const clock = new FakeClock();
  {
    using deadlines = new Deadlines(clock);
    new Work(deadlines, 1_000);
    assertEquals(clock.timers, 1);
  }
  assertEquals(clock.timers, 0);
});
