import type { Clock } from "../core/clock.ts";
import {
  type Accept,
  type Engine,
  type Key,
  StoreError,
  StoreTimeoutError,
} from "./engine/engine.ts";
import type { Report } from "./events.ts";
import { isLoss, Troubles } from "./health.ts";
import { Loader } from "./loader.ts";
import { EngineWatch } from "./watch.ts";
import { WriteBehind } from "./write_behind.ts";

export interface BackingOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Time that one operation may take before the store counts as being in trouble. */
  readonly timeoutMs: number;
  readonly maxWaitingWrites: number;
  readonly report: Report;
  /** What is to be stored under a key by now; undefined where nothing is. */
  readonly valueOf: (key: Key) => Uint8Array<ArrayBuffer> | undefined;
  /** All that is to be stored, and all that the engine holds and is not to. */
  readonly everything: () => AsyncIterable<Key>;
  /** Rejects where what an engine meets on beginning anew is not to be written. */
  readonly accept: Accept;
}

/**
 * What is behind a store: an engine, which is read at start, written behind, and looked at. How that
 * goes is told of; what an engine has lost is written again from memory.
 */
export class Backing {
  readonly #options: BackingOptions;
  readonly #troubles: Troubles;
  readonly writes: WriteBehind;
  readonly loader: Loader;
  readonly #watch: EngineWatch;
  /** The look before the end. */
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

  /** Why the engine cannot be relied upon now, in a few words without names; undefined if it can. */
  get trouble(): string | undefined {
    return this.#troubles.first;
  }

  /** Whether so many writes wait that no more should be made. */
  get isBusy(): boolean {
    return this.writes.waiting > this.#options.maxWaitingWrites / 2;
  }

  /** To be called once a second. */
  tick(): void {
    this.#watch.tick();
  }

  /** Once: whoever lost the file since the last look would lose all of it, and not be told. */
  async lookBeforeEnd(): Promise<void> {
    if (this.trouble === undefined) this.#lastLook ??= this.#watch.lookBeforeEnd();
    await this.#lastLook;
  }

  /** Resolves when it has let go of everything; what hangs, not before it comes to an end. */
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
    // Memory has it all.
    engine.reopen("gone", this.#options.accept);
    this.writes.rewrite();
  }
}
