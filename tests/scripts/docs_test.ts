import { assertEquals } from "@std/assert";
import { withOptions } from "../../scripts/docs.ts";

Deno.test("README's table of options is what the schema says", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assertEquals(readme, withOptions(readme), "README is stale: run deno task docs");
});
