/** The only source of monotonic time and timers; tests advance their own. */
export interface Clock {
  /** Milliseconds since a fixed moment. */
  now(): number;
  /** Runs `action` every `intervalMs` until it is disposed of. */
  every(intervalMs: number, action: () => void): Disposable;
  /** Runs `action` in a task of its own, right after the current one, unless it is disposed of. */
  soon(action: () => void): Disposable;
  /** Runs `action` after the system has got what the current task has sent; much sooner than `soon`. */
  next(action: () => void): void;
  /** Runs `action` once after `delayMs`, unless it is disposed of. */
  after(delayMs: number, action: () => void): Disposable;
  /** Resolves after `delayMs`. */
  delay(delayMs: number): Promise<void>;
}
