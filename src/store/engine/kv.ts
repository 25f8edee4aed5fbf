import { Buffer } from "node:buffer";
import {
  type Accept,
  type Key,
  type RecordChange,
  type StoreEngine,
  StoreGoneError,
} from "./engine.ts";
import { copyDatabase, createPrivate } from "./files.ts";
import { KvHandle } from "./kv_handle.ts";
import { isLockedNow, isReadable } from "./soundness.ts";

/** The first part of all keys, so that another layout can exist beside this one. */
const LAYOUT = 1;
/** The file's name in its folder. */
export const KV_FILE = "signalbox.kv";
const LIST_BATCH = 500;
/** Begins the key of a record's second part. */
const REST = "rest";
/** Longer values are cut in two: a value of Deno KV may have 65,536 bytes, serialised. */
const PART_BYTES = 65_500;
const DAMAGED = "its file is damaged";
const CLOSED = "the store is closed";

/** A file that is locked for this process. */
export interface ClaimedFile extends Disposable {
  /** True if other processes are still locked out. */
  readonly isHeld: boolean;
  /** Locks and examines the file again; must precede each opening. */
  claim(): Promise<void>;
}

/**
 * Deno KV, on a file or remote. `expireIn`, `enqueue` and `watch` are not used: the sweep behind
 * them panics on a full disk and stops everything on a locked file.
 */
export class KvEngine implements StoreEngine {
  readonly place: string;
  readonly #isFile: boolean;
  /** Undefined before the first use, and if it must be reopened. */
  #opening: Promise<KvHandle> | undefined;
  #handle: KvHandle | undefined;
  /** Generation counter; a handle opened for an older generation is closed at once. */
  #openings = 0;
  /** Settle when the retired handles are closed. */
  readonly #left = new Set<Promise<void>>();
  /** The opened file's device and inode, and its last known size. */
  #file: { readonly name: string; readonly bytes: number } | undefined;
  /** Keys, as JSON, of records that may have a second part. */
  readonly #long = new Set<string>();
  readonly #claimed: ClaimedFile | undefined;
  #accept: Accept | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param place path of a file that may not exist yet, or a URL
   * @param claimed the file's lock, released when this is closed; undefined without a lock
   */
  constructor(place: string, claimed?: ClaimedFile) {
    this.place = place;
    this.#claimed = claimed;
    this.#isFile = !/^https?:/.test(place);
  }

  async get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const handle = await this.#open();
    using _hold = handle.hold();
    return await this.#get(handle, key);
  }

  async *list(prefix: Key): AsyncGenerator<{ key: Key; value: Uint8Array<ArrayBuffer> }> {
    const selector = { prefix: [LAYOUT, ...prefix] };
    const handle = await this.#open();
    using _hold = handle.hold();
    for await (const { key, value } of handle.kv.list(selector, { batchSize: LIST_BATCH })) {
      // All keys of this layout are texts; other keys were not written here.
      const name = key.slice(1).map(String);
      if (name[0] === REST) continue;
      yield { key: name, value: await this.#whole(handle, name, bytesOf(value)) };
    }
  }

  async commit(changes: readonly RecordChange[]): Promise<void> {
    const handle = await this.#open();
    using _hold = handle.hold();
    const commit = handle.kv.atomic();
    for (const { key, value } of changes) {
      const rest = [LAYOUT, REST, ...key];
      const name = JSON.stringify(key);
      if (value === undefined) commit.delete([LAYOUT, ...key]);
      else commit.set([LAYOUT, ...key], firstOf(value));
      if (value !== undefined && value.length > PART_BYTES) {
        commit.set(rest, value.slice(PART_BYTES));
        this.#long.add(name);
      } else if (this.#long.has(name) || value?.length === PART_BYTES) {
        // A first part of full length may have a second part.
        commit.delete(rest);
      }
    }
    await commit.commit();
    for (const { key, value } of changes) {
      if ((value?.length ?? 0) <= PART_BYTES) this.#long.delete(JSON.stringify(key));
    }
  }

  async create(key: Key, value: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const full = [LAYOUT, ...key];
    const handle = await this.#open();
    using _hold = handle.hold();
    const atomic = handle.kv.atomic().check({ key: full, versionstamp: null }).set(full, value);
    const { ok } = await atomic.commit();
    return ok;
  }

  /** Writes to a deleted or damaged file "succeed" and are lost. */
  async check(): Promise<void> {
    const handle = await this.#open();
    using _hold = handle.hold();
    if (this.#isFile) this.#checkFile();
    await handle.kv.get([LAYOUT, "format"]);
  }

  isLocked(): boolean {
    return this.#isFile && isLockedNow(this.place);
  }

  async inspect(pause: () => Promise<void>): Promise<void> {
    if (!this.#isFile) return;
    await this.#open();
    this.#checkFile();
    if (!await isReadable(this.place, pause)) throw new StoreGoneError(DAMAGED);
  }

  async copy(name: string): Promise<void> {
    if (!this.#isFile) return;
    // A closed file is complete: its log has been merged.
    await this.rest();
    await copyDatabase(this.place, `${this.place}.${name}`);
  }

  reopen(why: "gone" | "silent", accept?: Accept): boolean {
    // A file is silent while another process locks it. Another handle would be silent too, and this
    // one resumes when the lock is free. A remote store's requests are retried without end.
    if (why === "silent" && (this.#isFile || this.#left.size > 0)) return false;
    this.#leave();
    this.#accept = accept ?? this.#accept;
    return true;
  }

  /** Closes the file until the next use; operations in progress complete first. */
  async rest(): Promise<void> {
    const opening = this.#opening;
    this.#leave();
    // A handle that is still opening is closed as soon as it is open.
    await opening?.catch(() => {});
    await Promise.all(this.#left);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.rest();
    this.#claimed?.[Symbol.dispose]();
  }

  async #get(handle: KvHandle, key: Key): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { value } = await handle.kv.get([LAYOUT, ...key]);
    return value === null ? undefined : await this.#whole(handle, key, bytesOf(value));
  }

  /** Adds a record's second part, if there is one. */
  async #whole(
    { kv }: KvHandle,
    key: Key,
    first: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (first.length !== PART_BYTES) return first;
    const { value } = await kv.get([LAYOUT, REST, ...key]);
    if (value === null) return first;
    this.#long.add(JSON.stringify(key));
    return new Uint8Array(Buffer.concat([first, bytesOf(value)]));
  }

  /** Retires the handle. */
  #leave(): void {
    this.#openings++;
    this.#opening = undefined;
    if (this.#handle !== undefined) this.#retire(this.#handle);
    this.#handle = undefined;
  }

  #retire(handle: KvHandle): void {
    const closed = handle.retire().then(() => void this.#left.delete(closed));
    this.#left.add(closed);
  }

  async #open(): Promise<KvHandle> {
    if (this.#closing !== undefined) throw new Error(CLOSED);
    const opening = this.#opening ??= this.#openNow();
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #openNow(): Promise<KvHandle> {
    const opening = this.#openings;
    // For the first opening the caller has claimed the file.
    if (opening > 0) await this.#claimed?.claim();
    if (this.#isFile) await createPrivate(this.place);
    const handle = new KvHandle(await Deno.openKv(this.place));
    try {
      if (opening !== this.#openings) throw new Error(CLOSED);
      await this.#accept?.((key) => this.#get(handle, key));
      if (opening !== this.#openings) throw new Error(CLOSED);
    } catch (error) {
      this.#retire(handle);
      throw error;
    }
    this.#file = this.#fileAtPlace();
    return this.#handle = handle;
  }

  #checkFile(): void {
    const [before, now] = [this.#file, this.#fileAtPlace()];
    if (now?.name !== before?.name) throw new StoreGoneError("its file was deleted or replaced");
    if (this.#claimed?.isHeld === false) throw new StoreGoneError("its lock was deleted");
    // SQLite's file never shrinks.
    const isCut = now !== undefined && before !== undefined && now.bytes < before.bytes;
    if (isCut) throw new StoreGoneError(DAMAGED);
    this.#file = now;
  }

  #fileAtPlace(): { name: string; bytes: number } | undefined {
    try {
      const { dev, ino, size } = Deno.lstatSync(this.place);
      return { name: `${dev}:${ino}`, bytes: size };
    } catch {
      return undefined;
    }
  }
}

/** Copies a part, because a view would be serialised with its whole buffer. */
function firstOf(value: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return value.length > PART_BYTES ? value.slice(0, PART_BYTES) : value;
}

/** A value that is not bytes was not written here, and reads as empty. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  // KV returns a copy of its own.
  return value instanceof Uint8Array ? value as Uint8Array<ArrayBuffer> : new Uint8Array();
}
