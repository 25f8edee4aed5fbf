import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { OPTIONS_PAGE, staleness, withOptions } from "../../scripts/docs.ts";

const page = await Deno.readTextFile(OPTIONS_PAGE);

Deno.test("the options page is what the schema says", () => {
  const report = staleness(page);
  assert(report === undefined, report);
});

Deno.test("a stale options page is reported in at most ten lines", () => {
  const fresh = withOptions(page);
  const rows = fresh.split("\n");
  const changed = rows.map((row) => row.replace("`--port`", "`--harbour`"));
  const report = staleness(changed.join("\n")) ?? "";
  assertStringIncludes(report, "run deno task docs");
  assertStringIncludes(report, "- | `--harbour`");
  assertStringIncludes(report, "+ | `--port`");
  assertEquals(report.split("\n").length, 3);

  const emptied = rows.filter((row) => !row.startsWith("| `--")).join("\n");
  const long = (staleness(emptied) ?? "").split("\n");
  assertEquals(long.length, 10);
  assertStringIncludes(long.at(-1) ?? "", "more rows");
  assertEquals(withOptions(emptied), fresh);
});
