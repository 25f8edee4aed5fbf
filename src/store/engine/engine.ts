/** A record's name, outermost part first; the first part is its kind. */
export type Key = readonly string[];

/** One step of a commit; a change without a value deletes the record. */
export interface RecordChange {
  readonly key: Key;
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** Stores bytes by key: Deno KV today; SQLite would fit as well. */
export interface StoreEngine {
  /** Its file or URL, for people. */
  readonly place: string;
  get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** All records whose keys are longer than `prefix` and begin with it; not a snapshot. */
  list(prefix: Key): AsyncIterable<{ key: Key; value: Uint8Array<ArrayBuffer> }>;
  /** Commits all changes or none, durably; takes at most one batch of `batchOf`. */
  commit(changes: readonly RecordChange[]): Promise<void>;
  /** Creates a record; returns false if it exists. */
  create(key: Key, value: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Rejects if records written now would be lost. */
  check(): Promise<void>;
  /** True if another process keeps it from answering. */
  isLocked(): boolean;
  /** Copies its file to a name beside it; an engine without a file does nothing. */
  copy(name: string): Promise<void>;
  /**
   * Rejects if a stored record cannot be read; may take long.
   * @param pause yields to other work between two parts
   */
  inspect(pause: () => Promise<void>): Promise<void>;
  /**
   * Reopens what is at its place, because the records are gone or the engine was silent for long.
   * Operations in progress may still complete.
   * @param accept rejects if the reopened place must not be used; runs before all other operations
   * @returns false if waiting is better than reopening
   */
  reopen(why: "gone" | "silent", accept?: Accept): boolean;
  /** Resolves when everything is closed; an operation that hangs delays it. */
  close(): Promise<void>;
}

/** Examines an opened engine, and rejects if it must not be used. */
export type Accept = (get: StoreEngine["get"]) => Promise<void>;

/** Why a store cannot be used. */
export type StoreReason =
  | "damaged"
  | "denied"
  | "failed"
  | "foreign"
  | "full"
  | "in_use"
  | "invalid_place"
  | "locked"
  | "newer"
  | "not_a_folder"
  | "other_format"
  | "read_only"
  | "secret"
  | "silent";

/** Reasons that stay until a person changes something. */
const FINAL: ReadonlySet<StoreReason> = new Set([
  "foreign",
  "invalid_place",
  "newer",
  "not_a_folder",
  "other_format",
  "secret",
]);

/** A store that cannot be used; the message is one line for people. */
export class StoreError extends Error {
  override readonly name = "StoreError";

  constructor(message: string, readonly reason: StoreReason) {
    super(message);
  }

  /** True if another try may succeed although nothing was changed. */
  get mayPass(): boolean {
    return !FINAL.has(this.reason);
  }
}

/**
 * The stored records are no longer where they were: all of them must be written again. The message
 * may be shown to everybody.
 */
export class StoreGoneError extends Error {
  override readonly name = "StoreGoneError";
}

/** An operation took longer than the store's time limit. */
export class StoreTimeoutError extends Error {
  override readonly name = "StoreTimeoutError";
}

// Deno KV's limits: 2,048 bytes per key, 65,536 per value; 1,000 changes, 800 KiB of values and 80
// KiB of keys per commit. A record may take two values, hence two keys and two changes. Ours leave
// room for bytes that an engine adds.
const MAX_KEY_BYTES = 2_000;
const MAX_VALUE_BYTES = 131_000;
const MAX_CHANGES = 500;
const MAX_BATCH_KEY_BYTES = 32 * 1024;
const MAX_BATCH_VALUE_BYTES = 700 * 1024;

const encoder = new TextEncoder();

/** Bytes of a stored key; Infinity for text that is not Unicode, because it would come back changed. */
export function keyBytes(key: Key): number {
  let bytes = 0;
  for (const part of key) {
    if (!part.isWellFormed()) return Infinity;
    bytes += 2 + encoder.encode(part).length;
    // NUL ends a part, so a NUL inside takes two bytes.
    for (let at = part.indexOf("\0"); at >= 0; at = part.indexOf("\0", at + 1)) bytes++;
  }
  return bytes;
}

export function isKey(key: Key): boolean {
  return keyBytes(key) <= MAX_KEY_BYTES;
}

export function isValue(value: Uint8Array): boolean {
  return value.length <= MAX_VALUE_BYTES;
}

/** Takes the first changes that fit into one commit, at least one. */
export function batchOf(changes: Iterable<RecordChange>): RecordChange[] {
  const batch: RecordChange[] = [];
  let [keys, values] = [0, 0];
  for (const change of changes) {
    keys += keyBytes(change.key) + 16;
    values += (change.value?.length ?? 0) + 16;
    const isOver = keys > MAX_BATCH_KEY_BYTES || values > MAX_BATCH_VALUE_BYTES;
    if (batch.length > 0 && (isOver || batch.length >= MAX_CHANGES)) break;
    batch.push(change);
  }
  return batch;
}
