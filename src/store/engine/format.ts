import {
  batchOf,
  type Key,
  type RecordChange,
  type StoreEngine,
  StoreError,
  type StoreReason,
} from "./engine.ts";

/**
 * Converts one record to the next format; returns no changes if it stays. Additions come before
 * deletions, and records of the next format stay, because an interrupted step is repeated.
 */
export type Migration = (key: Key, value: Uint8Array<ArrayBuffer>) => readonly RecordChange[];

/** The format to write, and the steps to it from older ones. */
export interface Formats {
  readonly current: number;
  /** Keyed by the format that a step starts from. */
  readonly steps: ReadonlyMap<number, Migration>;
}

/** No format before the first was ever released. */
export const FORMATS: Formats = { current: 1, steps: new Map() };
export const FORMAT_KEY: Key = ["format"];

/** The value of FORMAT_KEY. */
export function formatRecord(format: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(String(format));
}

/**
 * Copies a store of an older format and migrates it to the current one. Throws StoreError for a
 * newer or unknown format.
 */
export async function settleFormat(engine: StoreEngine, formats: Formats): Promise<void> {
  const { current, steps } = formats;
  const stored = await engine.get(FORMAT_KEY);
  if (stored === undefined) {
    // Records without a format were written by another program.
    for await (const _record of engine.list([])) throw foreign(engine.place);
    await engine.create(FORMAT_KEY, formatRecord(current));
    return;
  }
  const { from, isUnderWay } = readFormat(engine.place, stored, formats);
  for (let format = from; format !== current; format++) {
    // An interrupted migration was preceded by a copy of the complete store.
    if (!isUnderWay || format > from) await engine.copy(`format-${format}`);
    await migrate(engine, format, steps.get(format) as Migration); // there is a step from each
  }
}

/**
 * Throws StoreError for any format but the current one, even an older one, because a file that
 * appears while the server runs is overwritten from memory.
 */
export async function proveCurrent(
  get: StoreEngine["get"],
  place: string,
  formats: Formats,
): Promise<void> {
  const stored = await get(FORMAT_KEY);
  if (stored === undefined) return;
  if (readFormat(place, stored, formats).from === formats.current) return;
  throw refusal(place, "an older signalbox wrote it", "other_format");
}

/** Throws StoreError for a format that is newer, or that no steps migrate. */
function readFormat(
  place: string,
  stored: Uint8Array,
  { current, steps }: Formats,
): { from: number; isUnderWay: boolean } {
  const text = new TextDecoder().decode(stored);
  // "1>2" marks a migration in progress, which takes several commits.
  const [, first, next] = /^([1-9]\d{0,8})(?:>(\d{1,9}))?$/.exec(text) ?? [];
  if (Number(next ?? first) > current) {
    throw refusal(
      place,
      `a newer signalbox wrote it (format ${text}, known is ${current})`,
      "newer",
    );
  }
  const from = Number(first);
  let known = from;
  while (steps.has(known)) known++;
  const isUnderWay = next !== undefined;
  const isStep = !isUnderWay || Number(next) === from + 1;
  if (isStep && known === current) return { from, isUnderWay };
  const shown = text.slice(0, 20);
  throw refusal(
    place,
    `its format is not known ("${shown}", known is ${current})`,
    "other_format",
  );
}

function refusal(place: string, why: string, reason: StoreReason): StoreError {
  return new StoreError(`Cannot use the store in "${place}": ${why}`, reason);
}

/** Refuses a store in which another program keeps something. */
export function foreign(place: string): StoreError {
  return refusal(place, "another program wrote it; name an empty folder", "foreign");
}

/** Commits all changes in batches; the last batch sets the new format. */
async function migrate(engine: StoreEngine, format: number, step: Migration): Promise<void> {
  const changes: RecordChange[] = [];
  for await (const { key, value } of engine.list([])) {
    if (key[0] !== FORMAT_KEY[0]) changes.push(...step(key, value));
  }
  const underWay = new TextEncoder().encode(`${format}>${format + 1}`);
  let at = 0;
  let isLast = false;
  while (!isLast) {
    const first = { key: FORMAT_KEY, value: underWay };
    const [, ...batch] = batchOf([first, ...changes.slice(at, at + 1_000)]);
    at += batch.length;
    isLast = at === changes.length;
    const value = isLast ? formatRecord(format + 1) : underWay;
    await engine.commit([{ key: FORMAT_KEY, value }, ...batch]);
  }
}
