import * as z from "zod";
import { Breaks } from "../core/breaks.ts";
import type { Clock } from "../core/clock.ts";
import { compare, cursorOf, readCursor, type SortKey } from "./sort_key.ts";
import type { Part } from "./reach.ts";

const MAX_LIMIT = 1_000;
/**
 * Characters after which a page ends, because its text is made at once and clients decide how much they
 * publish. Another node can take as much in one answer.
 */
const MAX_PAGE_LENGTH = 700_000;
/** Items between two looks at the clock. */
const CHECK_EVERY = 16;

/** The query of every page. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100).meta({
    description: "Items of one page, which ends sooner if they are large",
  }),
  cursor: z.string().optional().meta({ description: "The `next` of the page before" }),
};

/** A page of items. */
export function pageOf<T extends z.ZodType>(item: T, id: string): z.ZodObject<{
  items: z.ZodArray<T>;
  next: z.ZodNullable<z.ZodString>;
  total: z.ZodInt;
  missing: z.ZodOptional<z.ZodArray<z.ZodString>>;
}> {
  return z.strictObject({
    items: z.array(item),
    next: z.string().nullable().meta({ description: "Names the next page; null at the last one" }),
    total: z.int().meta({ description: "Items that match, on all pages" }),
    missing: z.array(z.string()).optional().meta({
      description: "Nodes of a cluster that did not answer: their items are left out",
    }),
  }).meta({ id });
}

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
  readonly total: number;
}

/** The items of a list, and where each one stands in its order. */
export interface PageSource<Item, View> {
  readonly items: Iterable<Item>;
  /** Its place, which only grows along the list. */
  readonly placeOf: (item: Item) => SortKey;
  readonly matches: (item: Item) => boolean;
  readonly view: (item: Item) => View;
}

/**
 * Makes a page; other work of the process goes on in between.
 * @param part of a page of several nodes
 */
export async function paginate<Item, View>(
  { limit, cursor }: PageRequest,
  { items, placeOf, matches, view }: PageSource<Item, View>,
  clock: Pick<Clock, "now" | "delay">,
  part?: Part,
): Promise<Page<View>> {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const breaks = new Breaks(clock);
  const views: View[] = [];
  let [total, seen, length] = [0, 0, 0];
  let last: SortKey | undefined = undefined;
  let hasMore = false;
  for (const item of items) {
    if (++seen % CHECK_EVERY === 0 && breaks.isDue) await breaks.take();
    if (!matches(item)) continue;
    total++;
    if (views.length === limit || length > MAX_PAGE_LENGTH) {
      hasMore = true;
      continue;
    }
    const place = placeOf(item);
    if (after !== undefined && compare(place, after) <= 0) continue;
    const shown = view(item);
    views.push(shown);
    length += JSON.stringify(shown).length;
    last = place;
    part?.places.push(place);
  }
  return { items: views, next: hasMore && last !== undefined ? cursorOf(last) : null, total };
}

/**
 * The first items of a list in the order of their places, behind a cursor: those of a page, and one
 * more. The list itself may have any order.
 */
export async function inPlace<Item>(
  { limit, cursor }: PageRequest,
  { items, placeOf, matches }: Pick<PageSource<Item, unknown>, "items" | "placeOf" | "matches">,
  clock: Pick<Clock, "now" | "delay">,
): Promise<Item[]> {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const breaks = new Breaks(clock);
  let first: { readonly item: Item; readonly place: SortKey }[] = [];
  let seen = 0;
  for (const item of items) {
    if (++seen % CHECK_EVERY === 0 && breaks.isDue) await breaks.take();
    const place = placeOf(item);
    if (!matches(item) || after !== undefined && compare(place, after) <= 0) continue;
    first.push({ item, place });
    if (first.length < 2 * (limit + 1)) continue;
    first = first.sort((a, b) => compare(a.place, b.place)).slice(0, limit + 1);
  }
  return first.sort((a, b) => compare(a.place, b.place)).slice(0, limit + 1).map(({ item }) =>
    item
  );
}
