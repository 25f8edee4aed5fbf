/**
 * Writes README's options table from the schema: `deno task docs`. With `--check` it only says
 * whether README is stale.
 */
import { optionsTable } from "../src/config/help.ts";

const BEGIN = "<!-- options: begin (deno task docs) -->\n<!-- deno-fmt-ignore-start -->";
const END = "<!-- deno-fmt-ignore-end -->";

/** README with the table as the schema has it. */
export function withOptions(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("README has no place for the options table");
  return `${readme.slice(0, begin)}${BEGIN}\n\n${optionsTable()}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const path = new URL("../README.md", import.meta.url);
  const old = await Deno.readTextFile(path);
  const fresh = withOptions(old);
  if (Deno.args.includes("--check")) {
    if (fresh !== old) throw new Error("README is stale: run deno task docs");
  } else {
    await Deno.writeTextFile(path, fresh);
  }
}
