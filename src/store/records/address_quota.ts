import { refilled } from "../../core/allowance.ts";

export interface AddressQuotaOptions {
  /** What an address gets per hour, and at once on top of that. */
  readonly perHour: number;
  readonly burst: number;
  readonly now: () => number;
  /** Which addresses count as one. */
  readonly keyOf: (address: string) => string;
  /** Addresses remembered at most; those that took nothing for the longest time are forgotten. */
  readonly maxAddresses?: number;
}

interface Account {
  readonly left: number;
  readonly atMs: number;
}

const MAX_ADDRESSES = 100_000;
const HOUR_S = 3_600;

/** So much for each address: counters with decay, not lists that could be filled. */
export class AddressQuota {
  readonly #options: AddressQuotaOptions;
  /** Whoever took last is last. */
  readonly #accounts = new Map<string, Account>();

  constructor(options: AddressQuotaOptions) {
    this.#options = options;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Whether there was one left; it is gone now. */
  take(address: string): boolean {
    const { now, keyOf, burst, maxAddresses = MAX_ADDRESSES } = this.#options;
    const key = keyOf(address);
    const account = this.#accounts.get(key);
    const left = account === undefined ? burst : this.#leftOf(account);
    if (left < 1) return false;
    this.#accounts.delete(key);
    this.#forgetFull();
    for (const oldest of this.#accounts.keys()) {
      if (this.#accounts.size < maxAddresses) break;
      this.#accounts.delete(oldest);
    }
    this.#accounts.set(key, { left: left - 1, atMs: now() });
    return true;
  }

  /** Whose account is full again need not be remembered: two at a time keep up with newcomers. */
  #forgetFull(): void {
    let looked = 0;
    for (const [key, account] of this.#accounts) {
      if (++looked > 2 || this.#leftOf(account) < this.#options.burst) return;
      this.#accounts.delete(key);
    }
  }

  #leftOf({ left, atMs }: Account): number {
    const { perHour, burst, now } = this.#options;
    return refilled(left, perHour / HOUR_S, burst, now() - atMs);
  }
}
