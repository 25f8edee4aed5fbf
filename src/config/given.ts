import type { Option } from "./option_list.ts";

/** A value as it was found, and the name under which a person gave it. */
export interface Given {
  readonly option: Option;
  readonly value: unknown;
  readonly from: string;
}

/** The kind of place that a value comes from. */
export type Source = "flag" | "variable" | "file";

/** Converts text to the option's type; text that does not fit stays and fails the schema. */
export function typed(option: Option, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (option.type === "number" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (option.type === "boolean") return switchWord(value) ?? value;
  return value;
}

/** Reads a word for on or off; undefined for any other. */
export function switchWord(word: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(word)) return true;
  if (/^(false|0|no|off)$/i.test(word)) return false;
  return undefined;
}
