import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text/closest-string";
import type * as z from "zod";
import { dashed, type Option, OPTIONS } from "./option_list.ts";
import { type Config, ConfigSchema } from "./schema.ts";

/** Where a configuration comes from; the caller does the reading. */
export interface Sources {
  readonly args: readonly string[];
  /** A variable's value; undefined when it is not set or may not be read. */
  readonly variable: (name: string) => string | undefined;
  /** Names of all variables that may be seen, to find misspelt ones. */
  readonly variableNames?: readonly string[];
  /** Throws an Error whose message is fit for people. */
  readonly readFile: (path: string) => string;
}

/** What the command line asks for. */
export type Command =
  | { readonly type: "serve"; readonly config: Config }
  | { readonly type: "help" }
  | { readonly type: "version" };

/** A configuration that cannot be used; each message is one line for a person. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly messages: readonly string[]) {
    super(messages.join("\n"));
  }
}

/** A value as it was found, and the name under which a person gave it. */
interface Given {
  readonly option: Option;
  readonly value: unknown;
  readonly from: string;
}

/** Reads defaults < file < environment < flags, and reports everything that is wrong at once. */
export function loadConfig(sources: Sources): Command {
  const problems: string[] = [];
  const flags = readFlags(sources.args, problems);
  if (flags.isHelp) return { type: "help" };
  if (flags.isVersion) return { type: "version" };
  const variables = readVariables(sources, problems);
  const file = flags.file ?? sources.variable("SIGNALBOX_CONFIG");
  const fromFile = file === undefined ? [] : readConfigFile(file, sources.readFile, problems);

  const isNamed = (flag: string): boolean => flags.given.some(({ option }) => option.flag === flag);
  for (const flag of ["port", "host"].filter(isNamed)) {
    if (isNamed("listen")) problems.push(`Cannot use --${flag} beside --listen: name it there`);
  }

  const given = new Map<string, Given>();
  for (const one of [...fromFile, ...variables, ...flags.given]) {
    given.set(one.option.flag, one);
  }
  const result = ConfigSchema.safeParse(nest(given.values()));
  if (!result.success) problems.push(...wordAll(result.error.issues, given));
  if (result.success && problems.length === 0) {
    return { type: "serve", config: result.data as Config };
  }
  throw new ConfigError(problems);
}

interface Flags {
  readonly given: Given[];
  readonly file: string | undefined;
  readonly isHelp: boolean;
  readonly isVersion: boolean;
}

function readFlags(args: readonly string[], problems: string[]): Flags {
  const switches = OPTIONS.filter(({ type }) => type === "boolean");
  const lists = OPTIONS.filter(({ type }) => type === "list");
  const names = (options: readonly Option[]) => options.map(({ flag }) => flag);
  const parsed = parseArgs(repeatLists(readSwitches(args, switches, problems), lists), {
    string: ["config", ...names(OPTIONS.filter(({ type }) => type !== "boolean"))],
    boolean: ["help", "version", ...names(switches)],
    collect: names(lists),
    alias: {
      help: ["h"],
      ...Object.fromEntries(OPTIONS.map(({ flag, otherFlags }) => [flag, otherFlags])),
    },
    unknown: (arg, key) => {
      problems.push(key === undefined ? `Unexpected argument "${arg}"` : unknownFlag(arg));
      return false;
    },
  });
  // What follows a bare `--` is not reported as unknown.
  for (const stray of parsed._) problems.push(`Unexpected argument "${stray}"`);
  const given: Given[] = [];
  for (const option of OPTIONS) {
    const value = parsed[option.flag];
    const isAbsent = value === undefined || (option.type === "boolean" && !isNamed(option, args)) ||
      (Array.isArray(value) && value.length === 0);
    if (isAbsent) continue;
    const from = dashed(nameUsed(option, args));
    if (value === "" && !option.mayBeEmpty) problems.push(`${from} needs a value`);
    else given.push({ option, value: typed(option, value), from });
  }
  const file = parsed["config"];
  return {
    given,
    file: typeof file === "string" ? file : undefined,
    isHelp: parsed["help"] === true,
    isVersion: parsed["version"] === true,
  };
}

/** Switches with a word, `--flag=no`, in the two forms that the parser knows. */
function readSwitches(
  args: readonly string[],
  switches: readonly Option[],
  problems: string[],
): string[] {
  return args.flatMap((arg) => {
    const [, flag = "", word] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
    const option = switches.find((one) => allFlags(one).map(dashed).includes(flag));
    if (option === undefined || word === undefined) return arg;
    const value = typed(option, word);
    // Of `--no-seal=yes` the parser would make `seal`.
    if (typeof value === "boolean" && flag.startsWith("--no-")) return [flag, String(value)];
    if (typeof value === "boolean") return `${flag}=${value}`;
    problems.push(`Bad value of ${flag}: expected true or false (got ${JSON.stringify(word)})`);
    return flag;
  });
}

/** A list flag with several values after it, `--cors A B`, as the flag given for each of them. */
function repeatLists(args: readonly string[], lists: readonly Option[]): string[] {
  const listFlags = new Set(lists.flatMap(allFlags).map(dashed));
  const repeated: string[] = [];
  // The parser takes an empty value only when it is joined to its flag.
  const joined: string[] = [];
  for (const arg of args) {
    if (arg === "" && joined.at(-1)?.startsWith("-")) joined.push(`${joined.pop()}=`);
    else joined.push(arg);
  }
  let flag: string | undefined;
  let values = 0;
  for (const arg of joined) {
    if (arg.startsWith("-")) {
      flag = listFlags.has(arg) ? arg : undefined;
      values = 0;
    } else if (flag !== undefined && values++ > 0) {
      repeated.push(flag);
    }
    repeated.push(arg);
  }
  return repeated;
}

function unknownFlag(arg: string): string {
  const flag = arg.replace(/=.*$/s, "");
  const known = ["help", "version", "config", ...OPTIONS.flatMap(allFlags)];
  return `Unknown option "${flag}": did you mean "${
    dashed(closestString(bareName(flag), known))
  }"?`;
}

function readVariables(sources: Sources, problems: string[]): Given[] {
  const given: Given[] = [];
  for (const option of OPTIONS) {
    // The option's own variable wins over a foreign name for it.
    for (const name of [...option.otherVariables, option.variable]) {
      const value = sources.variable(name);
      if (value === undefined || value === "") continue;
      const items = option.type === "list" ? value.split(",").map((item) => item.trim()) : value;
      given.push({ option, value: typed(option, items), from: `variable ${name}` });
    }
  }
  const known = [
    "SIGNALBOX_CONFIG",
    ...OPTIONS.flatMap(({ variable, otherVariables }) => [variable, ...otherVariables]),
  ];
  for (const name of sources.variableNames ?? []) {
    if (!name.startsWith("SIGNALBOX_") || known.includes(name)) continue;
    problems.push(`Unknown variable "${name}": did you mean "${closestString(name, known)}"?`);
  }
  return given;
}

function readConfigFile(
  path: string,
  readFile: (path: string) => string,
  problems: string[],
): Given[] {
  let content: unknown;
  try {
    content = JSON.parse(readFile(path));
  } catch (error) {
    const why = error instanceof SyntaxError ? "not JSON" : messageOf(error);
    problems.push(`Cannot read configuration file "${path}": ${why}`);
    return [];
  }
  if (!isObject(content)) {
    problems.push(`Cannot use configuration file "${path}": not a JSON object`);
    return [];
  }
  return flatten(content, [], path, problems);
}

/** The options of a nested object; keys that are none are reported with the nearest known one. */
function flatten(
  object: Readonly<Record<string, unknown>>,
  path: readonly string[],
  file: string,
  problems: string[],
): Given[] {
  return Object.entries(object).flatMap(([key, value]) => {
    const full = [...path, key];
    const name = full.join(".");
    const option = OPTIONS.find((one) => one.path.join(".") === name);
    if (option !== undefined) return [{ option, value, from: `"${name}" in ${file}` }];
    const isGroup = OPTIONS.some((one) => one.path.join(".").startsWith(`${name}.`));
    if (isGroup && isObject(value)) return flatten(value, full, file, problems);
    if (isGroup) {
      const got = JSON.stringify(value);
      problems.push(`Bad value of "${name}" in ${file}: expected an object (got ${got})`);
      return [];
    }
    const known = OPTIONS.map((one) => one.path.join("."));
    problems.push(
      `Unknown key "${name}" in ${file}: did you mean "${closestString(name, known)}"?`,
    );
    return [];
  });
}

/** The schema's complaints, of each option the first: what follows from it says nothing new. */
function wordAll(
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

function optionOf(issue: z.core.$ZodIssue): Option | undefined {
  return OPTIONS.find(({ path }) => path.every((part, at) => issue.path[at] === part));
}

/** What the schema's complaint is about, under the name by which it was given. */
function word(issue: z.core.$ZodIssue, given: ReadonlyMap<string, Given>): string {
  const option = optionOf(issue);
  const one = option && given.get(option.flag);
  const complaint = issue.message.replace(/^Invalid input: /, "").replaceAll("\n", " ");
  if (one === undefined) {
    return option === undefined ? complaint : `Bad value of --${option.flag}: ${complaint}`;
  }
  // A password in a URL is a secret wherever it is.
  const got = JSON.stringify(one.value)?.replace(/(:\/\/).*@/g, "$1…@");
  const value = one.option.isSecret ? "" : ` (got ${got})`;
  return `Bad value of ${one.from}: ${complaint}${value}`;
}

function nest(given: Iterable<Given>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { option: { path }, value } of given) {
    let at = root;
    for (const part of path.slice(0, -1)) {
      // Only made here, and only as objects.
      at = (at[part] ??= {}) as Record<string, unknown>;
    }
    at[path.at(-1) ?? ""] = value;
  }
  return root;
}

/** Text as the option's type; what does not fit stays as it is and fails the schema. */
function typed(option: Option, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (option.type === "number" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (option.type === "boolean" && /^(true|1|yes|on)$/i.test(value)) return true;
  if (option.type === "boolean" && /^(false|0|no|off)$/i.test(value)) return false;
  return value;
}

function allFlags(option: Option): string[] {
  return [option.flag, ...option.otherFlags];
}

function bareName(arg: string): string {
  return arg.replace(/^-+/, "").replace(/=.*$/s, "");
}

function isNamed(option: Option, args: readonly string[]): boolean {
  const flags = allFlags(option);
  return args.some((arg) => arg.startsWith("-") && flags.includes(bareName(arg)));
}

function nameUsed(option: Option, args: readonly string[]): string {
  return allFlags(option).find((flag) => args.some((arg) => bareName(arg) === flag)) ?? option.flag;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
