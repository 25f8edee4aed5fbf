import { wordAll } from "./complaint.ts";
import { readConfigFile } from "./config_file.ts";
import { readFlags } from "./flags.ts";
import type { Given, Source } from "./given.ts";
import { LiveSecrets } from "./live_secrets.ts";
import { type Config, ConfigSchema } from "./schema.ts";
import { SecretFiles } from "./secret_files.ts";
import { fileInVariable, type Notice, readVariables, type VariableSource } from "./variables.ts";

/** Where a configuration comes from; the caller does the reading. */
export interface Sources extends VariableSource {
  readonly args: readonly string[];
  /** Throws an Error whose message is fit for people. */
  readonly readFile: (path: string) => string;
}

/** The command that a command line asks for. */
export type CommandLine =
  | {
    readonly type: "serve";
    readonly config: Config;
    readonly notices: readonly Notice[];
    readonly secrets: LiveSecrets;
    /** Where each given option comes from, by its flag. */
    readonly origins: ReadonlyMap<string, Source>;
  }
  | { readonly type: "help" | "help-all" | "version" | "config-schema" };

/** A configuration that cannot be used; each message is one line for a person. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly messages: readonly string[]) {
    super(messages.join("\n"));
  }
}

/** Reads defaults < file < environment < flags, and reports all problems at once. */
export function loadConfig(sources: Sources): CommandLine {
  const problems: string[] = [];
  const flags = readFlags(sources.args, problems);
  if (flags.instead !== undefined) return { type: flags.instead };
  const { given: fromVariables, notices } = readVariables(sources);
  const file = flags.file ?? fileInVariable(sources);
  const fromFile = file === undefined ? [] : readConfigFile(file, sources.readFile, problems);

  const isNamed = (flag: string): boolean => flags.given.some(({ option }) => option.flag === flag);
  for (const flag of ["port", "host"].filter(isNamed)) {
    if (isNamed("listen")) {
      problems.push(`Cannot use --${flag} beside --listen: its URL names both host and port`);
    }
  }

  const given = new Map<string, Given>();
  const origins = new Map<string, Source>();
  const places = [["file", fromFile], ["variable", fromVariables], ["flag", flags.given]] as const;
  for (const [source, values] of places) {
    for (const one of values) {
      given.set(one.option.flag, one);
      origins.set(one.option.flag, source);
    }
  }
  const files = new SecretFiles(given, sources.readFile, problems);
  const config = parse(given, files.read(problems), problems);
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  const secrets = new LiveSecrets(config, files, (fresh, faults) => parse(given, fresh, faults));
  return { type: "serve", config, notices: [...notices, ...noticesOf(config)], secrets, origins };
}

/** The configuration of these values; undefined if they cannot be used, with the reasons in `problems`. */
function parse(
  given: ReadonlyMap<string, Given>,
  secrets: readonly Given[],
  problems: string[],
): Config | undefined {
  const all = new Map([...given, ...secrets.map((one) => [one.option.flag, one] as const)]);
  const result = ConfigSchema.safeParse(nest(all.values()));
  // Each dialect's part was checked by its own schema.
  if (result.success) return result.data as Config;
  problems.push(...wordAll(result.error.issues, all));
  return undefined;
}

/** Warns of options that are more dangerous than they look. */
function noticesOf({ proxied }: Config): Notice[] {
  if (!proxied) return [];
  const facts = { option: "--proxied", safer: "--trust-proxy ADDRESS" };
  return [{ text: "every client's X-Forwarded-For is trusted", facts }];
}

function nest(given: Iterable<Given>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { option: { path }, value } of given) {
    let at = root;
    for (const part of path.slice(0, -1)) {
      // Groups are created here only, and only as objects.
      at = (at[part] ??= {}) as Record<string, unknown>;
    }
    at[path.at(-1) ?? ""] = value;
  }
  return root;
}
