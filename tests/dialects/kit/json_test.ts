import { assertEquals } from "@std/assert";
import { isTooDeep } from "../../../src/dialects/kit/json.ts";

function isRefused(text: string, maxDepth: number): boolean {
  return isTooDeep(text, JSON.parse(text), maxDepth);
}

Deno.test("every array and object is a level, whatever is in it, or if nothing is", () => {
  const cases: [text: string, levels: number][] = [
    ["1", 0],
    ["[]", 1],
    ["{}", 1],
    ['{"a":1}', 1],
    ["[[]]", 2],
    ["[[1]]", 2],
    ['{"x":[]}', 2],
    ['{"x":[{},{"y":[]}],"z":[[]]}', 4],
    ["[".repeat(50_000) + "]".repeat(50_000), 50_000],
  ];
  for (const [text, levels] of cases) {
    assertEquals(isRefused(text, levels), false, text.slice(0, 40));
    if (levels > 0) assertEquals(isRefused(text, levels - 1), true, text.slice(0, 40));
  }
});

Deno.test("brackets in texts are no levels", () => {
  assertEquals(isRefused(JSON.stringify(["[".repeat(100) + "{".repeat(100)]), 1), false);
});
