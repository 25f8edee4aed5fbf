import type * as z from "zod";
import type { DialectStore } from "../../core/kept.ts";

/** The readable items that the last run sealed. */
export interface Unsealed<Item> {
  readonly items: readonly Item[];
  /** How long ago it was sealed: lifetimes in it are shorter by this. */
  readonly ageMs: number;
}

/**
 * Reads the items that the last run sealed. An invalid item is left out and reported; it is never
 * fatal.
 */
export function readSealed<Item>(store: DialectStore, schema: z.ZodType<Item>): Unsealed<Item> {
  const { sealed } = store;
  if (sealed === undefined) return { items: [], ageMs: 0 };
  const items: Item[] = [];
  for (const item of sealed.items) {
    const result = schema.safeParse(item);
    if (result.success) items.push(result.data);
  }
  const unreadable = sealed.items.length - items.length;
  if (unreadable > 0) store.unreadable(unreadable);
  return { items, ageMs: sealed.ageMs };
}
