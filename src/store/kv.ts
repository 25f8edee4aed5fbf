import { type Accept, type Change, type Engine, type Key, StoreGoneError } from "./engine.ts";
import { KvHandle } from "./kv_handle.ts";
import { isReadable } from "./soundness.ts";

/** The first part of all keys, so that another layout can live beside this one. */
const LAYOUT = 1;
/** What the file is named in its folder. */
export const KV_FILE = "signalbox.kv";
const LIST_BATCH = 500;
const DAMAGED = "its file is damaged";
const CLOSED = "the store is closed";

/** A folder that nobody else uses. */
export interface ClaimedFolder extends Disposable {
  readonly isHeld: boolean;
  /** Sees again to all that is to be seen to before its file is opened. */
  claim(): Promise<void>;
}

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
  /** Which file was opened, as the system numbers it, and how large it was last. */
  #file: { readonly name: string; readonly bytes: number } | undefined;
  readonly #folder: ClaimedFolder | undefined;
  #accept: Accept | undefined;
  #isClosed = false;

  /**
   * @param place path of a file that may not exist yet, or a URL
   * @param folder the file's, disposed of when this is closed; undefined where nobody else is kept off
   */
  constructor(place: string, folder?: ClaimedFolder) {
    this.place = place;
    this.#folder = folder;
    this.#isFile = !/^https?:/.test(place);
  }

  async get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const handle = await this.#open();
    using _hold = handle.hold();
    return await getFrom(handle, key);
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

  /** Writes to a file that was deleted, or is damaged, "succeed" and are lost. */
  async check(): Promise<void> {
    const handle = await this.#open();
    using _hold = handle.hold();
    if (this.#isFile) this.#checkFile();
    await handle.kv.get([LAYOUT, "format"]);
  }

  async inspect(pause: () => Promise<void>): Promise<void> {
    if (!this.#isFile) return;
    await this.#open();
    this.#checkFile();
    if (!await isReadable(this.place, pause)) throw new StoreGoneError(DAMAGED);
  }

  reopen(why: "gone" | "silent", accept?: Accept): boolean {
    // Silent, a file is locked by another process: another handle would be silent too, and this one
    // goes on when the lock is free. What a remote store does not answer is tried for ever.
    if (why === "silent" && (this.#isFile || this.#left.size > 0)) return false;
    this.#leave();
    this.#accept = accept;
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#leave();
    await Promise.all(this.#left);
    this.#folder?.[Symbol.dispose]();
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
    // The first time, whoever opened the store has claimed it.
    if (opening > 0) await this.#folder?.claim();
    const handle = new KvHandle(await Deno.openKv(this.place));
    try {
      if (opening !== this.#openings) throw new Error(CLOSED);
      await this.#accept?.((key) => getFrom(handle, key));
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
    if (this.#folder?.isHeld === false) throw new StoreGoneError("its lock was deleted");
    // SQLite's file grows, or stays as it is.
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

async function getFrom(
  { kv }: KvHandle,
  key: Key,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { value } = await kv.get([LAYOUT, ...key]);
  return value === null ? undefined : bytesOf(value);
}

/** What was not written here is no bytes: nobody can read them. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  // KV gives a copy of its own.
  return value instanceof Uint8Array ? value as Uint8Array<ArrayBuffer> : new Uint8Array();
}
