/** Monotonic time and the only timers; tests advance one of their own. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Runs `action` every `intervalMs` until disposed. */
  every(intervalMs: number, action: () => void): Disposable;
  /** Runs `action` in a task of its own, as soon as what runs now is done, unless disposed of. */
  soon(action: () => void): Disposable;
  /** Runs `action` after a time, unless disposed of. */
  after(delayMs: number, action: () => void): Disposable;
  /** Resolves after `delayMs`. */
  delay(delayMs: number): Promise<void>;
}
