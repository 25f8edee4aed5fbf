import { Buffer } from "node:buffer";
import { type Change, type Engine, type Key, StoreGoneError } from "./engine.ts";
import { copyDatabase, createPrivate } from "./files.ts";

/** The first part of all keys, so that another layout can live beside this one. */
const LAYOUT = 1;
/** What the file is named in its folder. */
export const KV_FILE = "signalbox.kv";
const LIST_BATCH = 500;
/** Begins the key of what a record has beyond its first part. */
const REST = "rest";
/** What is longer than this is cut in two: a value of Deno KV may have 65,536 bytes, serialised. */
const PART_BYTES = 65_500;
const CLOSED = "the store is closed";

/**
 * Deno KV, on a file or remote. `expireIn`, `enqueue` and `watch` are not used: the sweep behind
 * them panics on a full disk and stops everything on a locked file.
 */
export class KvEngine implements Engine {
  readonly place: string;
  readonly #isFile: boolean;
  /** Undefined before the first use, and where it is to be opened again. */
  #opening: Promise<Deno.Kv> | undefined;
  #kv: Deno.Kv | undefined;
  /** Which file was opened, as the system numbers it. */
  #file: string | undefined;
  /** Records of which there may be a second part, by their keys as JSON. */
  readonly #long = new Set<string>();
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
    const kv = await this.#open();
    const first = bytesOf((await kv.get([LAYOUT, ...key])).value);
    return first && await this.#whole(kv, key, first);
  }

  async *list(prefix: Key): AsyncGenerator<{ key: Key; value: Uint8Array<ArrayBuffer> }> {
    const selector = { prefix: [LAYOUT, ...prefix] };
    const kv = await this.#open();
    for await (const { key, value } of kv.list(selector, { batchSize: LIST_BATCH })) {
      const bytes = bytesOf(value);
      // All keys of this layout are texts; whatever else there is was not written here.
      if (bytes === undefined) continue;
      const name = key.slice(1).map(String);
      if (name[0] !== REST) yield { key: name, value: await this.#whole(kv, name, bytes) };
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const commit = (await this.#open()).atomic();
    for (const { key, value } of changes) {
      const rest = [LAYOUT, REST, ...key];
      const name = JSON.stringify(key);
      if (value === undefined) commit.delete([LAYOUT, ...key]);
      else commit.set([LAYOUT, ...key], firstOf(value));
      if (value !== undefined && value.length > PART_BYTES) {
        commit.set(rest, value.slice(PART_BYTES));
        this.#long.add(name);
      } else if (this.#long.has(name) || value?.length === PART_BYTES) {
        // A first part of full length says that there may be a second one.
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
    const kv = await this.#open();
    const { ok } = await kv.atomic().check({ key: full, versionstamp: null }).set(full, value)
      .commit();
    return ok;
  }

  /** Writes to a file that was deleted or replaced "succeed" and are lost. */
  async check(): Promise<void> {
    const kv = await this.#open();
    if (this.#isFile && this.#fileAtPlace() !== this.#file) {
      throw new StoreGoneError("the file was deleted or replaced");
    }
    await kv.get([LAYOUT, "format"]);
  }

  reopen(): void {
    this.#kv?.close();
    this.#kv = undefined;
    this.#opening = undefined;
  }

  async copy(name: string): Promise<void> {
    if (!this.#isFile) return;
    // What is closed is complete: nothing of it waits elsewhere to be written.
    this.reopen();
    await copyDatabase(this.place, `${this.place}.${name}`);
  }

  close(): void {
    this.#isClosed = true;
    this.reopen();
    this.#holding?.[Symbol.dispose]();
  }

  /** With its second part, where it has one. */
  async #whole(
    kv: Deno.Kv,
    key: Key,
    first: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (first.length !== PART_BYTES) return first;
    const rest = bytesOf((await kv.get([LAYOUT, REST, ...key])).value);
    if (rest === undefined) return first;
    this.#long.add(JSON.stringify(key));
    return new Uint8Array(Buffer.concat([first, rest]));
  }

  async #open(): Promise<Deno.Kv> {
    if (this.#isClosed) throw new Error(CLOSED);
    const opening = this.#opening ??= this.#openNow();
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  async #openNow(): Promise<Deno.Kv> {
    if (this.#isFile) await createPrivate(this.place);
    const kv = await Deno.openKv(this.place);
    if (this.#isClosed) {
      kv.close();
      throw new Error(CLOSED);
    }
    this.#file = this.#fileAtPlace();
    return this.#kv = kv;
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

/** Copied where it is cut: of a part of a buffer all of it would be serialised. */
function firstOf(value: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return value.length > PART_BYTES ? value.slice(0, PART_BYTES) : value;
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  // KV gives a copy of its own.
  return value instanceof Uint8Array ? value as Uint8Array<ArrayBuffer> : undefined;
}
