/**
 * Writes the options page from the schema: `deno task docs`. With `--check` it only reports whether
 * the page is stale.
 */
import { optionsTable } from "../src/config/help.ts";

/** The page that holds the generated table. */
export const OPTIONS_PAGE = new URL("../src/config/README.md", import.meta.url);

const BEGIN = "<!-- options: begin (deno task docs) -->\n<!-- deno-fmt-ignore-start -->";
const END = "<!-- deno-fmt-ignore-end -->";
/** Rows that a report of a stale page shows. */
const SHOWN_ROWS = 8;

/** The page with the table as the schema has it. */
export function withOptions(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("the page has no place for the options table");
  return `${page.slice(0, begin)}${BEGIN}\n\n${optionsTable()}\n\n${page.slice(end)}`;
}

/** Returns undefined if the page is up to date, otherwise its stale rows in at most ten lines. */
export function staleness(page: string): string | undefined {
  const fresh = withOptions(page);
  if (fresh === page) return undefined;
  const [before, after] = [page.split("\n"), fresh.split("\n")];
  const changes = [
    ...missing(before, after).map((row) => `- ${row}`),
    ...missing(after, before).map((row) => `+ ${row}`),
  ];
  const rest = changes.length - SHOWN_ROWS;
  return [
    "src/config/README.md is stale: run deno task docs",
    ...changes.slice(0, SHOWN_ROWS),
    ...rest > 0 ? [`… and ${rest} more rows`] : [],
  ].join("\n");
}

function missing(rows: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return rows.filter((row) => !known.has(row));
}

if (import.meta.main) {
  const page = await Deno.readTextFile(OPTIONS_PAGE);
  if (Deno.args.includes("--check")) {
    const report = staleness(page);
    if (report !== undefined) throw new Error(report);
  } else {
    await Deno.writeTextFile(OPTIONS_PAGE, withOptions(page));
  }
}
