import type { ZodType } from "zod";
import type { KeepOutcome, SharedRecord, WallClock } from "../../core/kept.ts";
import { isKey, isValue, type Key } from "../engine/engine.ts";
import { decodeAs, StoredRecord } from "./shapes.ts";

/** Limits of a table. */
export interface TableLimits {
  readonly maxRecords: number;
  /** Bytes of all records, as stored. */
  readonly maxBytes?: number;
}

export interface TableOptions<Value> extends TableLimits {
  /** The first part of all keys. */
  readonly kind: string;
  /** Shape of the values in the store. */
  readonly shape: ZodType<Value>;
  readonly wallNow: WallClock;
  /** False for a record that other nodes of a cluster do not get; all get every one by default. */
  isShared?(value: Value): boolean;
  /** Called after each change; `isOwn` is false for one of another node, and for an expiry. */
  readonly onChange: (key: Key, isOwn: boolean) => void;
}

/** Removed records that are remembered in a cluster. */
const MAX_REMOVED = 10_000;

interface TableRecord<Value> {
  readonly key: Key;
  readonly value: Value;
  /** Infinity for a record that does not expire. */
  readonly expiresAtMs: number;
  readonly bytes: number;
  /** Larger for a newer record of a cluster; 0 for one of this server alone. */
  readonly stamp: number;
}

/** A record, read-only. */
export type ReadonlyRecord<Value> = Pick<TableRecord<Value>, "key" | "value" | "expiresAtMs">;

/** Records of one kind; memory is authoritative while the server runs. */
export class Table<Value> {
  readonly #options: TableOptions<Value>;
  /** Keyed by the record's key as JSON, because its parts may hold any character. */
  readonly #records = new Map<string, TableRecord<Value>>();
  /** Stamps of records that were removed, in a cluster; undefined outside of one. */
  #removed: Map<string, { readonly key: Key; readonly stamp: number }> | undefined;
  /** Records deleted while the table was loading; undefined afterwards. */
  #deleted: Set<string> | undefined;
  #bytes = 0;
  #givesAll = false;
  /** The sweep's position. */
  #sweep: Iterator<[string, TableRecord<Value>]> | undefined;

  /** @param isLoaded false if records of an earlier run are still to be loaded */
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

  /** The record, even if it has expired. */
  get(...parts: readonly string[]): ReadonlyRecord<Value> | undefined {
    // Most servers ask for each peer and each address, and hold no record.
    return this.#records.size === 0 ? undefined : this.#records.get(nameOf(parts));
  }

  /** All records, including expired ones. */
  all(): Iterable<ReadonlyRecord<Value>> {
    return this.#records.values();
  }

  /** The record, unless it has expired. */
  find(...parts: readonly string[]): ReadonlyRecord<Value> | undefined {
    const record = this.get(...parts);
    return record !== undefined && record.expiresAtMs > this.#options.wallNow()
      ? record
      : undefined;
  }

  /** Records that have not expired, optionally only those whose keys begin with these parts. */
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
    this.#put(name, { key, value, expiresAtMs, bytes: stored.length, stamp: this.#stampOf(name) });
    this.#options.onChange(key, true);
    return "kept";
  }

  delete(...parts: readonly string[]): void {
    this.#delete(parts, true, this.#stampOf(nameOf(parts)));
  }

  /**
   * Remembers from now on what is removed: other nodes may still have it.
   * @param givesAll hands over records of which this node alone has a copy, too
   */
  share(givesAll = false): void {
    this.#removed ??= new Map();
    this.#givesAll = givesAll;
  }

  /**
   * Takes a record of another node over, unless this one is as new. "invalid": it means nothing.
   * @param text JSON; undefined for a record that was removed
   */
  accept(
    parts: readonly string[],
    text: string | undefined,
    expiresAtMs: number,
    stamp: number,
  ): "taken" | "known" | "invalid" {
    const key = [this.kind, ...parts];
    const name = nameOf(parts);
    const isKnown = this.#records.has(name) || this.#removed?.has(name) === true;
    if (isKnown && stamp <= this.#stampOf(name)) return "known";
    if (text === undefined) {
      this.#delete(parts, false, stamp);
      return "taken";
    }
    const value = decodeAs(this.#options.shape, new TextEncoder().encode(text));
    if (value === undefined || !isKey(key)) return "invalid";
    const stored = encode(value, expiresAtMs, stamp);
    if (!isValue(stored)) return "invalid";
    this.#put(name, { key, value, expiresAtMs, bytes: stored.length, stamp });
    this.#options.onChange(key, false);
    return "taken";
  }

  /** All records that have not expired, and those removed lately. */
  *shared(): Generator<SharedRecord> {
    for (const { key } of this.list()) {
      if (this.#givesAll || this.isShared(key)) yield this.sharedAt(key);
    }
    for (const { key } of this.#removed?.values() ?? []) yield this.sharedAt(key);
  }

  /** True for a record that other nodes get, and for one that was removed. */
  isShared(key: Key): boolean {
    const record = this.#records.get(nameOf(key.slice(1)));
    return record === undefined || (this.#options.isShared?.(record.value) ?? true);
  }

  /** The record of a key as other nodes take it. */
  sharedAt(key: Key): SharedRecord {
    const name = nameOf(key.slice(1));
    const record = this.#records.get(name);
    const lifetimeMs = (record?.expiresAtMs ?? Infinity) - this.#options.wallNow();
    const text = record && JSON.stringify(record.value);
    return { key, text, lifetimeMs, stamp: this.#stampOf(name) };
  }

  #stampOf(name: string): number {
    return this.#records.get(name)?.stamp ?? this.#removed?.get(name)?.stamp ?? 0;
  }

  #delete(parts: readonly string[], isOwn: boolean, stamp: number): void {
    const name = nameOf(parts);
    const key = [this.kind, ...parts];
    const isThere = this.#records.has(name);
    this.#deleted?.add(name);
    this.#remove(name);
    this.#forgetLater(name, key, stamp);
    // While the table is loading, a deleted record may be in the store only.
    if (isThere || !this.isLoaded) this.#options.onChange(key, isOwn);
  }

  #forgetLater(name: string, key: Key, stamp: number): void {
    const removed = this.#removed;
    if (removed === undefined) return;
    removed.delete(name);
    removed.set(name, { key, stamp });
    const [oldest] = removed.keys();
    if (removed.size > MAX_REMOVED && oldest !== undefined) removed.delete(oldest);
  }

  /**
   * Adds a record of an earlier run, unless this run has changed it.
   * @returns "over" for an expired record; "unreadable" for an invalid one, which stays in the store
   */
  adopt(key: Key, stored: Uint8Array): "adopted" | "over" | "unreadable" {
    const parts = key.slice(1);
    const name = nameOf(parts);
    if (this.#records.has(name) || this.#deleted?.has(name)) return "adopted";
    const record = this.#decode(stored);
    if (record === undefined) return "unreadable";
    if (record.expiresAtMs <= this.#options.wallNow()) return "over";
    this.#put(name, { key: [this.kind, ...parts], ...record, bytes: stored.length });
    return "adopted";
  }

  /** True if a stored record was deleted in memory. */
  isDeleted(key: Key, stored: Uint8Array): boolean {
    const name = nameOf(key.slice(1));
    if (this.#records.has(name) || !(this.#deleted?.has(name) ?? true)) return false;
    return this.#decode(stored) !== undefined;
  }

  /** Ends loading: all records of earlier runs were added. */
  loaded(): void {
    this.#deleted = undefined;
  }

  /** The bytes to store under a key; undefined if there is no record. */
  stored(key: Key): Uint8Array<ArrayBuffer> | undefined {
    const record = this.#records.get(nameOf(key.slice(1)));
    return record && encode(record.value, record.expiresAtMs, record.stamp);
  }

  /**
   * Examines some more records, and restarts after the last one.
   * @param visit returns true for a record that may be removed once it has expired
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
      if (!visit(record) || record.expiresAtMs > now) continue;
      this.#delete(record.key.slice(1), false, record.stamp);
    }
  }

  #decode(
    stored: Uint8Array,
  ): Pick<TableRecord<Value>, "value" | "expiresAtMs" | "stamp"> | undefined {
    const record = decodeAs(StoredRecord, stored);
    const parsed = record && this.#options.shape.safeParse(record.v);
    return parsed?.success
      ? { value: parsed.data, expiresAtMs: record?.exp ?? Infinity, stamp: record?.at ?? 0 }
      : undefined;
  }

  #put(name: string, record: TableRecord<Value>): void {
    this.#remove(name);
    this.#removed?.delete(name);
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

function encode(value: unknown, expiresAtMs: number, stamp = 0): Uint8Array<ArrayBuffer> {
  const exp = expiresAtMs === Infinity ? {} : { exp: expiresAtMs };
  const at = stamp === 0 ? {} : { at: stamp };
  return new TextEncoder().encode(JSON.stringify({ v: value, ...exp, ...at }));
}
