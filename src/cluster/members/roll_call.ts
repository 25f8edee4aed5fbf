import type { Clock } from "../../core/clock.ts";

interface Waiting {
  /** The next answers of the engine that have to come. */
  answersLeft: number;
  readonly resolve: () => void;
}

/** An answer may be on its way already, and older than the question. */
const ANSWERS = 2;

/**
 * Has the engine name its nodes at once. A node that has just started is known to the others by their
 * next beat only, and it may have clients before that.
 */
export class RollCall {
  readonly #clock: Pick<Clock, "after">;
  readonly #check: () => boolean;
  readonly #waiting = new Set<Waiting>();

  /** @param check makes a call to the engine soon; returns false while that is away */
  constructor(clock: Pick<Clock, "after">, check: () => boolean) {
    this.#clock = clock;
    this.#check = check;
  }

  /** Resolves when all nodes are known that are registered by now, or after a time. */
  async take(limitMs: number): Promise<void> {
    if (!this.#check()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = { answersLeft: ANSWERS, resolve };
    this.#waiting.add(one);
    using _timer = this.#clock.after(limitMs, resolve);
    await promise;
    this.#waiting.delete(one);
  }

  /** The engine has named all nodes. */
  named(): void {
    for (const one of this.#waiting) {
      if (--one.answersLeft > 0) continue;
      this.#waiting.delete(one);
      one.resolve();
    }
    if (this.#waiting.size > 0) this.#check();
  }
}
