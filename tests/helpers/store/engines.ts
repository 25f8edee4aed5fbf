import type { Accept, Key, RecordChange, StoreEngine } from "../../../src/store/engine/engine.ts";
import { KvEngine } from "../../../src/store/engine/kv.ts";
import { until } from "../wire/waiting.ts";

/** A folder for one test, removed at the end. */
export class TempFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<TempFolder> {
    return new TempFolder(await Deno.makeTempDir({ prefix: "signalbox-store-" }));
  }

  /** An engine on a file in it, the same file each time. */
  engine(): KvEngine {
    return new KvEngine(`${this.path}/test.kv`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Windows deletes no open file, and Deno KV closes its own a little after close().
    await until("the folder to be free", async () => {
      try {
        await Deno.remove(this.path, { recursive: true });
        return true;
      } catch (error) {
        if (Deno.build.os !== "windows") throw error;
        return false;
      }
    });
  }
}

/** Writes that do not end. */
interface HeldWrites {
  /** Resolves when the first of them has begun. */
  readonly reached: PromiseWithResolvers<void>;
  readonly released: PromiseWithResolvers<void>;
}

/** A real engine that fails, or hangs, as long as a test wants it to. */
export class FaultyEngine implements StoreEngine {
  /** Thrown by whatever is done. */
  fault: Error | undefined;
  /** Thrown by writing alone. */
  writeFault: Error | undefined;
  commits = 0;
  /** Checks that have succeeded. */
  checks = 0;
  reopened = 0;
  #failing: { commits: number; fault: Error } | undefined;
  readonly #engine: StoreEngine;
  #hanging: PromiseWithResolvers<void> | undefined;
  #held: HeldWrites | undefined;
  readonly #left: (PromiseWithResolvers<void> | undefined)[] = [];

  constructor(engine: StoreEngine) {
    this.#engine = engine;
  }

  get place(): string {
    return this.#engine.place;
  }

  /** From now on nothing comes to an end before `goOn`. */
  hang(): void {
    this.#hanging ??= Promise.withResolvers();
  }

  /** From now on reading works and no write comes to an end before `goOn`. */
  holdWrites(): HeldWrites {
    return this.#held = { reached: Promise.withResolvers(), released: Promise.withResolvers() };
  }

  /** Lets so many commits through, and fails from then on as `writeFault` does. */
  failAfter(commits: number, fault: Error): void {
    this.#failing = { commits, fault };
  }

  goOn(): void {
    for (const hanging of [this.#hanging, ...this.#left.splice(0)]) hanging?.resolve();
    this.#held?.released.resolve();
    [this.#hanging, this.#held] = [undefined, undefined];
  }

  async get(key: Key): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await this.#suffer();
    return await this.#engine.get(key);
  }

  async *list(prefix: Key): AsyncGenerator<{ key: Key; value: Uint8Array<ArrayBuffer> }> {
    await this.#suffer();
    yield* this.#engine.list(prefix);
  }

  async commit(changes: readonly RecordChange[]): Promise<void> {
    await this.#suffer();
    await this.#wait();
    if (this.#failing !== undefined && this.#failing.commits-- === 0) {
      this.writeFault = this.#failing.fault;
    }
    if (this.writeFault !== undefined) throw this.writeFault;
    await this.#engine.commit(changes);
    // Each start proves a write with the format record.
    if (changes.some(({ key: [kind] }) => kind !== "format")) this.commits++;
  }

  async create(key: Key, value: Uint8Array<ArrayBuffer>): Promise<boolean> {
    await this.#suffer();
    await this.#wait();
    if (this.writeFault !== undefined) throw this.writeFault;
    return await this.#engine.create(key, value);
  }

  async check(): Promise<void> {
    await this.#suffer();
    await this.#engine.check();
    this.checks++;
  }

  isLocked(): boolean {
    return this.#engine.isLocked();
  }

  async inspect(pause: () => Promise<void>): Promise<void> {
    await this.#suffer();
    await this.#engine.inspect(pause);
  }

  async copy(name: string): Promise<void> {
    await this.#suffer();
    await this.#engine.copy(name);
  }

  /** Opens anew also silent ones; calls that hang already stay so. */
  reopen(_why: "gone" | "silent", accept?: Accept): boolean {
    this.reopened++;
    this.#left.push(this.#hanging);
    this.#hanging = undefined;
    return this.#engine.reopen("gone", accept);
  }

  async close(): Promise<void> {
    this.goOn();
    await this.#engine.close();
  }

  async #wait(): Promise<void> {
    this.#held?.reached.resolve();
    await this.#held?.released.promise;
  }

  async #suffer(): Promise<void> {
    await this.#hanging?.promise;
    if (this.fault !== undefined) throw this.fault;
  }
}
