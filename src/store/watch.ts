import type { Clock } from "../core/clock.ts";
import { type StoreEngine, StoreTimeoutError } from "./engine/engine.ts";
import { nextTurn, withinTime } from "./time_limit.ts";

export interface EngineWatchOptions {
  readonly engine: StoreEngine;
  readonly clock: Clock;
  /** Time limit for one check. */
  readonly timeoutMs: number;
  readonly isInTrouble: () => boolean;
  /** Called with the outcome of each check, and with damage. */
  readonly onOutcome: (error: unknown | undefined) => void;
}

/** Ticks between two checks of a healthy store; a store in trouble is checked at each tick. */
const LOOK_TICKS = 5;
/** Ticks between two full readings, so that damage is found before KV's sweep, once a minute. */
const INSPECT_TICKS = 30;
/** Ticks after which an unfinished check is abandoned, if the engine can be reopened. */
const GIVE_UP_TICKS = 30;
/** Time limit for the last check. */
const LAST_MS = 1_000;

/** Checks regularly that an engine answers, and that its records last. */
export class EngineWatch {
  readonly #options: EngineWatchOptions;
  #ticks = 0;
  /** The tick in which the current check began. */
  #since: number | undefined;
  #inspecting: Promise<void> | undefined;
  #isEnded = false;

  constructor(options: EngineWatchOptions) {
    this.#options = options;
  }

  /** Must be called once a second. */
  tick(): void {
    const { engine, isInTrouble, timeoutMs } = this.#options;
    this.#ticks++;
    const waitedTicks = this.#ticks - (this.#since ?? this.#ticks);
    if (waitedTicks >= GIVE_UP_TICKS && engine.reopen("silent")) this.#since = undefined;
    if (isInTrouble() || this.#ticks % LOOK_TICKS === 0) void this.#look(timeoutMs);
    if (this.#ticks % INSPECT_TICKS === 0) void this.#inspect();
  }

  /** Checks once more, and reads as many records as time allows. */
  async lookBeforeEnd(): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const limitMs = Math.min(timeoutMs, LAST_MS);
    await this.#look(limitMs);
    if (this.#since !== undefined) return;
    try {
      await withinTime(this.#inspect(), limitMs, clock);
    } catch (error) {
      if (!(error instanceof StoreTimeoutError)) throw error;
    }
  }

  /** Resolves when no check is in progress. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#inspecting;
  }

  async #look(limitMs: number): Promise<void> {
    if (this.#since !== undefined) return;
    const { engine, clock, onOutcome } = this.#options;
    const since = this.#since = this.#ticks;
    const work = engine.check().finally(() => {
      if (this.#since === since) this.#since = undefined;
    });
    try {
      await withinTime(work, limitMs, clock);
      onOutcome(undefined);
    } catch (error) {
      onOutcome(error);
    }
  }

  /** Has no time limit, because a slow reading is no trouble. */
  #inspect(): Promise<void> {
    return this.#inspecting ??= this.#inspectNow().finally(() => this.#inspecting = undefined);
  }

  async #inspectNow(): Promise<void> {
    const { engine, clock, onOutcome } = this.#options;
    const pause = async (): Promise<void> => {
      await nextTurn(clock);
      if (this.#isEnded) throw new Error("the store is closed");
    };
    try {
      await engine.inspect(pause);
    } catch (error) {
      if (!this.#isEnded) onOutcome(error);
    }
  }
}
