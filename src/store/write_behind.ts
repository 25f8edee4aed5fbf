import type { Clock } from "../core/clock.ts";
import { batchOf, type Change, type Engine, type Key, StoreTimeoutError } from "./engine/engine.ts";
import { withinTime } from "./time_limit.ts";

export interface WriteBehindOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** What is to be stored under a key by now; undefined where nothing is. */
  readonly valueOf: (key: Key) => Uint8Array<ArrayBuffer> | undefined;
  /** All that is to be stored, and all that is stored and is not to be. */
  readonly everything: () => AsyncIterable<Key>;
  /** Records that may wait to be written; the oldest beyond are left to a later rewriting. */
  readonly maxWaiting: number;
  /** Time that one commit may take before the store counts as being in trouble. */
  readonly timeoutMs: number;
  /** Told of the outcome of every commit. */
  readonly onOutcome: (error: unknown | undefined) => void;
  readonly onDropped: () => void;
  /** Told when everything has to be written again, and with true when that is done. */
  readonly onRewriting: (isDone: boolean) => void;
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
  /** Records that are being written. */
  #underWay = 0;
  /** Records that were dropped since everything was written last. */
  #dropped = 0;
  /** Whether everything is still to be written again, and where that goes on. */
  #isOwed = false;
  #rewriting: AsyncIterator<Key> | undefined;
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

  /** Records that were changed and that nobody can rely upon yet. */
  get unwritten(): number {
    return this.#waiting.size + this.#underWay + this.#dropped;
  }

  /** Notes that a record has changed. */
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
    // What comes in the same turn goes into one commit.
    await Promise.resolve();
    let batch: readonly Change[] = [];
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

  /** Sees to it that something waits; false where all is written. */
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
      // Meanwhile all of it may have been to be written anew.
      if (this.#rewriting !== rewriting) return await this.#fill();
      for (const key of keys) this.#waiting.set(JSON.stringify(key), key);
      if (keys.length === 0) this.#rewritten();
    } catch (error) {
      this.rewrite();
      throw error;
    }
    return this.#waiting.size > 0;
  }

  /** All of it was committed, with nothing dropped since it began. */
  #rewritten(): void {
    [this.#rewriting, this.#dropped] = [undefined, 0];
    this.#options.onRewriting(true);
  }

  #stopRewriting(): void {
    // It may be in the middle of a list; what becomes of that does not matter any more.
    this.#rewriting?.return?.().catch(() => {});
    [this.#isOwed, this.#rewriting] = [false, undefined];
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
      this.#dropped++;
      this.#options.onDropped();
      this.rewrite();
    }
  }
}

/** The next of them, as many as there are. */
async function take<T>(count: number, from: AsyncIterator<T>): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = await from.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
