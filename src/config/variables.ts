import { type Given, typed } from "./given.ts";
import { nearest } from "./nearest.ts";
import { OPTIONS } from "./option_list.ts";

/** Something that deserves a warning in the log, though the server starts. */
export interface Notice {
  readonly text: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** Where variables come from; the caller does the reading. */
export interface VariableSource {
  /** A variable's value; undefined if it is not set or may not be read. */
  readonly variable: (name: string) => string | undefined;
  /** Names of all variables that may be seen, to find misspelt ones. */
  readonly variableNames?: readonly string[];
}

/** The variable that names the configuration file. */
const FILE = "SIGNALBOX_CONFIG";
/** Kubernetes sets these in every container for a service whose name begins with `signalbox`. */
const SERVICE_LINK =
  /^SIGNALBOX(_[A-Z0-9_]+)?_(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/** Reads options from variables; other systems set these, so blanks around a value are dropped. */
export function readVariables(source: VariableSource): { given: Given[]; notices: Notice[] } {
  const given: Given[] = [];
  const links = new Set<string>();
  for (const option of OPTIONS) {
    // The option's own variable wins over a foreign name for it.
    for (const name of [...option.otherVariables, option.variable]) {
      const value = trimmed(source, name);
      if (value === undefined) continue;
      if (name.endsWith("_PORT") && SERVICE_ADDRESS.test(value)) {
        links.add(name);
        continue;
      }
      const items = option.type === "list"
        ? value.split(",").map((item) => item.trim()).filter((item) => item !== "")
        : value;
      given.push({ option, value: typed(option, items), from: `variable ${name}` });
    }
  }
  return { given, notices: noticesOf(source, links) };
}

/** The configuration file that a variable names, if any. */
export function fileInVariable(source: VariableSource): string | undefined {
  return trimmed(source, FILE);
}

function noticesOf(source: VariableSource, links: Set<string>): Notice[] {
  const known = [FILE, ...OPTIONS.flatMap((one) => [one.variable, ...one.otherVariables])];
  const unknown: Notice[] = [];
  for (const name of source.variableNames ?? []) {
    if (!name.startsWith("SIGNALBOX_") || known.includes(name)) continue;
    const isAddress = name.endsWith("_PORT") && SERVICE_ADDRESS.test(trimmed(source, name) ?? "");
    if (isAddress || SERVICE_LINK.test(name)) links.add(name);
    else {
      const near = nearest(name, known);
      const facts = near === undefined ? { name } : { name, nearest: near };
      unknown.push({ text: "unknown variable ignored", facts });
    }
  }
  if (links.size === 0) return unknown;
  const facts = { names: [...links].sort().join(","), avoid: "enableServiceLinks: false" };
  return [{ text: "variables of Kubernetes service links ignored", facts }, ...unknown];
}

function trimmed({ variable }: VariableSource, name: string): string | undefined {
  const value = variable(name)?.trim();
  return value === "" ? undefined : value;
}
