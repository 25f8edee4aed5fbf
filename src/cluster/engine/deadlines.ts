import type { Clock } from "../../core/clock.ts";
import { EngineError, LATE } from "./engine.ts";

interface Wait {
  readonly dueAt: number;
  readonly reject: (error: EngineError) => void;
}

/**
 * Ends waits that take too long. One timer serves them all, because a timer for each command costs a
 * tenth of the command.
 */
export class Deadlines implements Disposable {
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #waits = new Set<Wait>();
  #timer: Disposable | undefined;
  #firesAt = Infinity;

  constructor(clock: Pick<Clock, "now" | "after">) {
    this.#clock = clock;
  }

  /**
   * Rejects with EngineError where the work is not done in time. Its own end then means nothing.
   * @param troubleOf the rejection for an error of the work
   */
  within<T>(
    work: Promise<T>,
    limitMs: number,
    troubleOf: (error: unknown) => unknown = (error) => error,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const wait = { dueAt: this.#clock.now() + limitMs, reject };
    this.#waits.add(wait);
    this.#watch(wait.dueAt);
    work.then((result) => {
      this.#waits.delete(wait);
      resolve(result);
    }, (error) => {
      this.#waits.delete(wait);
      reject(troubleOf(error));
    });
    return promise;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#firesAt = Infinity;
  }

  /** Leaves a timer alone that fires before: it looks then for what is due next. */
  #watch(dueAt: number): void {
    if (dueAt >= this.#firesAt) return;
    this[Symbol.dispose]();
    this.#firesAt = dueAt;
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.#look());
  }

  #look(): void {
    this[Symbol.dispose]();
    const now = this.#clock.now();
    let next = Infinity;
    for (const wait of this.#waits) {
      if (wait.dueAt > now) next = Math.min(next, wait.dueAt);
      else {
        this.#waits.delete(wait);
        wait.reject(new EngineError("unreachable", LATE));
      }
    }
    if (next < Infinity) this.#watch(next);
  }
}
