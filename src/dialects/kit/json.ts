import { Buffer } from "node:buffer";
import type { ZodType } from "zod";
import { SignalError } from "../../core/errors.ts";
import { jsonIn } from "../../system/json.ts";

/**
 * Deeper nesting is refused: nothing that a client needs comes near it, and everything that ever
 * walks over a value may rely on it.
 */
const MAX_DEPTH = 64;

/**
 * Reads a client's text, which may be invalid JSON; `words` word the error in the dialect's way.
 */
export function parseJson(text: string, words: string = "Message is not JSON"): unknown {
  const value = jsonIn(text);
  if (value === undefined) throw new SignalError("not_json", words);
  return value;
}

/**
 * Returns the value as a schema has it. If it does not fit or nests too deeply, `words` word the
 * error.
 * @param text the source of `value`
 */
export function conform<T>(schema: ZodType<T>, text: string, value: unknown, words: string): T {
  const result = isTooDeep(text, value) ? undefined : schema.safeParse(value);
  if (!result?.success) throw new SignalError("bad_frame", words);
  return result.data;
}

/** The size of a JSON value as text, in bytes. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value nests too deeply. `text` is what it was read from: most texts need only a look. */
export function isTooDeep(text: string, value: unknown, maxDepth: number = MAX_DEPTH): boolean {
  return opens(text, "{", maxDepth) + opens(text, "[", maxDepth) > maxDepth &&
    isDeep(value, maxDepth);
}

function opens(text: string, bracket: string, maxDepth: number): number {
  let count = 0;
  let at = text.indexOf(bracket);
  while (at !== -1 && count <= maxDepth) {
    count++;
    at = text.indexOf(bracket, at + 1);
  }
  return count;
}

/** Walks level by level, not recursively: the value may be as deep as the text was long. */
function isDeep(value: unknown, maxDepth: number): boolean {
  let level: readonly object[] = isContainer(value) ? [value] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) return true;
    const next: object[] = [];
    for (const item of level) {
      for (const inner of Object.values(item)) if (isContainer(inner)) next.push(inner);
    }
    level = next;
  }
  return false;
}

/** An array or an object, even an empty one: each is a level. */
function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
