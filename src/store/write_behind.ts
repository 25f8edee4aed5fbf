import type { Clock } from "../core/clock.ts";
import {
  batchOf,
  type Key,
  type RecordChange,
  type StoreEngine,
  StoreTimeoutError,
} from "./engine/engine.ts";
import { withinTime } from "./time_limit.ts";

export interface WriteBehindOptions {
  readonly engine: StoreEngine;
  readonly clock: Clock;
  /** The current value of a key; undefined without a record. */
  readonly valueOf: (key: Key) => Uint8Array<ArrayBuffer> | undefined;
  /** The keys of all records to store, and of stored records to delete. */
  readonly everything: () => AsyncIterable<Key>;
  /** Records that may wait; older ones beyond that are left to a later rewriting. */
  readonly maxWaiting: number;
  /** Time after which an unfinished commit means that the store is in trouble. */
  readonly timeoutMs: number;
  /** Called with the outcome of each commit. */
  readonly onOutcome: (error: unknown | undefined) => void;
  readonly onDropped: () => void;
  /** Called when everything must be written again, and with true when that is done. */
  readonly onRewriting: (isDone: boolean) => void;
}

/** Delay after the first failure, doubled after each further one. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
/** Records per step of a rewriting, at most. */
const REWRITE_RECORDS = 200;
/** A commit that takes longer may never complete: the store is reopened, if that can help. */
const GIVE_UP_MS = 30_000;

/**
 * Writes changed records in the background, one commit after the other. It remembers the keys of
 * changed records and not their values, so many changes are one write, and a late write has the
 * newest value.
 */
export class WriteBehind implements Disposable {
  readonly #options: WriteBehindOptions;
  /** Keyed by the record's key as JSON, the oldest first. */
  #waiting = new Map<string, Key>();
  /** Records that are being written. */
  #underWay = 0;
  /** Records that were dropped since everything was written last. */
  #dropped = 0;
  /** True if a rewriting of everything is due; then its position. */
  #isOwed = false;
  #rewriting: AsyncIterator<Key> | undefined;
  #running: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** Records that wait, not counting those being written. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Changed records that are not stored yet. */
  get unwritten(): number {
    return this.#waiting.size + this.#underWay + this.#dropped;
  }

  /** Queues a changed record. */
  add(key: Key): void {
    if (this.#isEnded) return;
    this.#waiting.set(JSON.stringify(key), key);
    this.#trim();
    this.#start();
  }

  /** Writes everything again, little by little, when nothing else waits. */
  rewrite(): void {
    if (this.#isEnded) return;
    if (!this.#isOwed && this.#rewriting === undefined) this.#options.onRewriting(false);
    this.#stopRewriting();
    this.#isOwed = true;
    this.#start();
  }

  /** Resolves with true once everything queued so far is written, and with false if time is up. */
  async flush(limitMs: number): Promise<boolean> {
    this.#wake?.();
    try {
      await withinTime(this.#idle(), limitMs, this.#options.clock);
      return true;
    } catch (error) {
      if (error instanceof StoreTimeoutError) return false;
      throw error;
    }
  }

  /** Stops writing; a commit in progress may still complete. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#waiting.clear();
    this.#stopRewriting();
    this.#wake?.();
  }

  async #idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#waiting.size > 0 || this.#isOwed) this.#start();
    });
  }

  async #run(): Promise<void> {
    // Changes of the same turn go into one commit.
    await Promise.resolve();
    let batch: readonly RecordChange[] = [];
    for (;;) {
      try {
        if (!await this.#fill()) return;
        batch = batchOf(this.#changes());
        for (const { key } of batch) this.#waiting.delete(JSON.stringify(key));
        this.#underWay = batch.length;
        await this.#commit(batch);
        this.#retryMs = FIRST_RETRY_MS;
        this.#options.onOutcome(undefined);
      } catch (error) {
        this.#options.onOutcome(error);
        if (this.#isEnded) return;
        this.#putBack(batch);
        await this.#pause();
      }
      [batch, this.#underWay] = [[], 0];
    }
  }

  /** Fills the queue from a rewriting; false if everything is written. */
  async #fill(): Promise<boolean> {
    if (this.#waiting.size > 0) return true;
    if (this.#isOwed) {
      this.#isOwed = false;
      this.#rewriting = this.#options.everything()[Symbol.asyncIterator]();
    }
    const rewriting = this.#rewriting;
    if (rewriting === undefined) return false;
    try {
      const keys = await this.#patiently(take(REWRITE_RECORDS, rewriting));
      // Meanwhile another rewriting may have begun.
      if (this.#rewriting !== rewriting) return await this.#fill();
      for (const key of keys) this.#waiting.set(JSON.stringify(key), key);
      if (keys.length === 0) this.#rewritten();
    } catch (error) {
      this.rewrite();
      throw error;
    }
    return this.#waiting.size > 0;
  }

  /** Ends a rewriting: all records were committed, and none dropped since it began. */
  #rewritten(): void {
    [this.#rewriting, this.#dropped] = [undefined, 0];
    this.#options.onRewriting(true);
  }

  #stopRewriting(): void {
    // It may be in the middle of a list, whose outcome no longer matters.
    this.#rewriting?.return?.().catch(() => {});
    [this.#isOwed, this.#rewriting] = [false, undefined];
  }

  *#changes(): Generator<RecordChange> {
    for (const key of this.#waiting.values()) yield { key, value: this.#options.valueOf(key) };
  }

  /**
   * Two commits are never in progress at once, because an earlier one that completes later would
   * restore replaced values. A late commit is reported and still awaited. If one completes after it
   * was abandoned, its records are written again.
   */
  async #commit(batch: readonly RecordChange[]): Promise<void> {
    const commit = this.#options.engine.commit(batch);
    try {
      await this.#patiently(commit);
    } catch (error) {
      const again = (): void => batch.forEach(({ key }) => this.add(key));
      if (error instanceof StoreTimeoutError) commit.then(again, () => {});
      throw error;
    }
  }

  /** Waits until the work is done, or the store is reopened. */
  async #patiently<T>(work: Promise<T>): Promise<T> {
    const { engine, clock, timeoutMs, onOutcome } = this.#options;
    for (let limitMs = timeoutMs;; limitMs = GIVE_UP_MS) {
      try {
        return await withinTime(work, limitMs, clock);
      } catch (error) {
        if (!(error instanceof StoreTimeoutError)) throw error;
        onOutcome(error);
        if (this.#isEnded || limitMs === GIVE_UP_MS && engine.reopen("silent")) throw error;
      }
    }
  }

  async #pause(): Promise<void> {
    const delay = this.#retryMs;
    this.#retryMs = Math.min(2 * delay, LAST_RETRY_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    using _timer = this.#options.clock.after(delay, resolve);
    await promise;
    this.#wake = undefined;
  }

  /** Returns a batch to the front of the queue; newer changes are queued already. */
  #putBack(batch: readonly RecordChange[]): void {
    const old = batch.map(({ key }): [string, Key] => [JSON.stringify(key), key]);
    this.#waiting = new Map([...old, ...this.#waiting]);
    this.#trim();
  }

  #trim(): void {
    for (const name of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#options.maxWaiting) return;
      this.#waiting.delete(name);
      this.#dropped++;
      this.#options.onDropped();
      this.rewrite();
    }
  }
}

/** Takes the next items, up to a count. */
async function take<T>(count: number, from: AsyncIterator<T>): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = await from.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
