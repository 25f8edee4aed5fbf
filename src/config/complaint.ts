import type * as z from "zod";
import { foreignMeaning } from "./foreign_flags.ts";
import type { Given } from "./given.ts";
import { type Option, OPTIONS } from "./option_list.ts";

/** The schema's complaints; of each option only the first, because the others follow from it. */
export function wordAll(
  issues: readonly z.core.$ZodIssue[],
  given: ReadonlyMap<string, Given>,
): string[] {
  const first = new Map<string, z.core.$ZodIssue>();
  for (const issue of issues) {
    const place = optionOf(issue)?.flag ?? issue.path.join(".");
    if (!first.has(place)) first.set(place, issue);
  }
  return [...first.values()].map((issue) => word(issue, given));
}

/** States what a value must be: `--port must be a whole number from 0 to 65535 (got "abc")`. */
export function mustBe(from: string, expected: string, got: unknown): string {
  // A password in a URL is a secret wherever it stands.
  const shown = JSON.stringify(got)?.replace(/(:\/\/).*@/g, "$1…@");
  return `${from} must be ${expected} (got ${shown})`;
}

function optionOf(issue: z.core.$ZodIssue): Option | undefined {
  return OPTIONS.find(({ path }) => path.every((part, at) => issue.path[at] === part));
}

/** Words one of the schema's complaints, under the name by which the value was given. */
function word(issue: z.core.$ZodIssue, given: ReadonlyMap<string, Given>): string {
  const option = optionOf(issue);
  if (option === undefined) return issue.message;
  const one = given.get(option.flag);
  const from = one?.from ?? `--${option.flag}`;
  const isItem = option.type === "list" && issue.path.length > option.path.length;
  // Our own complaints read either `expected …` or give a reason of their own.
  const isOwn = issue.code === "custom" || issue.message.startsWith("expected ");
  if (isOwn && !issue.message.startsWith("expected ")) {
    return `Cannot use ${from}: ${issue.message}`;
  }
  const expected = isOwn ? issue.message.slice("expected ".length) : expectedBy(option, issue);
  const subject = isItem ? `Every value of ${from}` : from;
  if (one === undefined || option.isSecret) return `${subject} must be ${expected}`;
  const value = isItem ? itemOf(one.value, issue.path[option.path.length]) : one.value;
  return mustBe(subject, expected, value) +
    (isItem ? separated(one, value) : foreignMeaning(one.from, value));
}

/** Describes the values of an option whose schema has no words of its own. */
function expectedBy(option: Option, issue: z.core.$ZodIssue): string {
  if (option.type === "boolean") return "true or false";
  if (option.type === "number") return `a whole number from ${option.min} to ${option.max}`;
  const isList = option.type === "list" && issue.path.length === option.path.length;
  if (isList) return 'a list, such as ["a", "b"]';
  if (option.words.length > 0) return `one of ${option.words.join(", ")}`;
  const least = issue.code === "too_small" && Number(issue.minimum);
  return least
    ? `a text of at least ${least} ${least === 1 ? "character" : "characters"}`
    : "a text";
}

function itemOf(list: unknown, index: PropertyKey | undefined): unknown {
  return Array.isArray(list) ? list[Number(index)] : list;
}

/** Shows how to separate values that arrived as one; empty if they did not. */
function separated({ from, value }: Given, item: unknown): string {
  // A file may hold anything; an object of it has no text.
  if (typeof item !== "string" || !Array.isArray(value) || from.startsWith('"')) return "";
  const isFlag = from.startsWith("-");
  const parts = item.split(/[\s,]+/).filter((part) => part !== "");
  const isJoined = isFlag ? item.includes(",") : parts.length > 1;
  if (!isJoined) return "";
  const all = value.flatMap((one) => String(one).split(/[\s,]+/)).filter((part) => part !== "");
  return isFlag
    ? `: separate values with spaces, as in ${from} ${all.join(" ")}`
    : `: separate values with commas, as in ${from.replace(/^variable /, "")}=${all.join(",")}`;
}
