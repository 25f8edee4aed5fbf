import * as z from "zod";
import { jsonIn } from "../system/json.ts";
import { invalid } from "./problem.ts";

/** Begins a name in JSON. A name that is spelled out has its `=` escaped. */
const AS_JSON = "=%22";

/**
 * Reads the name in a segment of a path. The name is spelled out with its reserved characters escaped,
 * or is `=` and a JSON string. Names that no URL can hold need the second form: an empty one, `.`, `..`,
 * and one with half a surrogate pair. Throws for broken JSON.
 */
export function readSegment(segment: string): string {
  const text = decodeURIComponent(segment);
  if (!segment.startsWith(AS_JSON)) return text;
  const name = jsonIn(text.slice(1));
  if (typeof name === "string") return name;
  throw invalid({ pointer: "/path", detail: "expected a JSON string after =" });
}

/** Writes a name for the framework, which could not hold every name as it is either. */
export function innerSegment(name: string): string {
  return encodeURIComponent(JSON.stringify(name));
}

/** A name in the path of a request, as `innerSegment` writes it. */
export const pathName = z.string().meta({
  description: "The name with its reserved characters escaped, or = and the name as a JSON string",
}).transform((text) => String(jsonIn(text)));
