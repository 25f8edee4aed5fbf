import type { Clock } from "../../../src/core/clock.ts";

interface Timer {
  dueAt: number;
  /** Undefined for one that fires once. */
  readonly intervalMs: number | undefined;
  readonly action: () => void;
}

/** A clock that stands still until a test moves it on. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;

  /** @param nowMs any moment but 0: a clock that begins there hides forgotten initial values */
  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  /** Timers that nobody has disposed of, and delays that are not over. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time until the next timer is due; infinite without one. */
  get nextMs(): number {
    let dueAt = Infinity;
    for (const timer of this.#timers) dueAt = Math.min(dueAt, timer.dueAt);
    return dueAt - this.#nowMs;
  }

  /** A field, not a method: callers pass it on without its object. */
  readonly now = (): number => this.#nowMs;

  every(intervalMs: number, action: () => void): Disposable {
    const timer = { dueAt: this.#nowMs + intervalMs, intervalMs, action };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** At once: in a test nothing else is under way. */
  soon(action: () => void): Disposable {
    action();
    return { [Symbol.dispose]: () => {} };
  }

  /** At once, too. */
  next(action: () => void): void {
    action();
  }

  after(delayMs: number, action: () => void): Disposable {
    const timer = { dueAt: this.#nowMs + delayMs, intervalMs: undefined, action };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  delay(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.add({ dueAt: this.#nowMs + delayMs, intervalMs: undefined, action: resolve });
    return promise;
  }

  /** Moves on, and fires on the way what is due, each at its own moment. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#nowMs = timer.dueAt;
      if (timer.intervalMs === undefined) this.#timers.delete(timer);
      else timer.dueAt += timer.intervalMs;
      timer.action();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= untilMs && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}
