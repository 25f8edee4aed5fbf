import * as z from "zod";
import type { OptionMeta } from "../dialects/kit/options.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { flagOf, variableOf } from "./names.ts";
import { type Config, ConfigSchema } from "./schema.ts";

/** One option, as flags, variables, help and the options page see it. */
export interface Option {
  /** Its place in the configuration: ["peerjs", "allowDiscovery"]. */
  readonly path: readonly string[];
  /** Its flag without the dashes: "peerjs-allow-discovery". */
  readonly flag: string;
  /** Its variable: "SIGNALBOX_PEERJS_ALLOW_DISCOVERY". */
  readonly variable: string;
  /** Other names of the flag and of the variable. */
  readonly otherFlags: readonly string[];
  readonly otherVariables: readonly string[];
  readonly type: "boolean" | "number" | "text" | "list";
  /** Its only values, if it is a choice. */
  readonly words: readonly string[];
  /** Its bounds, if it is a number. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly standard: unknown;
  readonly help: string;
  readonly isSecret: boolean;
  /** It names the file of a secret. */
  readonly isSecretFile: boolean;
  readonly isRare: boolean;
  readonly mayBeEmpty: boolean;
  /** The value of a list flag that stands alone; undefined if it needs one. */
  readonly alone: string | undefined;
  /** Heading under which people find it. */
  readonly group: string;
}

/** Headings of the schema's own groups. */
const GROUPS: Readonly<Record<string, string>> = {
  admin: "Admin API and console",
  auth: "Authentication",
  log: "Log",
  limits: "Limits of the whole server",
  ice: "STUN and TURN",
  webhooks: "Webhooks",
  transport: "Transport",
  socketIo: "Socket.IO",
};

/** A schema's own facts, its metadata included. */
interface SchemaPart extends OptionMeta {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: SchemaPart;
  readonly anyOf?: readonly SchemaPart[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaPart>>;
}

/** Every option, in the schema's order. */
export const OPTIONS: readonly Option[] = collect(
  // `SchemaPart` lists the parts that a JSON Schema of our own options can hold.
  z.toJSONSchema(ConfigSchema, { io: "input" }) as SchemaPart,
  [],
);

function collect(schema: SchemaPart, path: readonly string[]): Option[] {
  const options: Option[] = [];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const innerPath = [...path, name];
    if (inner.properties !== undefined) options.push(...collect(inner, innerPath));
    else options.push(describe(inner, innerPath));
  }
  return options;
}

function describe(schema: SchemaPart, path: readonly string[]): Option {
  const flag = flagOf(path);
  return {
    path,
    flag,
    variable: variableOf(path),
    otherFlags: (schema.flags ?? []).filter((other) => other !== flag),
    otherVariables: schema.env ?? [],
    type: typeOf(schema),
    words: schema.enum ?? schema.items?.enum ??
      (schema.anyOf ?? []).flatMap((one) => one.const || []),
    min: schema.minimum,
    max: schema.maximum,
    standard: schema.default,
    help: schema.description ?? "",
    isSecret: schema.secret === true,
    isSecretFile: schema.secretFile === true,
    isRare: schema.isRare === true,
    mayBeEmpty: schema.mayBeEmpty === true,
    alone: schema.alone,
    group: schema.group ?? groupOf(path),
  };
}

/** The heading of a group of the configuration. */
function groupOf([name = ""]: readonly string[]): string {
  const title = DIALECTS.find((dialect) => dialect.name === name)?.title;
  return title ?? GROUPS[name] ?? name;
}

function typeOf({ type, anyOf }: SchemaPart): Option["type"] {
  if (type === "boolean") return "boolean";
  if (type === "array") return "list";
  const isNumber = type === "integer" || anyOf?.some((one) => one.type === "integer");
  return isNumber ? "number" : "text";
}

/** Flags of the limits that a configuration lifts. */
export function liftedLimits(config: Config): string[] {
  return OPTIONS.filter(({ path }) => valueAt(config, path) === Infinity).map(({ flag }) => flag);
}

/** The value of an option in a configuration. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const isObject = typeof value === "object" && value !== null;
  return isObject ? valueAt(Reflect.get(value, name), rest) : undefined;
}

/** A flag as it is typed: one letter has one dash. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
