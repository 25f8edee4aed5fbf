import { setImmediate } from "node:timers";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";

/** The machine's own clock. */
export const systemClock: Clock = {
  now: (): number => performance.now(),
  every(intervalMs: number, action: () => void): Disposable {
    const timer = setInterval(action, intervalMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  soon: (action: () => void): Disposable => systemClock.after(0, action),
  next: (action: () => void): void => void setImmediate(action),
  after(delayMs: number, action: () => void): Disposable {
    const timer = setTimeout(action, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  delay: (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs)),
};

/** The machine's time of day. */
export const wallClock: WallClock = () => Date.now();

/** The start of this process, in ms since 1970. */
export const processStartMs: number = performance.timeOrigin;

/** The time of day as HTTP writes it. */
export function httpDate(): string {
  return new Date().toUTCString();
}

/** A moment of the wall clock in ISO 8601, UTC with ms. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
