import type { Clock } from "../../../src/core/clock.ts";

/**
 * The time of one process, which a test can stop as SIGSTOP does: nothing happens in the process then,
 * while the clock of its machine runs.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #held: (() => void)[] = [];
  #stopped: PromiseWithResolvers<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Resolves while the process runs. */
  async running(): Promise<void> {
    while (this.#stopped !== undefined) await this.#stopped.promise;
  }

  stop(): void {
    this.#stopped ??= Promise.withResolvers();
  }

  /** Continues the process: everything that was due meanwhile happens now, in order. */
  resume(): void {
    const stopped = this.#stopped;
    this.#stopped = undefined;
    for (const action of this.#held.splice(0)) action();
    stopped?.resolve();
  }

  readonly now = (): number => this.#clock.now();

  every(intervalMs: number, action: () => void): Disposable {
    return this.#arm((due) => this.#clock.every(intervalMs, due), action);
  }

  after(delayMs: number, action: () => void): Disposable {
    return this.#arm((due) => this.#clock.after(delayMs, due), action);
  }

  soon(action: () => void): Disposable {
    return this.#clock.soon(action);
  }

  next(action: () => void): void {
    this.#clock.next(action);
  }

  delay(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(delayMs, resolve);
    return promise;
  }

  #arm(start: (due: () => void) => Disposable, action: () => void): Disposable {
    let [isOver, isHeld] = [false, false];
    const act = (): void => {
      isHeld = false;
      if (!isOver) action();
    };
    const timer = start(() => {
      if (!this.isStopped) return act();
      // An interval that was due several times is due once.
      if (!isHeld) this.#held.push(act);
      isHeld = true;
    });
    return {
      [Symbol.dispose]: (): void => {
        isOver = true;
        timer[Symbol.dispose]();
      },
    };
  }
}
