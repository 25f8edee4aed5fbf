import type { InputLimits } from "./limits.ts";

/** A burst, and a rate after that: two numbers, brought up to date when they are read. */
export class Allowance {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #refilledAt: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledAt = nowMs;
  }

  /** Whether there was one left; it is gone now. */
  take(nowMs: number): boolean {
    if (!this.hasAny(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** Whether there is one left. */
  hasAny(nowMs: number): boolean {
    const elapsedMs = nowMs - this.#refilledAt;
    this.#tokens = refilled(this.#tokens, this.#perSecond, this.#burst, elapsedMs);
    this.#refilledAt = nowMs;
    return this.#tokens >= 1;
  }

  /** Takes many, and more than are left if need be. */
  overdraw(count: number): void {
    this.#tokens -= count;
  }
}

/** A client's allowance, at once and per second, in frames and in bytes. */
export type InputRates = Pick<
  InputLimits,
  "framesPerSecond" | "frameBurst" | "bytesPerSecond" | "byteBurst"
>;

/** The allowances of a client's input, where it goes past a Pump, which has its own. */
export class InputAllowance {
  readonly #frames: Allowance;
  readonly #bytes: Allowance;

  constructor(rates: InputRates, nowMs: number) {
    this.#frames = new Allowance(rates.framesPerSecond, rates.frameBurst, nowMs);
    this.#bytes = new Allowance(rates.bytesPerSecond, rates.byteBurst, nowMs);
  }

  /** Whether a frame may come; of bytes a frame may be more than are left. */
  take(size: number, nowMs: number): boolean {
    if (!this.#bytes.hasAny(nowMs) || !this.#frames.take(nowMs)) return false;
    this.#bytes.overdraw(size);
    return true;
  }

  /** Takes more bytes, for a frame that may come already. */
  overdraw(bytes: number): void {
    this.#bytes.overdraw(bytes);
  }
}

/**
 * Returns an allowance as it is after some time, for callers that keep its numbers among their own:
 * an object more for every connection would count.
 * @param perSecond added per second; Infinity: it is always full
 */
export function refilled(
  tokens: number,
  perSecond: number,
  burst: number,
  elapsedMs: number,
): number {
  return perSecond === Infinity ? burst : Math.min(burst, tokens + perSecond * elapsedMs / 1000);
}
