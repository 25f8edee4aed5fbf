import { type Change, type Engine, type Key, StoreGoneError } from "./engine.ts";
import { KvHandle } from "./kv_handle.ts";

/** The first part of all keys, so that another layout can live beside this one. */
const LAYOUT = 1;
/** What the file is named in its folder. */
export const KV_FILE = "signalbox.kv";
const LIST_BATCH = 500;
const CLOSED = "the store is closed";

/**
 * Deno KV, on a file or remote. `expireIn`, `enqueue` and `watch` are not used: the sweep behind
 * them panics on a full disk and stops everything on a locked file.
 */
export class KvEngine implements Engine {
  readonly place: string;
  readonly #isFile: boolean;
  /** Undefined before the first use, and where it is to be opened again. */
  #opening: Promise<KvHandle> | undefined;
  #handle: KvHandle | undefined;
  /** Counts on when a handle is let go of: one that opens too late is nobody's. */
  #openings = 0;
  /** For each handle that is to be closed, what settles when it is. */
  readonly #left = new Set<Promise<void>>();
  /** Which file was opened, as the system numbers it. */
  #file: string | undefined;
  readonly #holding: Disposable | undefined;
  #isClosed = false;

  /**
   * @param place path of a file that may not exist yet, or a URL
   * @param holding what is disposed of when it is closed, such as a lock
   */
  constructor(place: string, holding?: Disposable) {
    this.place = place;
    this.#holding = holding;
    this.#isFile = !/^https?:/.test(place);
  }

  async get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const handle = await this.#open();
    using _hold = handle.hold();
    const { value } = await handle.kv.get([LAYOUT, ...key]);
    return value === null ? undefined : bytesOf(value);
  }

  async *list(prefix: Key): AsyncGenerator<{ key: Key; value: Uint8Array<ArrayBuffer> }> {
    const selector = { prefix: [LAYOUT, ...prefix] };
    const handle = await this.#open();
    using _hold = handle.hold();
    for await (const { key, value } of handle.kv.list(selector, { batchSize: LIST_BATCH })) {
      // All keys of this layout are texts; whatever else there is was not written here.
      yield { key: key.slice(1).map(String), value: bytesOf(value) };
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const handle = await this.#open();
    using _hold = handle.hold();
    const commit = handle.kv.atomic();
    for (const { key, value } of changes) {
      if (value === undefined) commit.delete([LAYOUT, ...key]);
      else commit.set([LAYOUT, ...key], value);
    }
    await commit.commit();
  }

  async create(key: Key, value: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const full = [LAYOUT, ...key];
    const handle = await this.#open();
    using _hold = handle.hold();
    const atomic = handle.kv.atomic().check({ key: full, versionstamp: null }).set(full, value);
    const { ok } = await atomic.commit();
    return ok;
  }

  /** Writes to a file that was deleted or replaced "succeed" and are lost. */
  async check(): Promise<void> {
    const handle = await this.#open();
    using _hold = handle.hold();
    if (this.#isFile && this.#fileAtPlace() !== this.#file) {
      throw new StoreGoneError("the file was deleted or replaced");
    }
    await handle.kv.get([LAYOUT, "format"]);
  }

  reopen(why: "gone" | "silent"): boolean {
    // Silent, a file is locked by another process: another handle would be silent too, and this one
    // goes on when the lock is free. What a remote store does not answer is tried for ever.
    if (why === "silent" && (this.#isFile || this.#left.size > 0)) return false;
    this.#leave();
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#leave();
    await Promise.all(this.#left);
    this.#holding?.[Symbol.dispose]();
  }

  /** Lets go of the handle. */
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
    if (this.#isClosed) throw new Error(CLOSED);
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
    const handle = new KvHandle(await Deno.openKv(this.place));
    if (opening !== this.#openings) {
      this.#retire(handle);
      throw new Error(CLOSED);
    }
    this.#file = this.#fileAtPlace();
    return this.#handle = handle;
  }

  #fileAtPlace(): string {
    try {
      const { dev, ino } = Deno.lstatSync(this.place);
      return `${dev}:${ino}`;
    } catch {
      return "none";
    }
  }
}

/** What was not written here is no bytes: nobody can read them. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  // KV gives a copy of its own.
  return value instanceof Uint8Array ? value as Uint8Array<ArrayBuffer> : new Uint8Array();
}
