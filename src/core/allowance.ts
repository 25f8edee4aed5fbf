import type { InputLimits } from "./limits.ts";

/** A token bucket that is refilled when it is asked, without a timer. */
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

  /** Takes one token; false if there is none. */
  take(nowMs: number): boolean {
    if (!this.hasAny(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** True if a token is left. */
  hasAny(nowMs: number): boolean {
    const elapsedMs = nowMs - this.#refilledAt;
    this.#tokens = refilled(this.#tokens, this.#perSecond, this.#burst, elapsedMs);
    this.#refilledAt = nowMs;
    return this.#tokens >= 1;
  }

  /** Takes many tokens, even more than are left. */
  overdraw(count: number): void {
    this.#tokens -= count;
  }
}

/** The frames and bytes that a client may send at once and per second. */
export type InputRates = Pick<
  InputLimits,
  "framesPerSecond" | "frameBurst" | "bytesPerSecond" | "byteBurst"
>;

/** The allowances of input that does not pass through a Pump, which has its own. */
export class InputAllowance {
  readonly #frames: Allowance;
  readonly #bytes: Allowance;

  constructor(rates: InputRates, nowMs: number) {
    this.#frames = new Allowance(rates.framesPerSecond, rates.frameBurst, nowMs);
    this.#bytes = new Allowance(rates.bytesPerSecond, rates.byteBurst, nowMs);
  }

  /** Takes a frame of `size` bytes; false over the rates. It may overdraw the bytes that are left. */
  take(size: number, nowMs: number): boolean {
    if (!this.#bytes.hasAny(nowMs) || !this.#frames.take(nowMs)) return false;
    this.#bytes.overdraw(size);
    return true;
  }

  /** Takes more bytes for a frame that was taken already. */
  overdraw(bytes: number): void {
    this.#bytes.overdraw(bytes);
  }
}

/**
 * Returns the tokens of an allowance after some time. For owners that keep the numbers themselves,
 * because one more object per connection would cost memory.
 * @param perSecond tokens added per second; at Infinity the allowance is always full
 */
export function refilled(
  tokens: number,
  perSecond: number,
  burst: number,
  elapsedMs: number,
): number {
  return perSecond === Infinity ? burst : Math.min(burst, tokens + perSecond * elapsedMs / 1000);
}
