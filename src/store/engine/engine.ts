/** A record's name, outermost part first; the first part is its kind. */
export type Key = readonly string[];

/** One step of a commit; without a value the record goes. */
export interface Change {
  readonly key: Key;
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** Somewhere that keeps bytes by key: Deno KV today; fits SQLite as well. */
export interface Engine {
  /** Where it keeps them, for people. */
  readonly place: string;
  get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** All records whose key begins with `prefix` and goes on, in no particular state of one moment. */
  list(prefix: Key): AsyncIterable<{ key: Key; value: Uint8Array<ArrayBuffer> }>;
  /** All changes or none, and durably so when it resolves; no more than `batchOf` gives. */
  commit(changes: readonly Change[]): Promise<void>;
  /** Writes a record unless there is one; false where there is. */
  create(key: Key, value: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Rejects if records written now would be lost. */
  check(): Promise<void>;
  /** True if another process keeps it from answering. */
  isLocked(): boolean;
  /** Keeps what it holds now under a name beside it; one that is not a file does nothing. */
  copy(name: string): Promise<void>;
  /**
   * Rejects when something of what it holds cannot be read again; takes its time.
   * @param pause lets others come first, between parts
   */
  inspect(pause: () => Promise<void>): Promise<void>;
  /**
   * Begins anew with whatever is at its place by then: what was kept is gone, or it has been silent
   * for long. False where silence is better waited for. What is under way may still arrive.
   * @param accept rejects where what is there by then is not to be used; asked before all others
   */
  reopen(why: "gone" | "silent", accept?: Accept): boolean;
  /** Resolves when everything is let go of: what hangs, not before it comes to an end. */
  close(): Promise<void>;
}

/** Looks at what an engine has opened, and rejects where it is not to be used. */
export type Accept = (get: Engine["get"]) => Promise<void>;

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

/** An operation that took longer than the store may take. */
export class StoreTimeoutError extends Error {
  override readonly name = "StoreTimeoutError";
}

// Deno KV: 2,048 bytes of a key, 65,536 of a value; a commit: 1,000 changes, 800 KiB of values, 80
// KiB of keys. A record may take two of its values, and so two keys and two changes; some room is
// left for what an engine adds.
const MAX_KEY_BYTES = 2_000;
const MAX_VALUE_BYTES = 131_000;
const MAX_CHANGES = 500;
const MAX_BATCH_KEY_BYTES = 32 * 1024;
const MAX_BATCH_VALUE_BYTES = 700 * 1024;

const encoder = new TextEncoder();

/** What a key takes; Infinity where it is no Unicode text and would not come back as it was. */
export function keyBytes(key: Key): number {
  let bytes = 0;
  for (const part of key) {
    if (!part.isWellFormed()) return Infinity;
    bytes += 2 + encoder.encode(part).length;
    // NUL ends a part, so that one inside takes two bytes.
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

/** Takes from the beginning of `changes` as many as fit into one commit, at least one. */
export function batchOf(changes: Iterable<Change>): Change[] {
  const batch: Change[] = [];
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
