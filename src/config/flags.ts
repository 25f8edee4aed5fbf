import { parseArgs } from "@std/cli/parse-args";
import { mustBe } from "./complaint.ts";
import { explainedFlag } from "./foreign_flags.ts";
import { type Given, switchWord, typed } from "./given.ts";
import { nearest } from "./nearest.ts";
import { dashed, type Option, OPTIONS } from "./option_list.ts";

/** The content of a command line. */
export interface Flags {
  readonly given: readonly Given[];
  /** The configuration file that it names. */
  readonly file: string | undefined;
  /** A request for something other than a server. */
  readonly instead: "help" | "help-all" | "version" | "config-schema" | undefined;
}

const HELP = ["--help", "-h"];
const SWITCHES = OPTIONS.filter(({ type }) => type === "boolean");
const LISTS = OPTIONS.filter(({ type }) => type === "list");

/** Reads the command line; everything that is wrong goes to `problems`, one line each. */
export function readFlags(args: readonly string[], problems: string[]): Flags {
  const names = (options: readonly Option[]) => options.map(({ flag }) => flag);
  const [own, wantsAll] = readHelp(args);
  const parsed = parseArgs(readLists(readSwitches(own, problems)), {
    string: ["config", ...names(OPTIONS.filter(({ type }) => type !== "boolean"))],
    boolean: ["help", "version", "config-schema", ...names(SWITCHES)],
    collect: names(LISTS),
    alias: {
      help: ["h"],
      version: ["V"],
      ...Object.fromEntries(OPTIONS.map(({ flag, otherFlags }) => [flag, otherFlags])),
    },
    unknown: (arg, key) => {
      problems.push(key === undefined ? `Unexpected argument "${arg}"` : unknownFlag(arg));
      return false;
    },
  });
  // The parser does not report arguments after a bare `--` as unknown.
  for (const stray of parsed._) problems.push(`Unexpected argument "${stray}"`);
  const given: Given[] = [];
  for (const option of OPTIONS) {
    const value = parsed[option.flag];
    const isAbsent = value === undefined || (option.type === "boolean" && !isNamed(option, own)) ||
      (Array.isArray(value) && value.length === 0);
    if (isAbsent) continue;
    const from = dashed(nameUsed(option, own));
    if (value === "" && !option.mayBeEmpty) problems.push(`${from} needs a value`);
    else given.push({ option, value: typed(option, value), from });
  }
  const file = parsed["config"];
  if (file === "") problems.push("--config needs a value");
  return {
    given,
    file: typeof file === "string" && file !== "" ? file : undefined,
    instead: insteadOf(parsed, wantsAll),
  };
}

function insteadOf(parsed: Readonly<Record<string, unknown>>, wantsAll: boolean): Flags["instead"] {
  if (parsed["help"] === true) return wantsAll ? "help-all" : "help";
  if (parsed["version"] === true) return "version";
  return parsed["config-schema"] === true ? "config-schema" : undefined;
}

/** Takes the word out of `--help all`. */
function readHelp(args: readonly string[]): [args: string[], wantsAll: boolean] {
  const isAll = (arg: string, at: number): boolean =>
    arg === "all" && HELP.includes(args[at - 1] ?? "");
  const own = args.filter((arg, at) => !isAll(arg, at));
  return [own, own.length < args.length];
}

/** Brings switches with a word, `--flag=no` or `--flag no`, into the forms that the parser knows. */
function readSwitches(args: readonly string[], problems: string[]): string[] {
  const read: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const [, flag = "", joined] = /^(--?[^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const option = SWITCHES.find((one) => flagsOf(one).includes(flag));
    const next = switchWord(args[at + 1] ?? "");
    if (option === undefined || joined === undefined && next === undefined) {
      read.push(arg);
      continue;
    }
    if (joined === undefined) at++;
    const value = joined === undefined ? next : switchWord(joined);
    if (value === undefined) {
      problems.push(mustBe(flag, "true or false", joined));
    } else if (flag.startsWith("--no-")) {
      // The parser would turn `--no-seal=yes` into `seal`.
      read.push(flag, String(value));
    } else {
      read.push(`${flag}=${value}`);
    }
  }
  return read;
}

/** Repeats a list flag with several values after it, `--cors A B`, for each of them. */
function readLists(args: readonly string[]): string[] {
  const flags = new Map(LISTS.flatMap((list) => flagsOf(list).map((flag) => [flag, list])));
  const read: string[] = [];
  let flag: string | undefined;
  let values = 0;
  const end = (): void => {
    const alone = flags.get(flag ?? "")?.alone;
    if (values === 0 && alone !== undefined) read.push(`${read.pop()}=${alone}`);
  };
  for (const arg of joinEmpty(args)) {
    if (arg.startsWith("-")) {
      end();
      flag = flags.has(arg) ? arg : undefined;
      values = 0;
    } else if (flag !== undefined && values++ > 0) {
      read.push(flag);
    }
    read.push(arg);
  }
  end();
  return read;
}

/** Joins empty values to their flags: the parser takes them only so. */
function joinEmpty(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (arg === "" && joined.at(-1)?.startsWith("-")) joined.push(`${joined.pop()}=`);
    else joined.push(arg);
  }
  return joined;
}

function unknownFlag(arg: string): string {
  const flag = arg.replace(/=.*$/s, "");
  const known = ["help", "version", "config", "config-schema", ...OPTIONS.flatMap(allNames)];
  const near = nearest(bareName(flag), known);
  const advice = near === undefined
    ? "--help all lists every option"
    : `did you mean "${dashed(near)}"?`;
  return explainedFlag(flag) ?? `Unknown option "${flag}": ${advice}`;
}

function allNames(option: Option): string[] {
  return [option.flag, ...option.otherFlags];
}

function flagsOf(option: Option): string[] {
  return allNames(option).map(dashed);
}

function bareName(arg: string): string {
  return arg.replace(/^-+/, "").replace(/=.*$/s, "");
}

function isNamed(option: Option, args: readonly string[]): boolean {
  const names = allNames(option);
  return args.some((arg) => arg.startsWith("-") && names.includes(bareName(arg)));
}

function nameUsed(option: Option, args: readonly string[]): string {
  return allNames(option).find((name) => args.some((arg) => bareName(arg) === name)) ?? option.flag;
}
