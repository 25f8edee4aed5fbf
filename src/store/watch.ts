import type { Clock } from "../core/clock.ts";
import { type Engine, StoreTimeoutError } from "./engine/engine.ts";
import { nextTurn, withinTime } from "./time_limit.ts";

export interface EngineWatchOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Time that one look may take. */
  readonly timeoutMs: number;
  readonly isInTrouble: () => boolean;
  /** Told of the outcome of every look, and of damage. */
  readonly onOutcome: (error: unknown | undefined) => void;
}

/** Ticks between two looks at a store that is well; one in trouble is looked at every time. */
const LOOK_TICKS = 5;
/** Ticks between two readings of all that it holds: before KV's sweep, once a minute, meets damage. */
const INSPECT_TICKS = 30;
/** Ticks after which a look that does not end is given up, where the engine can begin anew. */
const GIVE_UP_TICKS = 30;
/** Time for the look before the end. */
const LAST_MS = 1_000;

/** Looks at an engine now and then: whether it answers, and whether what it is given lasts. */
export class EngineWatch {
  readonly #options: EngineWatchOptions;
  #ticks = 0;
  /** When the look began that is under way, in ticks. */
  #since: number | undefined;
  #inspecting: Promise<void> | undefined;
  #isEnded = false;

  constructor(options: EngineWatchOptions) {
    this.#options = options;
  }

  /** To be called once a second. */
  tick(): void {
    const { engine, isInTrouble, timeoutMs } = this.#options;
    this.#ticks++;
    const waitedTicks = this.#ticks - (this.#since ?? this.#ticks);
    if (waitedTicks >= GIVE_UP_TICKS && engine.reopen("silent")) this.#since = undefined;
    if (isInTrouble() || this.#ticks % LOOK_TICKS === 0) void this.#look(timeoutMs);
    if (this.#ticks % INSPECT_TICKS === 0) void this.#inspect();
  }

  /** Looks once more, also at all that it holds as far as that can be done in the time. */
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

  /** Resolves when nothing is looked at any more. */
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

  /** Takes as long as it takes: that it is slow is no trouble. */
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
