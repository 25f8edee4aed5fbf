import { Buffer } from "node:buffer";
import * as z from "zod";
import type { AdminParts } from "./parts.ts";
import { invalid } from "./problem.ts";

export const SortKeyShape = z.array(z.union([z.number(), z.string()]));

/** Compared element by element. */
export type SortKey = Readonly<z.infer<typeof SortKeyShape>>;

/**
 * The places of items in order of their time. On several nodes it is one order: by the moment, then by
 * node. It stays the same whatever the clocks show later.
 */
export function placing<Item>(
  { server: { startedAtMs }, fleet }: Pick<AdminParts, "server" | "fleet">,
  timeOf: (item: Item) => number,
  serialOf: (item: Item) => number,
): (item: Item) => SortKey {
  if (fleet === undefined) return (item) => [serialOf(item)];
  return (item) => [startedAtMs + timeOf(item), fleet.node, serialOf(item)];
}

/** Negative if one place is before the other. */
export function compare(one: SortKey, other: SortKey): number {
  for (const [at, part] of one.entries()) {
    const counterpart = other[at];
    if (counterpart === undefined || typeof counterpart !== typeof part) return 1;
    if (part !== counterpart) return part < counterpart ? -1 : 1;
  }
  return 0;
}

export function cursorOf(place: SortKey): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

const Cursor = SortKeyShape.min(1);

export function readCursor(cursor: string): SortKey {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw invalid({ pointer: "/query/cursor", detail: "expected the `next` of a page" });
  }
}
