import { assertEquals } from "@std/assert";
import { refused } from "../../src/auth/authenticator.ts";
import { VerdictCache } from "../../src/auth/verdict_cache.ts";

Deno.test("a cache of verdicts is bounded, and forgets the oldest first", () => {
  const cache = new VerdictCache(() => 0);
  const verdict = refused("denied");
  for (let at = 0; at <= 10_000; at++) cache.set(String(at), verdict, 1_000);
  assertEquals([cache.size, cache.get("0"), cache.get("1")], [10_000, undefined, verdict]);
});

Deno.test("a verdict is forgotten when its time is over, and one without time is not kept", () => {
  let now = 0;
  const cache = new VerdictCache(() => now);
  cache.set("a", refused("denied"), 10);
  cache.set("b", refused("denied"), 0);
  now = 10;
  assertEquals([cache.get("a"), cache.get("b"), cache.size, cache.hits], [
    undefined,
    undefined,
    0,
    0,
  ]);
});
