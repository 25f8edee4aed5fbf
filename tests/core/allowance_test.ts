import { assertEquals } from "@std/assert";
import { Allowance, refilled } from "../../src/core/allowance.ts";

Deno.test("an allowance gives its burst at once, then its rate", () => {
  const allowance = new Allowance(2, 3, 1_000);
  const take = (nowMs: number, times: number): boolean[] =>
    Array.from({ length: times }, () => allowance.take(nowMs));
  assertEquals(take(1_000, 4), [true, true, true, false]);
  assertEquals(take(1_499, 1), [false]);
  assertEquals(take(1_500, 2), [true, false]);
  assertEquals(take(100_000, 4), [true, true, true, false]);
});

Deno.test("an unlimited allowance never ends", () => {
  const allowance = new Allowance(Infinity, 1, 0);
  assertEquals([allowance.take(0), allowance.take(0)], [true, true]);
});

Deno.test("refilled() adds by time, up to the burst; without a rate it is always full", () => {
  assertEquals(refilled(0, 10, 5, 250), 2.5);
  assertEquals(refilled(-3, 10, 5, 250), -0.5);
  assertEquals(refilled(4, 10, 5, 250), 5);
  assertEquals(refilled(0, Infinity, 5, 0), 5);
  assertEquals(refilled(0, 10, Infinity, 1_000), 10);
});
