import { assertEquals } from "@std/assert";
import { JsonOnce } from "../../../src/dialects/kit/json_once.ts";

Deno.test("the JSON of a large object is written once, and is the same as that of a small one", () => {
  const json = new JsonOnce();
  let written = 0;
  const counted = (length: number) => ({
    get text(): string {
      written++;
      return "x".repeat(length);
    },
  });
  for (const [value, times] of [[counted(2_000), 1], [counted(10), 3]] as const) {
    written = 0;
    const texts = Array.from({ length: 3 }, () => json.textOf(value));
    assertEquals([written, new Set(texts).size], [times, 1]);
    assertEquals(texts[0], JSON.stringify(value));
  }
  for (const value of [null, "x", 1, true, []]) {
    assertEquals(json.textOf(value), JSON.stringify(value));
  }
});
