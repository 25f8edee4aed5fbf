import type { ZodType } from "zod";
import type { KeepOutcome, WallClock } from "../../core/kept.ts";
import { isKey, isValue, type Key } from "../engine/engine.ts";
import { decodeAs, StoredRecord } from "./shapes.ts";

/** What a table may hold. */
export interface TableLimits {
  readonly maxRecords: number;
  /** Sum of the records as they are stored. */
  readonly maxBytes?: number;
}

export interface TableOptions<Value> extends TableLimits {
  /** The first part of all keys. */
  readonly kind: string;
  /** What its values are when they are read from the store. */
  readonly shape: ZodType<Value>;
  readonly wallNow: WallClock;
  /** Told of every change. */
  readonly onChange: (key: Key) => void;
}

interface TableRecord<Value> {
  readonly key: Key;
  readonly value: Value;
  /** Infinity for one that stays. */
  readonly expiresAtMs: number;
  readonly bytes: number;
}

/** A record as others see it. */
export type ReadonlyRecord<Value> = Pick<TableRecord<Value>, "key" | "value" | "expiresAtMs">;

/** Records of one kind: the truth while the server runs. */
export class Table<Value> {
  readonly #options: TableOptions<Value>;
  /** By the key as JSON: its parts may hold any character. */
  readonly #records = new Map<string, TableRecord<Value>>();
  /** What was deleted while it was still being read; undefined afterwards. */
  #deleted: Set<string> | undefined;
  #bytes = 0;
  /** Where the sweep goes on. */
  #sweep: Iterator<[string, TableRecord<Value>]> | undefined;

  /** @param isLoaded false where records of an earlier run are still to be added */
  constructor(options: TableOptions<Value>, isLoaded: boolean) {
    this.#options = options;
    this.#deleted = isLoaded ? undefined : new Set();
  }

  get kind(): string {
    return this.#options.kind;
  }

  get size(): number {
    return this.#records.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isLoaded(): boolean {
    return this.#deleted === undefined;
  }

  /** The record, even if its time is over. */
  get(...parts: readonly string[]): ReadonlyRecord<Value> | undefined {
    return this.#records.get(nameOf(parts));
  }

  /** All records, those included whose time is over. */
  all(): Iterable<ReadonlyRecord<Value>> {
    return this.#records.values();
  }

  /** The record, unless its time is over. */
  find(...parts: readonly string[]): ReadonlyRecord<Value> | undefined {
    const record = this.get(...parts);
    return record !== undefined && record.expiresAtMs > this.#options.wallNow()
      ? record
      : undefined;
  }

  /** Records whose time is not over; of those whose key has these parts first, where any are named. */
  *list(...prefix: readonly string[]): Generator<ReadonlyRecord<Value>> {
    const now = this.#options.wallNow();
    for (const record of this.#records.values()) {
      const isMeant = prefix.every((part, at) => record.key[at + 1] === part);
      if (isMeant && record.expiresAtMs > now) yield record;
    }
  }

  set(parts: readonly string[], value: Value, expiresAtMs = Infinity): KeepOutcome {
    const key = [this.kind, ...parts];
    if (!isKey(key)) return "invalid";
    const stored = encode(value, expiresAtMs);
    if (!isValue(stored)) return "too_large";
    const name = nameOf(parts);
    const old = this.#records.get(name);
    const { maxRecords, maxBytes = Infinity } = this.#options;
    if (old === undefined && this.size >= maxRecords) return "full";
    if (this.#bytes - (old?.bytes ?? 0) + stored.length > maxBytes) return "full";
    this.#put(name, { key, value, expiresAtMs, bytes: stored.length });
    this.#options.onChange(key);
    return "kept";
  }

  delete(...parts: readonly string[]): void {
    const name = nameOf(parts);
    const isThere = this.#records.has(name);
    this.#deleted?.add(name);
    this.#remove(name);
    // Before everything is read, what is deleted may be in the store only.
    if (isThere || !this.isLoaded) this.#options.onChange([this.kind, ...parts]);
  }

  /**
   * Adds a record of an earlier run; what this one did to it counts more.
   * @returns "over" for one whose time is; "unreadable" for one that is none, which stays as it is
   */
  adopt(key: Key, stored: Uint8Array): "adopted" | "over" | "unreadable" {
    const parts = key.slice(1);
    const name = nameOf(parts);
    if (this.#records.has(name) || this.#deleted?.has(name)) return "adopted";
    const record = this.#decode(stored);
    if (record === undefined) return "unreadable";
    const { value, expiresAtMs } = record;
    if (expiresAtMs <= this.#options.wallNow()) return "over";
    this.#put(name, { key: [this.kind, ...parts], value, expiresAtMs, bytes: stored.length });
    return "adopted";
  }

  /** Whether a stored record was deleted here. */
  isDeleted(key: Key, stored: Uint8Array): boolean {
    const name = nameOf(key.slice(1));
    if (this.#records.has(name) || !(this.#deleted?.has(name) ?? true)) return false;
    return this.#decode(stored) !== undefined;
  }

  /** Everything of an earlier run was added. */
  loaded(): void {
    this.#deleted = undefined;
  }

  /** What is to be stored under a key; undefined where nothing is. */
  stored(key: Key): Uint8Array<ArrayBuffer> | undefined {
    const record = this.#records.get(nameOf(key.slice(1)));
    return record && encode(record.value, record.expiresAtMs);
  }

  /**
   * Looks at some more records, and after the last begins with the first again.
   * @param visit returns true for a record that may be removed when its time is over
   */
  sweep(count: number, visit: (record: ReadonlyRecord<Value>) => boolean): void {
    const now = this.#options.wallNow();
    this.#sweep ??= this.#records.entries();
    for (let looked = 0; looked < count; looked++) {
      const { done, value } = this.#sweep.next();
      if (done) {
        this.#sweep = undefined;
        return;
      }
      const [, record] = value;
      if (visit(record) && record.expiresAtMs <= now) this.delete(...record.key.slice(1));
    }
  }

  #decode(stored: Uint8Array): { value: Value; expiresAtMs: number } | undefined {
    const record = decodeAs(StoredRecord, stored);
    const parsed = record && this.#options.shape.safeParse(record.v);
    return parsed?.success
      ? { value: parsed.data, expiresAtMs: record?.exp ?? Infinity }
      : undefined;
  }

  #put(name: string, record: TableRecord<Value>): void {
    this.#remove(name);
    this.#records.set(name, record);
    this.#bytes += record.bytes;
  }

  #remove(name: string): void {
    this.#bytes -= this.#records.get(name)?.bytes ?? 0;
    this.#records.delete(name);
  }
}

function nameOf(parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function encode(value: unknown, expiresAtMs: number): Uint8Array<ArrayBuffer> {
  const exp = expiresAtMs === Infinity ? {} : { exp: expiresAtMs };
  return new TextEncoder().encode(JSON.stringify({ v: value, ...exp }));
}
