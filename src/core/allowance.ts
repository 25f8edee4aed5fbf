/** So much at once, and so much per second after that: two numbers, looked at when asked. */
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
    if (this.#perSecond === Infinity) return true;
    const refill = (nowMs - this.#refilledAt) * this.#perSecond / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill);
    this.#refilledAt = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
