import { assertThrows } from "@std/assert";
import { type CommandLine, ConfigError, loadConfig } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/schema.ts";

/** Where a test's configuration comes from. */
export interface TestSources {
  readonly args?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Contents by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Reads files in place of `files`. */
  readonly readFile?: (path: string) => string;
}

export function commandOf(
  { args = [], variables = {}, files = {}, readFile }: TestSources,
): CommandLine {
  const env = new Map(Object.entries(variables));
  const disk = new Map(Object.entries(files));
  return loadConfig({
    args,
    variable: (name) => env.get(name),
    variableNames: [...env.keys()],
    readFile: readFile ?? ((path) => {
      const content = disk.get(path);
      if (content === undefined) throw new Error("no such file");
      return content;
    }),
  });
}

/** The configuration that comes of it; throws ConfigError where none does. */
export function configOf(sources: TestSources = {}): Config {
  const command = commandOf(sources);
  if (command.type !== "serve") throw new Error(`Cannot serve: the command is ${command.type}`);
  return command.config;
}

/** The warnings that a start with it would log, each as its text and facts. */
export function noticesOf(sources: TestSources): readonly string[] {
  const command = commandOf(sources);
  if (command.type !== "serve") throw new Error(`Cannot serve: the command is ${command.type}`);
  return command.notices.map(({ text, facts }) => `${text} ${JSON.stringify(facts)}`);
}

/** The errors of the configuration, line by line. */
export function problemsOf(sources: TestSources): readonly string[] {
  return assertThrows(() => commandOf(sources), ConfigError).messages;
}

/** A value inside a configuration; undefined where there is none. */
export function valueAt(config: unknown, path: readonly string[]): unknown {
  let at = config;
  for (const part of path) {
    // Looked at, not relied on: a wrong path ends in undefined.
    at = (at as Record<string, unknown> | undefined)?.[part];
  }
  return at;
}
