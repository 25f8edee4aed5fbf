import type { Clock } from "../core/clock.ts";
import {
  type Accept,
  type Key,
  type StoreEngine,
  StoreError,
  StoreTimeoutError,
} from "./engine/engine.ts";
import type { ReportStoreEvent } from "./events.ts";
import { isLoss, Troubles } from "./health.ts";
import { Loader } from "./loader.ts";
import { EngineWatch } from "./watch.ts";
import { WriteBehind } from "./write_behind.ts";

export interface BackingOptions {
  readonly engine: StoreEngine;
  readonly clock: Clock;
  /** Time after which an unfinished operation means that the store is in trouble. */
  readonly timeoutMs: number;
  readonly maxWaitingWrites: number;
  readonly report: ReportStoreEvent;
  /** The current value of a key; undefined without a record. */
  readonly valueOf: (key: Key) => Uint8Array<ArrayBuffer> | undefined;
  /** The keys of all records to store, and of stored records to delete. */
  readonly everything: () => AsyncIterable<Key>;
  /** Rejects if a reopened engine must not be written to. */
  readonly accept: Accept;
}

/**
 * An engine with its loader, its write-behind queue and its health checks. Outcomes are reported, and
 * records that the engine has lost are written again from memory.
 */
export class Backing {
  readonly #options: BackingOptions;
  readonly #troubles: Troubles;
  readonly writes: WriteBehind;
  readonly loader: Loader;
  readonly #watch: EngineWatch;
  /** The last health check. */
  #lastLook: Promise<void> | undefined;

  constructor(options: BackingOptions) {
    const { engine, clock, timeoutMs, maxWaitingWrites: maxWaiting, report } = options;
    const { valueOf, everything } = options;
    this.#options = options;
    this.#troubles = new Troubles(report, engine.place);
    const isInTrouble = (): boolean => this.trouble !== undefined;
    this.writes = new WriteBehind({
      engine,
      clock,
      timeoutMs,
      maxWaiting,
      valueOf,
      everything,
      onOutcome: (error) => this.#note("writes", error),
      onDropped: () => report({ type: "write_dropped" }),
      onRewriting: (isDone) => this.#noteRewriting(isDone),
    });
    this.loader = new Loader({
      engine,
      clock,
      timeoutMs,
      report,
      isInTrouble,
      onOutcome: (doing, error) => this.#note(doing, error),
      onOver: (key) => this.writes.add(key),
      isBusy: () => this.isBusy,
    });
    this.#watch = new EngineWatch({
      engine,
      clock,
      timeoutMs,
      isInTrouble,
      onOutcome: (error) => this.#note("reading", error),
    });
  }

  /** The engine's current trouble, in a few words without names; undefined if it works. */
  get trouble(): string | undefined {
    return this.#troubles.first;
  }

  /** True if so many writes wait that callers should make no more. */
  get isBusy(): boolean {
    return this.writes.waiting > this.#options.maxWaitingWrites / 2;
  }

  /** Must be called once a second. */
  tick(): void {
    this.#watch.tick();
  }

  /** Checks once more: a file that was lost since the last check would be lost without notice. */
  async lookBeforeEnd(): Promise<void> {
    if (this.trouble === undefined) this.#lastLook ??= this.#watch.lookBeforeEnd();
    await this.#lastLook;
  }

  /** Resolves when everything is closed; an operation that hangs delays it. */
  async close(): Promise<void> {
    this.loader[Symbol.dispose]();
    this.writes[Symbol.dispose]();
    await Promise.all([this.#watch.end(), this.#options.engine.close()]);
  }

  #noteRewriting(isDone: boolean): void {
    if (isDone) return this.#troubles.note("rewriting");
    const error = new Error("all of it is written again");
    this.#troubles.note("rewriting", error, "not everything is written");
  }

  #note(doing: string, error: unknown): void {
    const { engine } = this.#options;
    const isLocked = error instanceof StoreTimeoutError && engine.isLocked();
    this.#troubles.note(doing, isLocked ? new StoreError("its file is locked", "locked") : error);
    if (!isLoss(error)) return;
    // Memory still has all records.
    engine.reopen("gone", this.#options.accept);
    this.writes.rewrite();
  }
}
