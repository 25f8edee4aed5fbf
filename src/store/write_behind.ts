import type { Clock } from "../core/clock.ts";
import { batchOf, type Change, type Engine, type Key, StoreTimeoutError } from "./engine.ts";
import { withinTime } from "./time_limit.ts";

export interface WriteBehindOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** What is to be stored under a key by now; undefined where nothing is. */
  readonly valueOf: (key: Key) => Uint8Array<ArrayBuffer> | undefined;
  /** Records that may wait to be written; the oldest beyond are dropped. */
  readonly maxWaiting: number;
  /** Time that one commit may take before the store counts as being in trouble. */
  readonly timeoutMs: number;
  /** Told of the outcome of every commit. */
  readonly onOutcome: (error: unknown | undefined) => void;
  readonly onDropped: () => void;
}

/** Waiting time after the first failure, doubled after each further one. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
/** Records that are written again at once, at most. */
const REWRITE_RECORDS = 200;
/** A commit that takes longer may never come back: the store is opened anew, where that can help. */
const GIVE_UP_MS = 30_000;

/**
 * Writes what has changed, one commit after the other, and nobody waits for it. What is kept until
 * then is which records changed and not what they were, so that many changes are one write, and a
 * write that comes late brings the newest.
 */
export class WriteBehind implements Disposable {
  readonly #options: WriteBehindOptions;
  /** By the key as JSON, the oldest first. */
  #waiting = new Map<string, Key>();
  /** Everything, where all of it is to be written again. */
  #again: Iterator<Key> | undefined;
  #running: Promise<void> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #wake: (() => void) | undefined;
  #isEnded = false;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** Records that wait, without those that are being written. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Notes that a record has changed. */
  add(key: Key): void {
    if (this.#isEnded) return;
    this.#waiting.set(JSON.stringify(key), key);
    this.#trim();
    this.#start();
  }

  /** Writes all these too, little by little, when nothing else waits. */
  addAll(keys: Iterable<Key>): void {
    if (this.#isEnded) return;
    this.#again = keys[Symbol.iterator]();
    this.#start();
  }

  /** Resolves with true once everything noted so far is written; with false when time is up. */
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

  /** Writes no more; what is being written may still arrive. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#waiting.clear();
    this.#again = undefined;
    this.#wake?.();
  }

  async #idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isWaiting()) this.#start();
    });
  }

  async #run(): Promise<void> {
    // What comes in the same turn goes into one commit.
    await Promise.resolve();
    while (this.#isWaiting()) {
      const batch = batchOf(this.#changes());
      for (const { key } of batch) this.#waiting.delete(JSON.stringify(key));
      try {
        await this.#commit(batch);
        this.#retryMs = FIRST_RETRY_MS;
        this.#options.onOutcome(undefined);
      } catch (error) {
        this.#options.onOutcome(error);
        if (this.#isEnded) return;
        this.#putBack(batch);
        await this.#pause();
      }
    }
  }

  #isWaiting(): boolean {
    for (let taken = 0; this.#waiting.size === 0 || taken > 0; taken++) {
      const next = this.#again?.next();
      if (next === undefined || next.done) {
        this.#again = undefined;
        break;
      }
      this.#waiting.set(JSON.stringify(next.value), next.value);
      if (taken >= REWRITE_RECORDS) break;
    }
    return this.#waiting.size > 0;
  }

  *#changes(): Generator<Change> {
    for (const key of this.#waiting.values()) yield { key, value: this.#options.valueOf(key) };
  }

  /**
   * Two commits are never under way at once: an earlier one that arrives after a later one would
   * bring back what was replaced. So one that is late is told of, and waited for all the same; and
   * should one arrive after it was given up, its records are written again.
   */
  async #commit(batch: readonly Change[]): Promise<void> {
    const commit = this.#options.engine.commit(batch);
    try {
      await this.#patiently(commit);
    } catch (error) {
      const again = (): void => batch.forEach(({ key }) => this.add(key));
      if (error instanceof StoreTimeoutError) commit.then(again, () => {});
      throw error;
    }
  }

  /** Waits until it is done, or the store begins anew. */
  async #patiently(work: Promise<void>): Promise<void> {
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

  /** Before all others, as it was; what has changed since then is noted already. */
  #putBack(batch: readonly Change[]): void {
    const old = batch.map(({ key }): [string, Key] => [JSON.stringify(key), key]);
    this.#waiting = new Map([...old, ...this.#waiting]);
    this.#trim();
  }

  #trim(): void {
    for (const name of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#options.maxWaiting) return;
      this.#waiting.delete(name);
      this.#options.onDropped();
    }
  }
}
