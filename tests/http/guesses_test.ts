import { assert, assertEquals } from "@std/assert";
import { Guesses } from "../../src/http/guesses.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const LONG = "a-token-that-no-guess-finds";

Deno.test("the networks of an IPv6 /64 share their guesses, and a minute ends them", () => {
  const clock = new FakeClock();
  const guesses = new Guesses(clock.now);
  const show = (address: string): number => guesses.waitSeconds(address, LONG, false);
  for (let nth = 0; nth < 10; nth++) assertEquals(show(`2001:db8::${nth}`), 0);
  clock.advance(20_000);
  assertEquals(show("2001:db8::ffff"), 40);
  assertEquals([show("2001:db8:0:1::1"), show("192.0.2.1")], [0, 0]);
  clock.advance(40_000);
  assertEquals(show("2001:db8::1"), 0);
});

Deno.test("a bounded number of addresses is remembered; the oldest guess goes first", () => {
  const guesses = new Guesses(new FakeClock().now);
  const show = (nth: number): number =>
    guesses.waitSeconds(`10.${nth >> 16}.${nth >> 8 & 255}.${nth & 255}`, LONG, false);
  for (let nth = 0; nth < 10; nth++) assertEquals(show(0), 0);
  assert(show(0) > 0);
  for (let nth = 1; nth < 10_000; nth++) show(nth);
  assertEquals(guesses.size, 10_000);
  assert(show(0) > 0);
  for (let nth = 10_000; nth < 20_000; nth++) show(nth);
  assertEquals([guesses.size, show(0)], [10_000, 0]);
});
